use iam::{AccountId, Arn, OidcProviderArn, generate::Repository};
use oci::RepositoryName;

/// Repositories: an ARN, with `*` and `?` as wildcards in the name, or `HOST/NAME` as in an image's name.
pub(super) fn repositories(text: &str) -> Result<Arn, String> {
    if !text.starts_with("arn:") {
        return by_host(text);
    }
    let arn: Arn = text.parse().map_err(|error| format!("{error}"))?;
    match arn.resource().strip_prefix("repository/") {
        Some(name) if arn.service() == "ecr" && !name.is_empty() => Ok(arn),
        _ => Err(format!("is no ARN of a repository; {EXPECTED}")),
    }
}

/// One repository, in the same forms and without wildcards.
pub(super) fn repository(text: &str) -> Result<Repository, String> {
    Repository::try_from(repositories(text)?).map_err(|error| error.to_string())
}

fn by_host(text: &str) -> Result<Arn, String> {
    let (host, name) = text.split_once('/').ok_or_else(|| EXPECTED.to_owned())?;
    let host: aws::RegistryHost = host.parse().map_err(|error| format!("{error}; {EXPECTED}"))?;
    let name: RepositoryName = name
        .parse()
        .map_err(|error| format!("{error}; {EXPECTED}, without a tag"))?;
    host.repository_arn(&name).parse().map_err(|error| format!("{error}"))
}

const EXPECTED: &str =
    "expected: arn:aws:ecr:REGION:ACCOUNT:repository/NAME, or ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME";

/// A role or a user.
pub(super) fn role_or_user(text: &str) -> Result<Arn, String> {
    let arn: Arn = text.parse().map_err(|error| format!("{error}"))?;
    let is_named = ["role/", "user/"]
        .iter()
        .any(|kind| arn.resource().strip_prefix(kind).is_some_and(|name| !name.is_empty()));
    if arn.service() != "iam" || !is_named || arn.account().is_none() || text.contains(['*', '?']) {
        return Err(
            "expected: the ARN of one role or user, arn:aws:iam::ACCOUNT:role/NAME or arn:aws:iam::ACCOUNT:user/NAME"
                .to_owned(),
        );
    }
    Ok(arn)
}

/// A role, a user, or a whole account by its number or its `root`.
pub(super) fn principal(text: &str) -> Result<Arn, String> {
    if let Ok(account) = text.parse::<AccountId>() {
        return format!("arn:aws:iam::{account}:root")
            .parse()
            .map_err(|error| format!("{error}"));
    }
    let arn: Arn = text.parse().map_err(|error| format!("{error}"))?;
    if arn.service() == "iam" && arn.resource() == "root" && arn.account().is_some() {
        return Ok(arn);
    }
    role_or_user(text).map_err(|error| format!("{error}, or the number of an account"))
}

/// "AssumeRole" of the STS API reference: 2 to 1224 letters, digits and `_+=,.@:/-`.
pub(super) fn external_id(text: &str) -> Result<String, String> {
    let is_sign = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
    if (2..=1224).contains(&text.len()) && text.bytes().all(is_sign) {
        return Ok(text.to_owned());
    }
    Err("expected: 2 to 1224 letters, digits and _+=,.@:/-".to_owned())
}

/// "CreateOpenIDConnectProvider" of the IAM API reference: 1 to 255 characters.
pub(super) fn audience(text: &str) -> Result<String, String> {
    if (1..=255).contains(&text.chars().count()) {
        return Ok(text.to_owned());
    }
    Err("expected: 1 to 255 characters".to_owned())
}

pub(super) fn subject(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("expected: the `sub` of the tokens, exactly".to_owned());
    }
    Ok(text.to_owned())
}

/// SHA-1 of a certificate.
pub(super) fn thumbprint(text: &str) -> Result<String, String> {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    if digits.len() == 40 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(digits.to_ascii_lowercase());
    }
    Err("expected: 40 hexadecimal digits".to_owned())
}

/// The provider's ARN, of the value of `--provider`.
pub(super) fn provider(text: &str) -> Result<OidcProviderArn, String> {
    text.parse().map_err(|error| format!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_have_two_forms() {
        let arn = "arn:aws:ecr:us-east-1:111122223333:repository/team/app";
        let host = "111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app";
        assert_eq!(repositories(arn).unwrap(), repositories(host).unwrap());
        assert_eq!(repository(host).unwrap().name(), "team/app");
        assert!(repositories(&format!("{arn}/*")).is_ok() && repository(&format!("{arn}/*")).is_err());
        let china = repositories("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/a/b").unwrap();
        assert_eq!(china.partition(), "aws-cn");
        for text in [
            "",
            "team/app",
            "arn:aws:s3:::b",
            "arn:aws:ecr:us-east-1:111122223333:repository/",
            &format!("{host}:1"),
        ] {
            assert!(repositories(text).is_err(), "{text}");
        }
    }

    #[test]
    fn principals_are_roles_users_and_sometimes_accounts() {
        for arn in [
            "arn:aws:iam::111122223333:role/r",
            "arn:aws:iam::111122223333:user/path/u",
        ] {
            assert_eq!(role_or_user(arn).unwrap().as_str(), arn);
            assert_eq!(principal(arn).unwrap().as_str(), arn);
        }
        let root = "arn:aws:iam::111122223333:root";
        assert!(role_or_user(root).is_err() && role_or_user("111122223333").is_err());
        assert_eq!(principal(root).unwrap(), principal("111122223333").unwrap());
        for text in [
            "*",
            "0123456789012",
            "arn:aws:iam::111122223333:oidc-provider/i.example",
            "arn:aws:iam::111122223333:role/*",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:sts::111122223333:assumed-role/r/s",
        ] {
            assert!(principal(text).is_err(), "{text}");
        }
    }

    #[test]
    fn texts_are_within_the_limits_of_aws() {
        assert!(external_id("11111111-1111-1111-1111-111111111111").is_ok());
        for text in ["", "x", "a b", "ü1", &"x".repeat(1225)] {
            assert!(external_id(text).is_err(), "{text}");
        }
        assert!(audience("").is_err() && audience(&"x".repeat(256)).is_err() && audience("https://a b").is_ok());
        assert!(subject("").is_err() && subject("repo:*").is_ok());
        assert_eq!(
            thumbprint("00:".repeat(20).trim_end_matches(':')).unwrap(),
            "0".repeat(40)
        );
        assert!(thumbprint("00").is_err() && thumbprint(&"g".repeat(40)).is_err());
    }
}

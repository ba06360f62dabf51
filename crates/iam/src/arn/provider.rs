use crate::{AccountId, Arn, ArnError};

const EXPECTED: &str = "the ARN of an OIDC provider, arn:aws:iam::123456789012:oidc-provider/HOST/PATH";
const ISSUER: &str = "https://HOST/PATH, without port, query and fragment";

/// The ARN of an IAM OIDC provider: `arn:aws:iam::123456789012:oidc-provider/HOST/PATH`.
///
/// Host and path are those of the issuer's URL without its scheme: they are what a condition key begins with.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OidcProviderArn {
    arn: Arn,
    account: AccountId,
}

impl OidcProviderArn {
    /// The provider of an issuer in an account.
    ///
    /// The rules for the URL are those of IAM's CreateOpenIDConnectProvider: `https`, no port, no query, at most 255
    /// bytes. A slash at the end belongs to the issuer's name and is kept.
    ///
    /// # Errors
    /// If the URL breaks one of these rules.
    pub fn of_issuer(partition: &str, account: AccountId, issuer: &str) -> Result<Self, ArnError> {
        let error = |reason: &str| ArnError::new(issuer, reason, ISSUER);
        let rest = issuer
            .strip_prefix("https://")
            .ok_or_else(|| error("does not begin with https://"))?;
        let host = rest.split('/').next().unwrap_or_default();
        if issuer.len() > 255 {
            return Err(error("is longer than 255 bytes"));
        }
        if host.contains(':') {
            return Err(error("names a port"));
        }
        if rest.contains(['?', '#', '@']) || host.is_empty() {
            return Err(error("has no host, or a query, a fragment or a user name"));
        }
        format!("arn:{partition}:iam::{account}:oidc-provider/{rest}").parse()
    }

    /// The provider's account: the only one whose roles may trust it.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub fn partition(&self) -> &str {
        self.arn.partition()
    }

    /// Host and path, without scheme: what the condition keys of this provider begin with.
    pub fn host_and_path(&self) -> &str {
        self.arn.resource().split_once('/').map_or("", |(_, rest)| rest)
    }

    /// The URL that a token's `iss` must equal.
    pub fn issuer(&self) -> String {
        format!("https://{}", self.host_and_path())
    }

    /// A condition key of this provider, `HOST/PATH:CLAIM`.
    pub fn condition_key(&self, claim: &str) -> String {
        format!("{}:{claim}", self.host_and_path())
    }

    /// The plain ARN.
    pub fn as_arn(&self) -> &Arn {
        &self.arn
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        self.arn.as_str()
    }
}

impl TryFrom<Arn> for OidcProviderArn {
    type Error = ArnError;

    fn try_from(arn: Arn) -> Result<Self, Self::Error> {
        let error = |reason: &str| ArnError::new(arn.as_str(), reason, EXPECTED);
        let Some(host_and_path) = arn.resource_of("iam", "oidc-provider") else {
            return Err(error(&format!("is {}", arn.described())));
        };
        if host_and_path.is_empty() || host_and_path.starts_with('/') {
            return Err(error("names no host"));
        }
        let Some(account) = arn.account() else {
            return Err(error("names no account"));
        };
        Ok(OidcProviderArn { arn, account })
    }
}

arn_of_a_kind!(OidcProviderArn);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_an_issuer_and_back() {
        let account = "111122223333".parse().unwrap();
        let provider = OidcProviderArn::of_issuer("aws", account, "https://issuer.example/vendor").unwrap();
        assert_eq!(
            provider.as_str(),
            "arn:aws:iam::111122223333:oidc-provider/issuer.example/vendor"
        );
        assert_eq!(provider.issuer(), "https://issuer.example/vendor");
        assert_eq!(provider.condition_key("sub"), "issuer.example/vendor:sub");
        assert_eq!(provider.as_str().parse::<OidcProviderArn>().unwrap(), provider);
    }

    #[test]
    fn refuses_issuers_that_iam_refuses() {
        let account = "111122223333".parse().unwrap();
        for (issuer, part) in [
            ("http://issuer.example", "https://"),
            ("issuer.example", "https://"),
            ("https://issuer.example:8443/x", "names a port"),
            ("https://issuer.example/x?y=1", "a query"),
            ("https:///x", "has no host"),
        ] {
            let error = OidcProviderArn::of_issuer("aws", account, issuer)
                .unwrap_err()
                .to_string();
            assert!(error.contains(part), "{issuer}: {error}");
        }
    }

    #[test]
    fn a_role_is_not_a_provider() {
        let error = "arn:aws:iam::111122223333:role/x"
            .parse::<OidcProviderArn>()
            .unwrap_err()
            .to_string();
        assert!(error.contains("is the ARN of a role"), "{error}");
    }
}

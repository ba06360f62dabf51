use oci::{Digest, RepositoryName};

use super::{
    fault::Fault,
    page::{Page, read_cursor},
};

/// The constraint of the service model on repository names.
const NAME_PATTERN: &str =
    r"must satisfy regular expression '[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*'";

const DIGEST_PATTERN: &str = "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";

/// A repository's name within ECR's limits, which are narrower than OCI's.
pub(super) fn repository_name(name: Option<&str>) -> Result<RepositoryName, Fault> {
    let name = required("repositoryName", name)?;
    length("repositoryName", name.len(), 2, 256)?;
    name.parse()
        .map_err(|_| Fault::parameter("repositoryName", NAME_PATTERN))
}

/// A parameter that must be there.
pub(super) fn required<T>(name: &str, value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::parameter(name, "Member must not be null"))
}

/// The constraint on the length of a text or a list.
pub(super) fn length(name: &str, length: usize, min: usize, max: usize) -> Result<(), Fault> {
    let (bound, limit) = match length {
        _ if length < min => ("greater", min),
        _ if length > max => ("less", max),
        _ => return Ok(()),
    };
    let constraint = format!("Member must have length {bound} than or equal to {limit}");
    Err(Fault::parameter(name, &constraint))
}

/// A digest of a layer or an image.
pub(super) fn digest(name: &str, digest: &str) -> Result<Digest, Fault> {
    digest.parse().map_err(|_| Fault::parameter(name, DIGEST_PATTERN))
}

/// The page of a list that is asked for.
pub(super) fn page(
    max_results: Option<i64>,
    next_token: Option<&str>,
    usual: usize,
    max: usize,
) -> Result<Page, Fault> {
    let limit = match max_results {
        None => usual,
        Some(asked) => usize::try_from(asked)
            .ok()
            .filter(|asked| (1..=max).contains(asked))
            .ok_or_else(|| {
                let (bound, limit) = if asked < 1 { ("greater", 1) } else { ("less", max) };
                let constraint = format!("Member must have value {bound} than or equal to {limit}");
                Fault::parameter("maxResults", &constraint)
            })?,
    };
    let after = next_token.map(|token| {
        read_cursor(token).ok_or_else(|| Fault::parameter("nextToken", "must be a token of this operation"))
    });
    Ok(Page {
        limit,
        after: after.transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_limits_of_ecr() {
        assert!(repository_name(Some("team/app")).is_ok());
        let long = "a".repeat(257);
        for (name, constraint) in [
            (None, "Member must not be null"),
            (Some("a"), "Member must have length greater than or equal to 2"),
            (Some(long.as_str()), "Member must have length less than or equal to 256"),
            (Some("Team"), NAME_PATTERN),
        ] {
            let fault = repository_name(name).unwrap_err();
            assert_eq!(
                fault.message,
                format!("Invalid parameter at 'repositoryName' failed to satisfy constraint: '{constraint}'")
            );
        }
    }

    #[test]
    fn a_page_has_limits() {
        assert_eq!(page(None, None, 100, 1000).unwrap().limit, 100);
        assert_eq!(page(Some(1000), None, 100, 1000).unwrap().limit, 1000);
        for (asked, constraint) in [
            (0, "Member must have value greater than or equal to 1"),
            (1001, "Member must have value less than or equal to 1000"),
            (i64::MIN, "Member must have value greater than or equal to 1"),
        ] {
            assert!(
                page(Some(asked), None, 100, 1000)
                    .unwrap_err()
                    .message
                    .contains(constraint)
            );
        }
        assert!(page(None, Some("%"), 100, 1000).is_err());
    }
}

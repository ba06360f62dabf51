use oci::RepositoryName;

use super::Fault;

/// The constraint of the service model on repository names.
const NAME_PATTERN: &str =
    r"must satisfy regular expression '[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*'";

/// A repository's name within ECR's limits, which are narrower than OCI's.
pub(super) fn repository_name(name: Option<&str>) -> Result<RepositoryName, Fault> {
    let invalid = |constraint: &str| Fault::parameter("repositoryName", constraint);
    let name = name.ok_or_else(|| invalid("Member must not be null"))?;
    match name.len() {
        0..2 => return Err(invalid("Member must have length greater than or equal to 2")),
        257.. => return Err(invalid("Member must have length less than or equal to 256")),
        _ => {}
    }
    name.parse().map_err(|_| invalid(NAME_PATTERN))
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
}

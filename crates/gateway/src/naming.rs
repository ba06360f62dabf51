use access::Target;
use aws::RegistryHost;
use oci::RepositoryName;

/// Finds out what an image name means, in each of the forms that clients use:
///
/// - by path, with the registry's host: `PROXY/111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app`;
/// - by path, with the upstream's name: `PROXY/prod/team/app`;
/// - as a mirror: the repository alone, and the registry's host in the query, `?ns=HOST`, as containerd sends it.
pub(crate) fn target(name: &RepositoryName, query: Option<&str>) -> Result<Target, Unnamed> {
    if let Some(host) = namespace(query) {
        let registry = host
            .parse::<RegistryHost>()
            .map_err(|error| Unnamed::Registry(error.to_string()))?;
        return Ok(Target::Registry(registry, name.clone()));
    }
    let (first, rest) = name.split_first().ok_or_else(|| Unnamed::Short(name.clone()))?;
    // An upstream's name has no dot and a host has one.
    if !first.contains('.') {
        return Ok(Target::Upstream(first.to_owned(), rest));
    }
    let registry = first
        .parse::<RegistryHost>()
        .map_err(|error| Unnamed::Registry(error.to_string()))?;
    Ok(Target::Registry(registry, rest))
}

/// A name that says neither registry nor upstream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unnamed {
    #[error(
        "the image name `{0}` names no upstream; expected REGISTRY_HOST/REPOSITORY or UPSTREAM/REPOSITORY behind this registry's name"
    )]
    Short(RepositoryName),
    #[error("{0}")]
    Registry(String),
}

/// The host in `ns`. Host names need no encoding, so an encoded one is no host name.
fn namespace(query: Option<&str>) -> Option<&str> {
    query?.split('&').find_map(|parameter| parameter.strip_prefix("ns="))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";

    fn named(name: &str, query: Option<&str>) -> Result<Target, Unnamed> {
        target(&name.parse().unwrap(), query)
    }

    #[test]
    fn each_form_is_understood() {
        let registry = || HOST.parse().unwrap();
        let app = || "team/app".parse().unwrap();
        assert_eq!(
            named(&format!("{HOST}/team/app"), None),
            Ok(Target::Registry(registry(), app()))
        );
        assert_eq!(named("prod/team/app", None), Ok(Target::Upstream("prod".into(), app())));
        assert_eq!(
            named("team/app", Some(&format!("ns={HOST}"))),
            Ok(Target::Registry(registry(), app()))
        );
        assert_eq!(
            named("team/app", Some(&format!("a=b&ns={HOST}"))),
            Ok(Target::Registry(registry(), app()))
        );
        assert_eq!(
            named("prod/team/app", Some("a=b")),
            Ok(Target::Upstream("prod".into(), app()))
        );
    }

    #[test]
    fn a_repository_whose_name_holds_a_host_is_one_of_its_registry() {
        let Ok(Target::Registry(_, repository)) = named(&format!("{HOST}/public.ecr.aws/foo"), None) else {
            panic!("a registry")
        };
        assert_eq!(repository.as_str(), "public.ecr.aws/foo");
    }

    #[test]
    fn a_host_that_is_no_registry_of_aws_is_refused() {
        for (name, query) in [
            ("registry.example.com/team/app", None),
            ("team/app", Some("ns=docker.io")),
            ("team/app", Some("ns=")),
            ("team/app", Some("ns=169.254.169.254")),
            (
                "team/app",
                Some("ns=111122223333.dkr.ecr.us-east-1.amazonaws.com.example.org"),
            ),
        ] {
            assert!(
                matches!(named(name, query), Err(Unnamed::Registry(_))),
                "{name} {query:?}"
            );
        }
        assert!(matches!(named("app", None), Err(Unnamed::Short(_))));
    }
}

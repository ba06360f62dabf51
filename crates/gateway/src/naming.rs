use access::Target;
use aws::RegistryHost;
use oci::RepositoryName;
use state::{DomainName, Snapshot};

use crate::asked::Asked;

/// Finds out what an image name means, in each of the forms that clients use:
///
/// - by path, with the registry's host: `PROXY/111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app`;
/// - by path, with the upstream's name: `PROXY/prod/team/app`;
/// - as a mirror: the repository alone, and the host that the image's name begins with in the query, `?ns=HOST`, as
///   containerd sends it. With `override_path`, or a path in the mirror's URL, the host stands before the repository too;
/// - by domain: the repository alone, under a host name that stands for one upstream.
pub(crate) fn target(name: &RepositoryName, asked: &Asked, snapshot: &Snapshot) -> Result<Target, Unnamed> {
    let mapped = |authority: &str| {
        let domain = DomainName::of_authority(authority)?;
        snapshot.upstream_of_domain(&domain).is_some().then_some(domain)
    };
    if let Some(namespace) = asked.query.value("ns") {
        // A repository could have the very name of its registry's host as its first part. Nobody has such.
        let repository = match name.split_first() {
            Some((first, rest)) if first.eq_ignore_ascii_case(&namespace) => rest,
            _ => name.clone(),
        };
        return match mapped(&namespace) {
            Some(domain) => Ok(Target::Domain(domain, repository)),
            None => Ok(Target::Registry(registry(&namespace)?, repository)),
        };
    }
    // Here the whole name is the repository's, also where a part of it looks like a host or an upstream: what is named
    // must not depend on what else there is.
    if let Some(domain) = asked.authority.as_deref().and_then(mapped) {
        return Ok(Target::Domain(domain, name.clone()));
    }
    let (first, rest) = name.split_first().ok_or_else(|| Unnamed::Short(name.clone()))?;
    // An upstream's name has no dot and a host has one.
    if !first.contains('.') {
        return Ok(Target::Upstream(first.to_owned(), rest));
    }
    Ok(Target::Registry(registry(first)?, rest))
}

fn registry(host: &str) -> Result<RegistryHost, Unnamed> {
    host.parse::<RegistryHost>()
        .map_err(|error| Unnamed::Registry(error.to_string()))
}

/// A name that says neither registry nor upstream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unnamed {
    /// One part, where two are needed.
    #[error(
        "the image name `{0}` names no upstream; expected REGISTRY_HOST/REPOSITORY or UPSTREAM/REPOSITORY behind this registry's name"
    )]
    Short(RepositoryName),
    /// A host that is no registry's.
    #[error("{0}")]
    Registry(String),
}

#[cfg(test)]
mod tests {
    use http::Request;
    use state::Documents;

    use super::*;

    const HOST: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";

    fn snapshot() -> Snapshot {
        let text = format!(
            "apiVersion: wharfinger.dev/v1\nkind: Team\nmetadata: {{ name: acme }}\n---\napiVersion: wharfinger.dev/v1\nkind: Upstream\nmetadata: {{ team: acme, name: prod }}\nspec: {{ registry: {HOST}, domains: [images.example.com], source: {{ webIdentity: {{ roleArn: 'arn:aws:iam::111122223333:role/pull' }} }} }}\n"
        );
        Snapshot::build([Documents::parse("it", &text).unwrap()]).unwrap()
    }

    /// What a request for a manifest means that came for this host with this path and query.
    fn named(authority: &str, path: &str) -> Result<Target, Unnamed> {
        let request = Request::builder().uri(path).header("host", authority);
        let asked = Asked::read(&request.body(()).unwrap()).unwrap();
        target(asked.route.name().unwrap(), &asked, &snapshot())
    }

    fn registry_of(repository: &str) -> Result<Target, Unnamed> {
        Ok(Target::Registry(HOST.parse().unwrap(), repository.parse().unwrap()))
    }

    fn domain_of(repository: &str) -> Result<Target, Unnamed> {
        let domain = "images.example.com".parse().unwrap();
        Ok(Target::Domain(domain, repository.parse().unwrap()))
    }

    #[test]
    fn each_form_is_understood() {
        let prod = || Ok(Target::Upstream("prod".into(), "team/app".parse().unwrap()));
        for (authority, path, target) in [
            ("proxy", format!("/v2/{HOST}/team/app"), registry_of("team/app")),
            ("proxy", "/v2/prod/team/app".to_owned(), prod()),
            ("proxy", "/prod/v2/team/app".to_owned(), prod()),
            ("proxy", format!("/v2/team/app?ns={HOST}"), registry_of("team/app")),
            ("proxy", format!("/v2/team/app?a=b&ns={HOST}"), registry_of("team/app")),
            ("proxy", "/v2/prod/team/app?a=b".to_owned(), prod()),
            // containerd with override_path, and with a path in the URL of the mirror.
            (
                "proxy",
                format!("/v2/{HOST}/team/app?ns={HOST}"),
                registry_of("team/app"),
            ),
            (
                "proxy",
                format!("/{HOST}/v2/team/app?ns={HOST}"),
                registry_of("team/app"),
            ),
            ("proxy", format!("/{HOST}/v2/team/app"), registry_of("team/app")),
            ("images.example.com", "/v2/team/app".to_owned(), domain_of("team/app")),
            ("Images.Example.com:8443", "/v2/app".to_owned(), domain_of("app")),
            (
                "images.example.com",
                "/v2/prod/team/app".to_owned(),
                domain_of("prod/team/app"),
            ),
            (
                "images.example.com",
                format!("/v2/team/app?ns={HOST}"),
                registry_of("team/app"),
            ),
            (
                "proxy",
                "/v2/team/app?ns=images.example.com".to_owned(),
                domain_of("team/app"),
            ),
            (
                "proxy",
                "/v2/images.example.com/app?ns=images.example.com".to_owned(),
                domain_of("app"),
            ),
            (
                "proxy",
                "/v2/app?ns=images.example.com%3A8443".to_owned(),
                domain_of("app"),
            ),
        ] {
            let (front, query) = path.split_once('?').unwrap_or((&path, ""));
            assert_eq!(
                named(authority, &format!("{front}/manifests/1?{query}")),
                target,
                "{path}"
            );
        }
    }

    #[test]
    fn a_repository_whose_name_holds_a_host_is_one_of_its_registry() {
        for path in [
            format!("/v2/{HOST}/public.ecr.aws/foo/manifests/1"),
            format!("/v2/public.ecr.aws/foo/manifests/1?ns={HOST}"),
        ] {
            assert_eq!(named("proxy", &path), registry_of("public.ecr.aws/foo"), "{path}");
        }
        let path = "/v2/public.ecr.aws/foo/manifests/1";
        assert_eq!(named("images.example.com", path), domain_of("public.ecr.aws/foo"));
    }

    #[test]
    fn a_host_that_is_no_registry_of_aws_is_refused() {
        for path in [
            "registry.example.com/team/app/manifests/1",
            "team/app/manifests/1?ns=docker.io",
            "team/app/manifests/1?ns=",
            "team/app/manifests/1?ns=169.254.169.254",
            "team/app/manifests/1?ns=other.example.com",
            "team/app/manifests/1?ns=111122223333.dkr.ecr.us-east-1.amazonaws.com.example.org",
            "team/app/manifests/1?ns=111122223333.dkr.ecr.us-east-1.amazonaws.com%2f..",
        ] {
            assert!(
                matches!(named("proxy", &format!("/v2/{path}")), Err(Unnamed::Registry(_))),
                "{path}"
            );
        }
        assert!(matches!(named("proxy", "/v2/app/manifests/1"), Err(Unnamed::Short(_))));
    }
}

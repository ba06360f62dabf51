//! Which claims of a token become condition keys.
//!
//! "IAM and AWS STS condition context keys" of the IAM user guide: of most issuers `aud`, `sub` and `amr`, of a few more.

/// Does AWS pass a claim of this issuer (host and path) on?
pub(crate) fn is_passed_on(issuer: &str, claim: &str) -> bool {
    let host = issuer.split('/').next().unwrap_or_default();
    let of_all = OF_ALL.iter().any(|known| known.eq_ignore_ascii_case(claim));
    of_all || WITH_OWN_CLAIMS.iter().any(|known| is_host_or_below(host, known))
}

/// Is it a provider that needs no registration, and has no ARN?
pub(crate) fn is_built_in(issuer: &str) -> bool {
    BUILT_IN.contains(&issuer)
}

fn is_host_or_below(host: &str, known: &str) -> bool {
    host.strip_suffix(known)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

const OF_ALL: [&str; 6] = ["aud", "sub", "amr", "azp", "email", "oaud"];

const BUILT_IN: [&str; 4] = [
    "accounts.google.com",
    "cognito-identity.amazonaws.com",
    "graph.facebook.com",
    "www.amazon.com",
];

const WITH_OWN_CLAIMS: [&str; 10] = [
    "accounts.google.com",
    "agent.buildkite.com",
    "app.terraform.io",
    "cognito-identity.amazonaws.com",
    "gitlab.com",
    "graph.facebook.com",
    "oidc.circleci.com",
    "oraclecloud.com",
    "token.actions.githubusercontent.com",
    "www.amazon.com",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_issuers_have_few_claims() {
        assert!(is_passed_on("issuer.example/acme", "sub"));
        assert!(!is_passed_on("issuer.example/acme", "repository"));
        assert!(is_passed_on("token.actions.githubusercontent.com", "repository"));
        assert!(is_passed_on("oidc.circleci.com/org/x", "oidc.circleci.com/project-id"));
        assert!(is_passed_on("identity.oraclecloud.com", "rpst_id"));
        assert!(!is_passed_on("notgitlab.com", "namespace_id"));
    }
}

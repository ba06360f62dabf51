//! The head of a request, whole: its target on the first line and a header on each further one. Whoever asks, and
//! whatever for, is refused or permitted; nobody gets a permit for another team's upstream; and what is asked for under
//! a domain is a repository of that domain's upstream.

#![no_main]

use std::sync::LazyLock;

use access::{Target, authenticate, permit};
use gateway::{Asked, is_of_registry};
use http::{HeaderName, HeaderValue, Request, header};
use libfuzzer_sys::fuzz_target;
use state::{Documents, Snapshot, TokenHash};

static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| {
    let mut text = String::new();
    for (team, account) in [("acme", "111122223333"), ("other", "444455556666")] {
        let hash = TokenHash::of(team);
        text += &format!(
            "---\napiVersion: wharfinger.dev/v1\nkind: Team\nmetadata: {{ name: {team} }}\n\
             ---\napiVersion: wharfinger.dev/v1\nkind: Robot\nmetadata: {{ team: {team}, name: ci }}\nspec: {{ tokenHash: '{hash}' }}\n\
             ---\napiVersion: wharfinger.dev/v1\nkind: Upstream\nmetadata: {{ team: {team}, name: prod }}\nspec:\n  registry: {account}.dkr.ecr.us-east-1.amazonaws.com\n  domains: [{team}.example.com]\n  source: {{ webIdentity: {{ roleArn: 'arn:aws:iam::{account}:role/pull' }} }}\n"
        );
    }
    Snapshot::build([Documents::parse("it", &text).expect("documents")]).expect("a snapshot")
});

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let Some(request) = read(&mut lines) else { return };
    let _ = is_of_registry(request.uri().path());
    let Ok(asked) = Asked::read(&request) else { return };
    // Nobody has a name that could not be carried on in a path.
    if let Some(name) = asked.name() {
        assert!(
            name.as_str()
                .split('/')
                .all(|part| !part.is_empty() && !part.starts_with('.'))
        );
    }
    let authorization = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let identity = authenticate(&SNAPSHOT, authorization);
    let Some(target) = asked.name().and_then(|name| asked.target(name, &SNAPSHOT).ok()) else {
        return;
    };
    if let Target::Domain(domain, _) = &target {
        assert!(SNAPSHOT.upstream_of_domain(domain).is_some(), "{domain}");
    }
    if let Ok(identity) = identity
        && let Ok(permit) = permit(&SNAPSHOT, &identity, target)
    {
        assert_eq!(permit.upstream().team.as_str(), identity.team());
    }
});

fn read<'t>(lines: &mut impl Iterator<Item = &'t str>) -> Option<Request<()>> {
    let mut request = Request::builder().uri(lines.next()?);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        request = request.header(name, HeaderValue::from_bytes(value.trim().as_bytes()).ok()?);
    }
    request.body(()).ok()
}

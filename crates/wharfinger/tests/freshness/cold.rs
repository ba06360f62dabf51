//! The first pull of an upstream, by many at once.

use futures_util::{StreamExt, stream};

use crate::harbour::Harbour;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_pulls_of_a_cold_upstream_make_one_exchange() {
    let harbour = Harbour::keyless().await;
    // Those who want the same tag at the same time share the answer; those who want others do not.
    let tags: Vec<_> = (0..40).map(|number| format!("t{number}")).collect();
    harbour.tag(&tags).await;
    stream::iter((0..1000).map(|at| harbour.pull_tag(&tags[at % tags.len()])))
        .buffer_unordered(1000)
        .collect::<()>()
        .await;
    assert_eq!(harbour.count("sts:AssumeRoleWithWebIdentity"), 1);
    assert_eq!(harbour.count("ecr:GetAuthorizationToken"), 1);
    assert!(harbour.pulls().len() >= tags.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_pulls_while_a_login_is_renewed_make_one_exchange() {
    let harbour = Harbour::keyless().await;
    let tags: Vec<_> = (0..20).map(|number| format!("t{number}")).collect();
    harbour.tag(&tags).await;
    harbour.pull().await;
    harbour.wait(50 * 60);
    stream::iter((0..200).map(|at| harbour.pull_tag(&tags[at % tags.len()])))
        .buffer_unordered(200)
        .collect::<()>()
        .await;
    assert!(harbour.comes_a_login(1).await);
    assert_eq!(harbour.count("sts:AssumeRoleWithWebIdentity"), 2);
    assert_eq!(harbour.count("ecr:GetAuthorizationToken"), 2);
}

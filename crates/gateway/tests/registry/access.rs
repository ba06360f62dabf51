//! What is at hand is served while AWS lets its owner in, and not after.

use bytes::Bytes;
use jiff::SignedDuration;
use oci::{Descriptor, Digest, ErrorCode, MediaType};
use state::TokenHash;

use crate::{
    aws::{REGISTRY, answer, refusal},
    wharf::{TOKEN, Wharf},
};

const BY_TAG: &str = "prod/team/app/manifests/1";
const REFUSED: Option<(u16, &str)> = Some((403, "the role may not"));
const DOWN: Option<(u16, &str)> = Some((503, ""));

/// The upstream `prod` with these fields.
pub(crate) async fn wharf(fields: &str) -> Wharf {
    let hash = TokenHash::of(TOKEN);
    let resources = format!(
        "apiVersion: wharfinger.dev/v1\nkind: Team\nmetadata: {{ name: acme }}\n\
         ---\napiVersion: wharfinger.dev/v1\nkind: Robot\nmetadata: {{ team: acme, name: ci }}\nspec: {{ tokenHash: '{hash}' }}\n\
         ---\napiVersion: wharfinger.dev/v1\nkind: Upstream\nmetadata: {{ team: acme, name: prod }}\nspec:\n  registry: {REGISTRY}\n  source: {{ webIdentity: {{ roleArn: 'arn:aws:iam::111122223333:role/pull' }} }}\n{fields}"
    );
    Wharf::with(&resources).await
}

/// The same, and an image that was pulled through it. Its only blob is configuration and layer at once: there is nothing
/// to fetch ahead, which would go on beside the test and ask the registry when it likes.
async fn pulled(fields: &str) -> (Wharf, Digest, Digest) {
    let wharf = wharf(fields).await;
    let place = format!("{REGISTRY}/team/app");
    let blob = Bytes::from_static(b"layer");
    let layer = Digest::of(&blob);
    let described = Descriptor::new(MediaType::OCI_LAYER_GZIP, layer.clone(), blob.len() as u64);
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": described.clone(),
        "layers": [described],
    });
    let manifest = Bytes::from(manifest.to_string());
    wharf.aws.push_blob(&place, &blob);
    wharf
        .aws
        .push_manifest(&place, "1", MediaType::OCI_MANIFEST, manifest.clone());
    let manifest = Digest::of(&manifest);
    assert_eq!(status(&wharf, BY_TAG).await, 200);
    assert_eq!(status(&wharf, &format!("prod/team/app/blobs/{layer}")).await, 200);
    (wharf, manifest, layer)
}

async fn status(wharf: &Wharf, path: &str) -> u16 {
    let answer = wharf.get(path).await;
    let status = answer.status().as_u16();
    // To its end, so that what is pulled is in the store when the next line asks for it.
    let _ = answer.bytes().await;
    status
}

fn every_name(manifest: &Digest, layer: &Digest) -> [String; 3] {
    [
        BY_TAG.to_owned(),
        format!("prod/team/app/manifests/{manifest}"),
        format!("prod/team/app/blobs/{layer}"),
    ]
}

#[tokio::test]
async fn a_tag_whose_time_is_over_is_confirmed_by_its_head_alone() {
    let (wharf, ..) = pulled("").await;
    let gets = wharf.aws.asked("GET");
    for heads in 1..=3 {
        wharf.wait(SignedDuration::from_secs(61));
        assert_eq!(status(&wharf, BY_TAG).await, 200);
        assert_eq!(status(&wharf, BY_TAG).await, 200);
        assert_eq!((wharf.aws.asked("HEAD"), wharf.aws.asked("GET")), (heads, gets));
    }
}

#[tokio::test]
async fn a_tag_that_moved_is_followed_when_its_time_is_over() {
    let (wharf, manifest, _) = pulled("").await;
    let (moved, _) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"another");
    assert_ne!(moved, manifest);
    for (wait, expected) in [(59, &manifest), (2, &moved)] {
        wharf.wait(SignedDuration::from_secs(wait));
        let answer = wharf.get(BY_TAG).await;
        assert_eq!(answer.headers()["docker-content-digest"], expected.to_string());
    }
}

#[tokio::test]
async fn an_immutable_tag_is_not_asked_for_again() {
    let (wharf, manifest, _) = pulled("  immutableTags: ['1*']\n").await;
    wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"another");
    let before = wharf.aws.seen().len();
    wharf.wait(SignedDuration::from_hours(11));
    let answer = wharf.get(BY_TAG).await;
    assert_eq!(answer.headers()["docker-content-digest"], manifest.to_string());
    assert_eq!(wharf.aws.seen().len(), before);
}

#[tokio::test]
async fn a_refusal_ends_what_is_cached_at_once() {
    let (wharf, manifest, layer) = pulled("").await;
    // Twice, so that the answers are remembered.
    for path in every_name(&manifest, &layer).iter().cycle().take(6) {
        assert_eq!(status(&wharf, path).await, 200, "{path}");
    }
    wharf.wait(SignedDuration::from_secs(61));
    wharf.aws.registry_answers(REFUSED);
    assert_eq!(status(&wharf, BY_TAG).await, 403);
    // Nothing else would have been asked for: digests need no confirmation by themselves.
    for path in every_name(&manifest, &layer) {
        assert_eq!(status(&wharf, &path).await, 403, "{path}");
    }
    wharf.aws.registry_answers(DOWN);
    for path in every_name(&manifest, &layer) {
        assert_eq!(status(&wharf, &path).await, 503, "{path}");
    }
    wharf.aws.registry_answers(None);
    for path in every_name(&manifest, &layer) {
        assert_eq!(status(&wharf, &path).await, 200, "{path}");
    }
}

/// A sentence of AWS about this action.
fn denied(action: &str) -> String {
    format!(
        "User: arn:aws:sts::111122223333:assumed-role/pull/s is not authorized to perform: {action} on resource: arn:aws:ecr:us-east-1:111122223333:repository/team/app because no identity-based policy allows the {action} action"
    )
}

/// Whether the lists of tags and of referrers may be read, and whether pulls go on, are two questions.
#[tokio::test]
async fn a_list_that_is_refused_ends_no_pulling() {
    let (wharf, manifest, layer) = pulled("").await;
    let lists = ["tags/list".to_owned(), format!("referrers/{manifest}")];
    for list in &lists {
        for words in [denied("ecr:ListImages"), "no".to_owned()] {
            let path = format!("/v2/team/app/{list}");
            wharf.aws.order(&path, refusal(ErrorCode::Denied, &words));
            assert_eq!(status(&wharf, &format!("prod/team/app/{list}")).await, 403, "{list}");
        }
    }
    // Nobody confirms anything any more: what is served was not ended.
    wharf.aws.registry_answers(DOWN);
    for path in every_name(&manifest, &layer) {
        assert_eq!(status(&wharf, &path).await, 200, "{path}");
    }
}

#[tokio::test]
async fn a_list_whose_refusal_is_one_of_pulling_ends_it_too() {
    let no_session = r#"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"#;
    for (what, by, answered) in [
        (
            "referrers",
            "team/app",
            refusal(ErrorCode::Denied, &denied("ecr:BatchGetImage")),
        ),
        (
            "tags",
            "team/app",
            refusal(ErrorCode::Denied, &denied("ecr:GetDownloadUrlForLayer")),
        ),
        ("tags", "team/app", answer(401, &[], "Not Authorized\n")),
        ("tags", "sts", answer(403, &[("content-type", "text/xml")], no_session)),
    ] {
        let (wharf, manifest, layer) = pulled("").await;
        let list = match what {
            "tags" => "tags/list".to_owned(),
            _ => format!("referrers/{manifest}"),
        };
        if by == "sts" {
            wharf.aws.revoke_logins();
            wharf.wait(SignedDuration::from_secs(5));
            wharf.aws.order("/", answered);
        } else {
            wharf.aws.order(&format!("/v2/team/app/{list}"), answered);
        }
        assert_eq!(
            status(&wharf, &format!("prod/team/app/{list}")).await,
            403,
            "{what} by {by}"
        );
        wharf.aws.registry_answers(DOWN);
        for path in every_name(&manifest, &layer) {
            assert_eq!(status(&wharf, &path).await, 503, "{what} by {by}: {path}");
        }
    }
}

#[tokio::test]
async fn an_upstream_that_is_down_is_no_refusal_until_its_time_is_over() {
    let (wharf, manifest, layer) = pulled("  accessLifetime: 2h\n").await;
    wharf.aws.registry_answers(DOWN);
    wharf.wait(SignedDuration::from_mins(119));
    for path in every_name(&manifest, &layer) {
        assert_eq!(status(&wharf, &path).await, 200, "{path}");
    }
    wharf.wait(SignedDuration::from_mins(2));
    for path in every_name(&manifest, &layer) {
        assert_eq!(status(&wharf, &path).await, 503, "{path}");
    }
}

#[tokio::test]
async fn whoever_confirms_the_access_confirms_it_for_the_repository() {
    let (wharf, manifest, layer) = pulled("  accessLifetime: 2h\n").await;
    let before = wharf.aws.seen().len();
    for _ in 0..10 {
        wharf.wait(SignedDuration::from_mins(30));
        assert_eq!(
            status(&wharf, &format!("prod/team/app/manifests/{manifest}")).await,
            200
        );
    }
    let by_digest = wharf.aws.seen().len() - before;
    assert_eq!(by_digest, 2, "every two hours of five");
    assert_eq!(status(&wharf, &format!("prod/team/app/blobs/{layer}")).await, 200);
    assert_eq!(wharf.aws.seen().len() - before, by_digest);
}

#[tokio::test]
async fn an_outage_costs_whoever_can_be_served_no_more_than_a_few_questions() {
    let (wharf, ..) = pulled("").await;
    wharf.wait(SignedDuration::from_secs(61));
    wharf.aws.registry_answers(DOWN);
    let before = wharf.aws.asked("HEAD");
    for _ in 0..50 {
        assert_eq!(status(&wharf, BY_TAG).await, 200);
    }
    assert_eq!(wharf.aws.asked("HEAD") - before, 3, "one question, tried three times");
    wharf.wait(SignedDuration::from_secs(2));
    wharf.aws.registry_answers(None);
    assert_eq!(status(&wharf, BY_TAG).await, 200);
    assert_eq!(wharf.aws.asked("HEAD") - before, 4, "it is found again when it is back");
}

#[tokio::test]
async fn what_is_not_there_is_asked_for_once_by_a_crowd_and_found_soon_after() {
    let (wharf, ..) = pulled("").await;
    let missing = "prod/team/app/manifests/2";
    for _ in 0..50 {
        assert_eq!(status(&wharf, missing).await, 404);
    }
    assert_eq!(wharf.aws.count(REGISTRY, "/manifests/2"), 1);
    wharf.aws.push(&format!("{REGISTRY}/team/app"), "2", b"new");
    wharf.wait(SignedDuration::from_secs(2));
    assert_eq!(status(&wharf, missing).await, 200);
}

#[tokio::test]
async fn a_tag_that_was_deleted_is_gone_when_its_time_is_over() {
    let (wharf, manifest, _) = pulled("").await;
    wharf.aws.remove(&format!("{REGISTRY}/team/app"), "1");
    assert_eq!(status(&wharf, BY_TAG).await, 200);
    wharf.wait(SignedDuration::from_secs(61));
    assert_eq!(status(&wharf, BY_TAG).await, 404);
    wharf.wait(SignedDuration::from_secs(3));
    wharf.aws.registry_answers(DOWN);
    assert_eq!(
        status(&wharf, BY_TAG).await,
        503,
        "what is known to be gone does not come back"
    );
    assert_eq!(
        status(&wharf, &format!("prod/team/app/manifests/{manifest}")).await,
        200
    );
}

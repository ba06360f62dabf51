//! Lists: tags and referrers.

use bytes::Bytes;
use oci::{Digest, ErrorCode, MediaType, Tag};
use serde_json::{Value, json};

use crate::{
    aws::{REGISTRY, answer, refusal},
    wharf::{PROXY, Wharf, refused},
};

async fn json_of(answer: reqwest::Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

fn link(answer: &reqwest::Response) -> Option<String> {
    let link = answer.headers().get("link")?.to_str().unwrap();
    Some(link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?.to_owned())
}

async fn with_tags(count: usize) -> Wharf {
    let wharf = Wharf::build().await;
    for tag in 0..count {
        wharf
            .aws
            .push(&format!("{REGISTRY}/team/app"), &format!("v{tag:04}"), b"layer");
    }
    wharf
}

#[tokio::test]
async fn all_tags_come_by_following_the_links_whatever_the_name_is() {
    let wharf = with_tags(250).await;
    for (path, name) in [
        ("/v2/prod/team/app/tags/list".to_owned(), "prod/team/app"),
        ("/v2/prod/team/app/tags/list?n=7".to_owned(), "prod/team/app"),
        (format!("/v2/team/app/tags/list?ns={REGISTRY}&n=60"), "team/app"),
        ("/prod/v2/team/app/tags/list?n=249".to_owned(), "prod/team/app"),
    ] {
        let (mut next, mut tags, mut pages) = (Some(path.clone()), Vec::new(), 0);
        while let Some(path) = next {
            let page = wharf.at("GET", &path).send().await.unwrap();
            assert_eq!(page.headers()["content-type"], "application/json");
            // Where the client is, and not where ECR is: the link has no host.
            next = link(&page);
            assert!(next.as_ref().is_none_or(|next| next.starts_with('/')), "{next:?}");
            let page = json_of(page).await;
            assert_eq!(page["name"], name);
            tags.extend(page["tags"].as_array().unwrap().clone());
            pages += 1;
        }
        tags.sort_by_key(Value::to_string);
        tags.dedup();
        assert_eq!(tags.len(), 250, "{path}");
        assert!(pages > 1, "{path}");
    }
    let cursors = wharf.aws.seen().into_iter().filter(|seen| seen.query.contains("last="));
    assert!(cursors.clone().count() > 30);
    for seen in cursors {
        assert!(
            seen.query.contains("last=c%2B/") && !seen.query.contains("ns="),
            "{}",
            seen.query
        );
    }
}

#[tokio::test]
async fn a_page_has_as_many_tags_as_asked_for_and_ecr_is_never_asked_for_too_many() {
    let wharf = with_tags(3).await;
    for (n, tags, has_next) in [("0", 0, false), ("2", 2, true), ("3", 3, false), ("5000", 3, false)] {
        let page = wharf.get(&format!("prod/team/app/tags/list?n={n}")).await;
        assert_eq!(link(&page).is_some(), has_next, "n={n}");
        assert_eq!(json_of(page).await["tags"].as_array().unwrap().len(), tags, "n={n}");
    }
    let head = wharf.request("HEAD", "prod/team/app/tags/list").send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert!(head.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_list_that_cannot_be_had_is_refused_with_the_reason() {
    let wharf = with_tags(1).await;
    let (status, code, message) = wharf.refusal("prod/team/app/tags/list?last=v0000").await;
    assert_eq!((status, code.as_str()), (400, "UNSUPPORTED"));
    assert!(message.contains("Link header of the page before"), "{message}");
    for path in ["prod/team/none/tags/list", "prod/team/none/tags/list?n=0"] {
        let (status, code, _) = wharf.refusal(path).await;
        assert_eq!((status, code.as_str()), (404, "NAME_UNKNOWN"), "{path}");
    }
    let path = "/v2/team/app/tags/list";
    wharf.aws.order(path, answer(403, &[], "no"));
    let (status, code, message) = wharf.refusal("prod/team/app/tags/list").await;
    assert_eq!((status, code.as_str()), (403, "DENIED"));
    assert!(message.contains("ecr:ListImages"), "{message}");
    for (headers, body) in [
        (&[][..], Bytes::from_static(b"<html>")),
        (
            &[("link", "</v2/team/app/tags/list>; rel=next")],
            r#"{"tags":[]}"#.into(),
        ),
        (&[], vec![b' '; 4 * 1024 * 1024 + 1].into()),
    ] {
        wharf.aws.order(path, answer(200, headers, body));
        let (status, code, _) = wharf.refusal("prod/team/app/tags/list").await;
        assert_eq!((status, code.as_str()), (502, "UNAVAILABLE"), "{headers:?}");
    }
}

#[tokio::test]
async fn a_crowd_that_wants_the_same_list_asks_once() {
    let wharf = with_tags(1).await;
    wharf.get("prod/team/app/manifests/v0000").await;
    let path = "prod/team/app/tags/list";
    let crowd = futures_util::future::join_all((0..50).map(|_| wharf.secure("GET", PROXY, path).send()));
    for answer in crowd.await {
        assert_eq!(answer.unwrap().status(), 200);
    }
    let asked = wharf.aws.count(REGISTRY, "/tags/list");
    assert!(asked < 50, "{asked}");
    wharf.aws.push(&format!("{REGISTRY}/team/app"), "new", b"layer");
    let list = json_of(wharf.get(path).await).await;
    assert_eq!(list["tags"].as_array().unwrap().len(), 2, "no list is kept");
}

#[tokio::test]
async fn referrers_come_from_the_registrys_api_and_are_filtered_where_it_does_not() {
    let wharf = Wharf::build().await;
    let place = format!("{REGISTRY}/team/app");
    let (subject, _) = wharf.aws.push(&place, "1", b"layer");
    let referrer = |artifact: &str| {
        let digest = Digest::of(artifact.as_bytes());
        json!({ "mediaType": MediaType::OCI_MANIFEST, "digest": digest, "size": 7, "artifactType": artifact, "annotations": { "a": "b" } })
    };
    for artifact in ["application/a+json", "application/b"] {
        wharf.aws.refer(&place, &subject, referrer(artifact));
    }
    let path = format!("prod/team/app/referrers/{subject}");
    let all = wharf.get(&path).await;
    assert_eq!(all.headers()["content-type"], MediaType::OCI_INDEX);
    assert!(!all.headers().contains_key("oci-filters-applied"));
    let text = all.text().await.unwrap();
    assert!(text.starts_with("{ \"schemaVersion\": 2,  "), "as it came: {text}");

    let filter = format!("{path}?artifactType=application%2Fa%2Bjson");
    let some = wharf.get(&filter).await;
    assert_eq!(some.headers()["oci-filters-applied"], "artifactType");
    assert_eq!(
        json_of(some).await["manifests"],
        json!([referrer("application/a+json")])
    );
    let applied = [("oci-filters-applied", "artifactType")];
    let upstream = format!("/v2/team/app/referrers/{subject}");
    let filtered = r#"{"manifests":[ ]}"#;
    wharf.aws.order(&upstream, answer(200, &applied, filtered));
    let some = wharf.get(&filter).await;
    assert_eq!(some.headers()["oci-filters-applied"], "artifactType");
    assert_eq!(some.text().await.unwrap(), filtered, "who has filtered is believed");
    let asked = wharf
        .aws
        .seen()
        .into_iter()
        .rfind(|seen| seen.path == upstream)
        .unwrap();
    assert_eq!(asked.query, "artifactType=application%2Fa%2Bjson");

    let nothing = wharf
        .get(&format!("prod/team/app/referrers/{}", Digest::of(b"x")))
        .await;
    assert_eq!(json_of(nothing).await["manifests"], json!([]));
    wharf.aws.order(&upstream, answer(200, &[], "[]"));
    let (status, code, _) = refused(wharf.get(&path).await).await;
    assert_eq!((status, code.as_str()), (502, "UNAVAILABLE"));
}

#[tokio::test]
async fn where_there_is_no_such_api_the_tag_of_the_schema_is_read() {
    let wharf = Wharf::build().await;
    let place = format!("{REGISTRY}/team/app");
    let (subject, _) = wharf.aws.push(&place, "1", b"layer");
    let path = format!("prod/team/app/referrers/{subject}");
    let none = wharf.get(&path).await;
    assert_eq!(none.status(), 200);
    assert_eq!(none.headers()["content-type"], MediaType::OCI_INDEX);
    assert_eq!(json_of(none).await["manifests"], json!([]));

    let index = format!(
        "{{\"schemaVersion\":2, \"mediaType\":\"{}\",\"manifests\":[{{\"artifactType\":\"a/b\"}},{{}}]}}",
        MediaType::OCI_INDEX
    );
    let tag = Tag::of_referrers(&subject).to_string();
    wharf
        .aws
        .push_manifest(&place, &tag, MediaType::OCI_INDEX, index.clone().into());
    wharf.wait(jiff::SignedDuration::from_secs(5));
    assert_eq!(wharf.get(&path).await.text().await.unwrap(), index);
    let filtered = wharf.get(&format!("{path}?artifactType=a/b")).await;
    assert_eq!(filtered.headers()["oci-filters-applied"], "artifactType");
    assert_eq!(json_of(filtered).await["manifests"], json!([{ "artifactType": "a/b" }]));

    wharf
        .aws
        .push_manifest(&place, &tag, MediaType::OCI_MANIFEST, "{}".into());
    wharf.wait(jiff::SignedDuration::from_secs(61));
    assert_eq!(
        json_of(wharf.get(&path).await).await["manifests"],
        json!([]),
        "a tag that is no index tells of none"
    );
}

#[tokio::test]
async fn referrers_of_further_pages_are_filtered_too_and_a_page_that_is_not_there_is_no_end() {
    let wharf = Wharf::build().await;
    let (subject, _) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    let (path, upstream) = (
        format!("/v2/prod/team/app/referrers/{subject}"),
        format!("/v2/team/app/referrers/{subject}"),
    );
    let index = r#"{"manifests":[{"artifactType":"a/b"},{"artifactType":"c/d"}]}"#;
    for (next, ours) in [
        ("last=x", "last=x&artifactType=a/b"),
        ("artifactType=a%2Fb&last=x", "artifactType=a%2Fb&last=x"),
    ] {
        let theirs = format!("<https://{REGISTRY}{upstream}?{next}>; rel=\"next\"");
        wharf.aws.order(&upstream, answer(200, &[("link", &theirs)], index));
        let page = wharf
            .at("GET", &format!("{path}?artifactType=a/b"))
            .send()
            .await
            .unwrap();
        assert_eq!(link(&page), Some(format!("{path}?{ours}")));
        assert_eq!(json_of(page).await["manifests"], json!([{ "artifactType": "a/b" }]));
    }
    wharf
        .aws
        .order(&upstream, refusal(ErrorCode::Unsupported, "Invalid parameter"));
    let page = wharf.at("GET", &format!("{path}?last=x")).send().await.unwrap();
    let (status, code, message) = refused(page).await;
    assert_eq!((status, code.as_str()), (400, "UNSUPPORTED"));
    assert!(message.contains("Link header of the page before"), "{message}");
}

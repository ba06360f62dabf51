use std::sync::Arc;

use access::Permit;
use bytes::Bytes;
use http::{HeaderName, Response, StatusCode, header};
use net::Body;
use oci::{Digest, ErrorCode, MediaType, Reference, Tag};
use serde_json::{Value, json};

use crate::{
    answer,
    asked::Asked,
    engine::Engine,
    failure::Failure,
    listing::{self, Listed, Listings, Page},
};

/// Answers `referrers`: what the upstream has in its list, or else what clients keep under the tag that the
/// specification has for registries without one, or else that there is nothing (OCI distribution specification 1.1,
/// "Listing Referrers").
pub(crate) async fn answer(
    engine: &Engine,
    listings: &Listings,
    permit: &Permit,
    subject: &Digest,
    asked: &Asked,
) -> Result<Response<Body>, Arc<Failure>> {
    let query = asked.query.without(&["ns"]).join("&");
    let path = match query.as_str() {
        "" => format!("referrers/{subject}"),
        query => format!("referrers/{subject}?{query}"),
    };
    let page = match listings.page(permit, path, &format!("referrers of {subject}")).await? {
        Listed::Page(page) => page,
        // Where a page was, there is such a list. That it has none of the others must not look like its end.
        Listed::NotThere(StatusCode::METHOD_NOT_ALLOWED, failure) if asked.query.value("last").is_some() => {
            return Err(Failure::Cursor(failure).into());
        }
        Listed::NotThere(..) => Page {
            bytes: under_tag(engine, permit, subject).await?,
            next: None,
            filters: None,
        },
    };
    let wanted = asked.query.value("artifactType");
    let is_filtered = page.filters.as_ref().is_some_and(names_artifact_type);
    let bytes = match &wanted {
        Some(wanted) if !is_filtered => of_type(&page.bytes, wanted),
        // As they came, where nothing has to be left out.
        _ => as_index(&page.bytes).map(|_| page.bytes.clone()),
    };
    let bytes = bytes.ok_or_else(|| {
        let registry = permit.registry();
        Failure::Upstream(format!("{registry} answered the referrers of {subject} with no index"))
    })?;
    let mut response = answer::list(MediaType::OCI_INDEX, bytes);
    if wanted.is_some() {
        let applied = HeaderName::from_static("oci-filters-applied");
        answer::set(&mut response, applied, "artifactType");
    }
    if let Some(next) = &page.next {
        let link = listing::link(&asked.path, &asked.query, next);
        answer::set(&mut response, header::LINK, &link);
    }
    Ok(response)
}

/// The index under the tag of the subject's referrers. What is there and is no index says that there are none; so does
/// nothing, but not a repository that is not there.
async fn under_tag(engine: &Engine, permit: &Permit, subject: &Digest) -> Result<Bytes, Arc<Failure>> {
    let none = || Bytes::from(index(Vec::new()).to_string());
    let tag = Reference::Tag(Tag::of_referrers(subject));
    match engine.manifest(permit, &tag).await {
        Ok(served) if served.found.media_type.is_index() => Ok(served.found.bytes),
        Ok(_) => Ok(none()),
        Err(failure) if failure.is(ErrorCode::ManifestUnknown) => Ok(none()),
        Err(failure) => Err(failure),
    }
}

/// What of an index is of the type. It is a list and no manifest that anybody knows by its digest, so it may be written
/// anew.
fn of_type(bytes: &[u8], wanted: &str) -> Option<Bytes> {
    let kept = as_index(bytes)?.into_iter().filter(|descriptor| {
        let found = descriptor.get("artifactType").and_then(Value::as_str);
        found == Some(wanted)
    });
    Some(Bytes::from(index(kept.collect()).to_string()))
}

/// The descriptors of an index.
fn as_index(bytes: &[u8]) -> Option<Vec<Value>> {
    match serde_json::from_slice::<Value>(bytes)
        .ok()?
        .get_mut("manifests")?
        .take()
    {
        Value::Array(manifests) => Some(manifests),
        // Go writes an empty list so.
        Value::Null => Some(Vec::new()),
        _ => None,
    }
}

fn index(manifests: Vec<Value>) -> Value {
    json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": manifests })
}

fn names_artifact_type(filters: &http::HeaderValue) -> bool {
    let filters = filters.to_str().unwrap_or_default();
    filters
        .split(',')
        .any(|filter| filter.trim().eq_ignore_ascii_case("artifactType"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_filter_leaves_what_is_of_the_type_as_it_was() {
        let text =
            br#"{"schemaVersion":2,"manifests":[{"digest":"a","artifactType":"x/y","other":[1]},{"digest":"b"}]}"#;
        let left: Value = serde_json::from_slice(&of_type(text, "x/y").unwrap()).unwrap();
        assert_eq!(
            left["manifests"],
            json!([{"digest": "a", "artifactType": "x/y", "other": [1]}])
        );
        assert_eq!(left["mediaType"], MediaType::OCI_INDEX);
        for text in ["", "[]", "{}", r#"{"manifests":{}}"#] {
            assert_eq!(of_type(text.as_bytes(), "x/y"), None, "{text}");
        }
        assert!(of_type(br#"{"manifests":null}"#, "x/y").is_some());
    }

    proptest! {
        #[test]
        fn no_body_panics(body in "\\PC{0,60}") {
            let _ = of_type(body.as_bytes(), "x/y");
        }
    }
}

use std::sync::Arc;

use access::Permit;
use bytes::Bytes;
use http::{Response, StatusCode, header};
use net::Body;
use oci::RepositoryName;
use serde::{Deserialize, Serialize};

use crate::{
    answer,
    asked::Asked,
    failure::Failure,
    listing::{self, Listed, Listings},
};

/// A page of tags, as the distribution specification has it.
#[derive(Debug, Deserialize, Serialize)]
struct Tags {
    name: String,
    #[serde(default, deserialize_with = "none_as_empty")]
    tags: Vec<String>,
}

/// Answers `tags/list`: a page of the upstream's list, under the name by which the client asked.
///
/// The order and the cursor are ECR's. Its `last` is no tag, and the list is not sorted; to sort it would take all of its
/// pages for each of ours.
pub(crate) async fn answer(
    listings: &Listings,
    permit: &Permit,
    name: &RepositoryName,
    asked: &Asked,
) -> Result<Response<Body>, Arc<Failure>> {
    let size = page_size(asked.query.value("n").as_deref())?;
    let mut query = asked
        .query
        .without(&["n", "ns"])
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    // For none, too, the registry has to say whether the repository is there and may be read.
    query.extend(size.map(|size| format!("n={}", size.max(1))));
    let path = match query.join("&") {
        query if query.is_empty() => "tags/list".to_owned(),
        query => format!("tags/list?{query}"),
    };
    let mut page = match listings.page(permit, path, "tags").await? {
        Listed::Page(page) => page,
        // ECR refuses a `last` that it has not made with 405. It is no trouble of the upstream, and trying again is no use.
        Listed::NotThere(StatusCode::METHOD_NOT_ALLOWED, failure) if asked.query.value("last").is_some() => {
            return Err(Failure::Cursor(failure).into());
        }
        Listed::NotThere(_, failure) => return Err(failure),
    };
    let mut list: Tags = serde_json::from_slice(&page.bytes).map_err(|error| {
        let registry = permit.registry();
        Failure::Upstream(format!("{registry} answered the tags with something else: {error}"))
    })?;
    list.name = name.to_string();
    if size == Some(0) {
        list.tags.clear();
        page.next = None;
    }
    // ECR sends this as plain text.
    let body = serde_json::to_vec(&list).map_err(|_| Failure::Internal)?;
    let mut response = answer::list("application/json", Bytes::from(body));
    if let Some(next) = &page.next {
        let link = listing::link(&asked.path, &asked.query, next);
        answer::set(&mut response, header::LINK, &link);
    }
    Ok(response)
}

/// How many tags a page is to have. ECR refuses to give more than a thousand; the specification lets a page have fewer
/// than it was asked for.
fn page_size(n: Option<&str>) -> Result<Option<usize>, Failure> {
    let Some(n) = n else { return Ok(None) };
    if n.is_empty() || !n.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::PageSize(n.chars().take(40).collect()));
    }
    Ok(Some(n.parse().map_or(MOST, |n: usize| n.min(MOST))))
}

fn none_as_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

const MOST: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_as_many_tags_as_ecr_gives_at_most() {
        for (n, size) in [
            (None, None),
            (Some("0"), Some(0)),
            (Some("007"), Some(7)),
            (Some("1000"), Some(1000)),
            (Some("1001"), Some(1000)),
            (Some("99999999999999999999999"), Some(1000)),
        ] {
            assert_eq!(page_size(n).unwrap(), size, "{n:?}");
        }
        for n in ["", "-1", "+1", "a", "1.5", " 1"] {
            assert!(matches!(page_size(Some(n)), Err(Failure::PageSize(_))), "{n}");
        }
    }

    #[test]
    fn a_repository_without_tags_has_an_empty_list() {
        for text in [
            r#"{"name":"a","tags":null}"#,
            r#"{"name":"a"}"#,
            r#"{"name":"a","tags":[]}"#,
        ] {
            let tags: Tags = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&tags).unwrap(), r#"{"name":"a","tags":[]}"#);
        }
    }
}

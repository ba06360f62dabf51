use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{StatusCode, header};
use oci::{Digest, ErrorCode, RepositoryName, Tag};
use serde_json::json;

use super::{Visit, refusal::Refusal};
use crate::exchange::{Response, respond, set_header};

const PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

impl Visit<'_> {
    /// `tags/list`: by pages, in no order that means anything, and as plain text.
    pub(super) fn tags(&mut self, name: &RepositoryName) -> Result<Response, Refusal> {
        self.permit(name, "ecr:ListImages")?;
        let asked = self.param("n").map(|n| page_size(&n)).transpose()?;
        let limit = asked.unwrap_or(PAGE);
        let after = self.param("last").map(|cursor| read_cursor(&cursor)).transpose()?;
        let mut tags = self.read(name, |repository| {
            let keyed = repository.tags.keys().map(|tag| (key(tag), tag.clone()));
            let keyed = keyed.filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
            keyed.collect::<Vec<_>>()
        })?;
        tags.sort();
        let more = tags.len() > limit;
        tags.truncate(limit);
        let names = tags.iter().map(|(_, tag)| tag.as_str()).collect::<Vec<_>>();
        let body = json!({"name": name.as_str(), "tags": names}).to_string();
        let mut response = respond(StatusCode::OK, "text/plain; charset=utf-8", body);
        if let Some((last, _)) = tags.last().filter(|_| more) {
            let cursor = URL_SAFE_NO_PAD.encode(last);
            let size = asked.map(|n| format!("&n={n}")).unwrap_or_default();
            let path = format!("/v2/{name}/tags/list?last={cursor}{size}");
            let url = self.inbound.url(&self.registry.host(), &path);
            let link = format!("<{url}>; rel=\"next\"");
            set_header(&mut response, header::LINK, &link);
        }
        Ok(response)
    }
}

/// Tags come in the order of their hashes, so that nobody comes to rely on an alphabetic one, and the cursor is no tag.
fn key(tag: &Tag) -> String {
    Digest::of(tag.as_str().as_bytes()).hex().to_owned()
}

fn read_cursor(cursor: &str) -> Result<String, Refusal> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|key| String::from_utf8(key).ok())
        .ok_or_else(|| unsupported("nextToken", "must be a token of this operation"))
}

fn page_size(n: &str) -> Result<usize, Refusal> {
    let too_small = || unsupported("maxResults", "Member must have value greater than or equal to 1");
    match n.parse::<usize>() {
        Ok(n) if n > MAX_PAGE => Err(unsupported(
            "maxResults",
            "Member must have value less than or equal to 1000",
        )),
        Ok(n) if n > 0 => Ok(n),
        _ => Err(too_small()),
    }
}

fn unsupported(parameter: &str, constraint: &str) -> Refusal {
    Refusal::new(
        ErrorCode::Unsupported,
        format!("Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'"),
    )
}

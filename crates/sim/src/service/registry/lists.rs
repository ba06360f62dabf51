use http::{StatusCode, header};
use oci::{Digest, ErrorCode, RepositoryName, Tag};
use serde_json::{Value, json};

use super::{Registry, Visit, refusal::Refusal};
use crate::{
    exchange::{Response, respond, set_header},
    policy::{Wish, request_context},
    service::ecr::{Page, read_cursor},
};

const PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

impl Visit<'_> {
    /// `tags/list`: by pages, in no order that means anything, and as plain text.
    pub(super) fn tags(&mut self, name: &RepositoryName) -> Result<Response, Refusal> {
        self.permit(name, "ListImages")?;
        let page = self.page()?;
        let part = self.read(name, |repository| {
            let mut tags = repository
                .tags
                .keys()
                .map(|tag| (key(tag), tag.clone()))
                .collect::<Vec<_>>();
            tags.sort();
            page.of(tags.into_iter())
        })?;
        let names = part.items.iter().map(Tag::as_str).collect::<Vec<_>>();
        let list = json!({"name": self.registry.full_name(name), "tags": names});
        Ok(self.list(&list, &self.path(name, "tags/list"), part.next))
    }

    /// `_catalog`: the registry's repositories by pages, for whoever may list them through the API.
    pub(super) fn catalog(&mut self) -> Result<Response, Refusal> {
        let Registry { account, region, .. } = self.registry;
        // What is public is listed by a gallery that is no part of the registry.
        let identity = match &self.identity {
            Some(identity) if !region.is_public() => identity,
            _ => return Err(Refusal::new(ErrorCode::Unsupported, "The operation is unsupported.")),
        };
        let action = "ecr:DescribeRepositories";
        let resource = format!("arn:aws:ecr:{region}:{account}:repository/*");
        let wish = Wish {
            identity,
            action,
            resource: &resource,
            owner: account,
            record: &self.inbound.decisions,
        };
        let context = request_context(self.inbound, region, self.now);
        let judged = self.world.read(|state| wish.judge(state, None, context)).decide();
        self.entry.call.action = action.to_owned();
        self.entry.call.resource = Some(resource);
        judged?;
        let page = self.page()?;
        let part = self.world.read(|state| {
            let repositories = state.repositories(account, region, None);
            page.of(repositories.map(|(name, _)| (name.to_string(), name.to_string())))
        });
        let list = json!({ "repositories": part.items });
        Ok(self.list(&list, "/v2/_catalog", part.next))
    }

    /// The page that `n` and `last` ask for.
    fn page(&self) -> Result<Page, Refusal> {
        let limit = self.param("n").map(|n| page_size(&n)).transpose()?;
        let after = self.param("last").map(|cursor| {
            read_cursor(&cursor).ok_or_else(|| unsupported("nextToken", "must be a token of this operation"))
        });
        Ok(Page {
            limit: limit.unwrap_or(PAGE),
            after: after.transpose()?,
        })
    }

    /// A list as plain text, with a link to its next page where there is one.
    fn list(&self, list: &Value, path: &str, next: Option<String>) -> Response {
        let mut response = respond(StatusCode::OK, "text/plain; charset=utf-8", list.to_string());
        if let Some(cursor) = next {
            let size = self.param("n").map(|n| format!("&n={n}")).unwrap_or_default();
            let link = self.url(&format!("{path}?last={cursor}{size}"));
            set_header(&mut response, header::LINK, &format!("<{link}>; rel=\"next\""));
        }
        response
    }
}

/// Tags come in the order of their hashes, so that nobody comes to rely on an alphabetic one, and the cursor is no tag.
fn key(tag: &Tag) -> String {
    Digest::of(tag.as_str().as_bytes()).hex().to_owned()
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

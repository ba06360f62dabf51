use bytes::Bytes;
use http::Response;
use oci::{Digest, ErrorCode, MediaType};
use serde_json::{Value, json};

use super::{Aws, State, answer, refusal};

impl Aws {
    /// From now on the registry has a referrers API, with this among others.
    pub(crate) fn refer(&self, place: &str, subject: &Digest, referrer: Value) {
        let mut referrers = self.state.referrers.lock().unwrap();
        let key = (place.to_owned(), subject.clone());
        referrers.get_or_insert_default().entry(key).or_default().push(referrer);
    }
}

impl State {
    /// A list, if one is asked for: tags by pages of which the cursor is no tag, or referrers.
    pub(super) fn list(&self, host: &str, path: &str, query: &str) -> Option<Response<Bytes>> {
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find_map(|(found, value)| (found == name).then_some(value))
        };
        if let Some(repository) = path.strip_suffix("/tags/list") {
            return Some(self.tags(host, repository, value("n"), value("last")));
        }
        let (repository, subject) = path.split_once("/referrers/")?;
        let referrers = self.referrers.lock().unwrap();
        let Some(referrers) = &*referrers else {
            return Some(answer(404, &[], "404 page not found\n"));
        };
        let key = (format!("{host}/{repository}"), subject.parse().unwrap());
        let found = referrers.get(&key).cloned().unwrap_or_default();
        // Spaces that no serializer would write.
        let index = format!(
            "{{ \"schemaVersion\": 2,  \"mediaType\": \"{}\", \"manifests\": {} }}",
            MediaType::OCI_INDEX,
            Value::from(found)
        );
        Some(answer(200, &[("content-type", MediaType::OCI_INDEX)], index))
    }

    fn tags(&self, host: &str, repository: &str, n: Option<&str>, last: Option<&str>) -> Response<Bytes> {
        let refused = |status, text: &str| {
            let mut response = refusal(ErrorCode::Unsupported, text);
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            response
        };
        let size = n.map_or(100, |n| n.parse::<usize>().unwrap());
        if !(1..=1000).contains(&size) {
            return refused(405, "Invalid parameter at 'maxResults'");
        }
        let from = match last.map(|last| last.strip_prefix("c%2B/").and_then(|rest| rest.strip_suffix("=="))) {
            None => 0,
            Some(Some(offset)) => offset.parse().unwrap(),
            Some(None) => return refused(405, "Invalid parameter at 'nextToken'"),
        };
        let place = format!("{host}/{repository}");
        let manifests = self.manifests.lock().unwrap();
        let mut tags = manifests
            .keys()
            .filter(|(found, _)| *found == place)
            .collect::<Vec<_>>();
        if tags.is_empty() {
            return refusal(ErrorCode::NameUnknown, "The repository does not exist");
        }
        tags.retain(|(_, reference)| !reference.contains(':'));
        // Not in the order that a client might expect.
        tags.sort_by(|a, b| b.cmp(a));
        let page = tags.iter().skip(from).take(size);
        let page = page.map(|(_, tag)| tag.as_str()).collect::<Vec<_>>();
        let to = from + page.len();
        let link = format!("<https://{host}/v2/{repository}/tags/list?last=c%2B/{to}==&n={size}>; rel=\"next\"");
        let mut headers = vec![("content-type", "text/plain; charset=utf-8")];
        if to < tags.len() {
            headers.push(("link", link.as_str()));
        }
        answer(200, &headers, json!({ "name": repository, "tags": page }).to_string())
    }
}

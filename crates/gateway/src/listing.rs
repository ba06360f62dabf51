use std::sync::Arc;

use access::Permit;
use aws::AwsError;
use bytes::Bytes;
use content::Place;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use oci::Manifest;

use crate::{
    engine::place,
    failure::{Failure, Verdict},
    flight::Flights,
    query::Query,
    standing::Standings,
    upstream::{Upstream, read},
};

/// Lists that are asked of the upstream each time, once for all who want the same at the same time: what is in a list
/// today says nothing about tomorrow's.
#[derive(Clone)]
pub(crate) struct Listings {
    upstream: Arc<Upstream>,
    standings: Standings,
    flights: Arc<Flights<(Place, String), Outcome>>,
}

type Outcome = Result<Listed, Arc<Failure>>;

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) enum Listed {
    Page(Page),
    /// The registry has no such list: 404, or a method or an operation that it does not know.
    NotThere(StatusCode, Arc<Failure>),
}

/// A page of a list.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) bytes: Bytes,
    /// The query of the next page as the registry wrote it.
    pub(crate) next: Option<String>,
    /// What the registry says it has left out.
    pub(crate) filters: Option<HeaderValue>,
}

impl Listings {
    pub(crate) fn new(upstream: Arc<Upstream>, standings: Standings) -> Self {
        Self {
            upstream,
            standings,
            flights: Arc::default(),
        }
    }

    /// The page that `path`, with its query, has below the permit's repository.
    pub(crate) async fn page(&self, permit: &Permit, path: String, wanted: &str) -> Outcome {
        let place = place(permit)?;
        let (listings, permit, wanted) = (self.clone(), permit.clone(), wanted.to_owned());
        let key = (place.clone(), path.clone());
        let work = move || async move { listings.ask(&permit, &place, &path, &wanted).await.map_err(Arc::new) };
        let landed = self.flights.join(key, work).await;
        landed.unwrap_or_else(|| Err(Arc::new(Failure::Internal)))
    }

    async fn ask(&self, permit: &Permit, place: &Place, path: &str, wanted: &str) -> Result<Listed, Failure> {
        let refusal = match ask(&self.upstream, permit, path, wanted).await {
            Err(Refused::Everything(failure)) => failure,
            Err(Refused::List(failure)) => return Err(failure),
            Ok(listed) => return Ok(listed),
        };
        let standing = self.standings.of(place).await?;
        self.standings.refuse(place, &standing).await;
        Err(refusal)
    }
}

/// Why there is no list, and whether the same goes for pulls.
enum Refused {
    Everything(Failure),
    List(Failure),
}

impl<F: Into<Failure>> From<F> for Refused {
    fn from(failure: F) -> Self {
        Self::List(failure.into())
    }
}

/// What a refusal of a list says of pulls. By itself nothing: `ecr:ListImages` is an action of its own, and a role that
/// pulls need not have it. If every refused list ended what is cached, any client of the upstream could end it for all
/// others by asking for the tags. It ends where AWS refuses the login, or names an action that pulls need: referrers are
/// read by `ecr:BatchGetImage`.
fn refused(status: StatusCode, error: AwsError) -> Refused {
    let is_of_login = status == StatusCode::UNAUTHORIZED || error.said.contains("authorization token has expired");
    let is_of_pulling = PULLING.iter().any(|action| {
        let says = |service| error.said.contains(&format!("perform: {service}:{action} "));
        says("ecr") || says("ecr-public")
    });
    match Failure::from(error) {
        failure if failure.verdict() == Verdict::Refused && (is_of_login || is_of_pulling) => {
            Refused::Everything(failure)
        }
        failure => Refused::List(failure),
    }
}

async fn ask(upstream: &Upstream, permit: &Permit, path: &str, wanted: &str) -> Result<Listed, Refused> {
    let asked = upstream.get(permit, path, &HeaderMap::new(), wanted).await;
    let (answer, login) = asked.map_err(|error| match Failure::from(error) {
        // By STS, or by ECR's API: there is no login at all.
        failure if failure.verdict() == Verdict::Refused => Refused::Everything(failure),
        failure => Refused::List(failure),
    })?;
    match answer.status() {
        StatusCode::OK => {}
        status @ (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED) => {
            let failure = upstream.explain(permit, wanted, &login, answer).await;
            return Ok(Listed::NotThere(status, Arc::new(failure.into())));
        }
        status => {
            let error = upstream.explain(permit, wanted, &login, answer).await;
            return Err(refused(status, error));
        }
    }
    let registry = permit.registry();
    let wrong = |what| Failure::Upstream(format!("{registry} answered the {wanted} with {what}"));
    let next = next_query(answer.headers()).map_err(|Unusable| wrong("a link to the next page that is none"))?;
    let filters = answer.headers().get("oci-filters-applied").cloned();
    let bytes = read(answer, Manifest::MAX_LENGTH).await;
    let bytes = bytes.ok_or_else(|| wrong("a body that breaks off or is longer than 4 MiB"))?;
    Ok(Listed::Page(Page {
        bytes: bytes.into(),
        next,
        filters,
    }))
}

/// A link that does not lead on. Without it the list would seem complete.
#[derive(Debug, PartialEq, Eq)]
struct Unusable;

/// The query in the link to the next page (RFC 8288). Where else the link leads does not matter: nobody goes there.
fn next_query(headers: &HeaderMap) -> Result<Option<String>, Unusable> {
    for value in headers.get_all(header::LINK) {
        let link = value.to_str().map_err(|_| Unusable)?;
        let (url, parameters) = link
            .trim()
            .strip_prefix('<')
            .and_then(|link| link.split_once('>'))
            .ok_or(Unusable)?;
        let is_next = parameters.split(';').any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            name.trim().eq_ignore_ascii_case("rel") && value.trim().trim_matches('"').eq_ignore_ascii_case("next")
        });
        if !is_next {
            continue;
        }
        let (_, query) = url.split_once('?').ok_or(Unusable)?;
        let query = query.split('#').next().unwrap_or_default();
        let is_query = query
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
        if query.is_empty() || query.len() > LONGEST_CURSOR || !is_query {
            return Err(Unusable);
        }
        return Ok(Some(query.to_owned()));
    }
    Ok(None)
}

/// The next page at this registry, for the `Link` of an answer: the registry's own query, and what of the client's it does
/// not have: by what the image is named, and a filter that the registry does not know and that is applied here. Without a
/// host, as RFC 8288 §3.1 allows: the client goes on where it is, whatever stands in front.
pub(crate) fn link(path: &str, query: &Query, next: &str) -> String {
    let theirs = Query::read(Some(next)).unwrap_or_default();
    let ours = ["ns", "artifactType"]
        .into_iter()
        .filter_map(|name| match theirs.parameter(name) {
            Some(_) => None,
            None => query.parameter(name),
        });
    let ours = ours.map(|parameter| format!("&{parameter}")).collect::<String>();
    format!("<{path}?{next}{ours}>; rel=\"next\"")
}

/// What AWS has to allow for a pull.
const PULLING: [&str; 2] = ["BatchGetImage", "GetDownloadUrlForLayer"];
/// Leaves room for `ns` in a query that is still read.
const LONGEST_CURSOR: usize = Query::MAX_LENGTH - 512;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn next(link: &str) -> Result<Option<String>, Unusable> {
        let mut headers = HeaderMap::new();
        headers.insert(header::LINK, HeaderValue::from_str(link).unwrap());
        next_query(&headers)
    }

    #[test]
    fn the_cursor_is_kept_byte_for_byte_and_the_host_is_not() {
        let host = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
        let found = next(&format!(
            "<https://{host}/v2/a/tags/list?last=aB%2b+/=%3D&n=2>; rel=\"next\""
        ));
        assert_eq!(found.as_ref().unwrap().as_deref(), Some("last=aB%2b+/=%3D&n=2"));
        let query = Query::read(Some(&format!("n=2&ns={host}"))).unwrap();
        assert_eq!(
            link("/v2/a/tags/list", &query, "last=aB%2b+/=%3D&n=2"),
            format!("</v2/a/tags/list?last=aB%2b+/=%3D&n=2&ns={host}>; rel=\"next\"")
        );
    }

    #[test]
    fn a_link_to_something_else_is_no_next_page_and_a_broken_one_is_an_error() {
        assert_eq!(next("</a?b>; rel=\"prev\""), Ok(None));
        assert_eq!(next("</a?b>; title=x; REL=next"), Ok(Some("b".to_owned())));
        assert_eq!(next_query(&HeaderMap::new()), Ok(None));
        let long = format!("</a?{}>; rel=next", "b".repeat(5000));
        for broken in [
            "a?b; rel=next",
            "</a>; rel=next",
            "</a?>; rel=next",
            "</a?b c>; rel=next",
            &long,
        ] {
            assert_eq!(next(broken), Err(Unusable), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_taken_fits_into_a_header(link in "<[ -~]{0,40}>; rel=next") {
            if let Ok(Some(query)) = next(&link) {
                prop_assert!(HeaderValue::from_str(&super::link("/v2/a", &Query::default(), &query)).is_ok());
            }
        }
    }
}

use access::Permit;
use aws::{Cause, Kind};
use http::{StatusCode, header};
use oci::{MediaType, Reference, Tag};

use crate::{
    accept::Accepted,
    engine::{Engine, place},
    failure::{Failure, Verdict},
    manifest::{Found, verified},
    upstream::headers,
};

impl Engine {
    /// The manifest of a tag for a client that does not understand its stored type: what ECR gives such a client.
    ///
    /// ECR converts between OCI's and Docker's types where it can, by tag and never by digest (ECR user guide, "Container
    /// image manifest format support in Amazon ECR"). Another type has other bytes and another digest, under which ECR
    /// has nothing, so none of it is kept: neither would the tag mean two things here, nor would this be a second
    /// registry. What ECR says where there is no conversion is not documented: it is passed on, whatever it is.
    pub(crate) async fn converted(
        &self,
        permit: &Permit,
        tag: &Tag,
        accepted: &Accepted,
        stored: &MediaType,
    ) -> Result<Found, Failure> {
        let outcome = self.ask_for_conversion(permit, tag, accepted, stored).await;
        // It is a pull like any other: what AWS refuses here ends what is cached.
        if let Err(failure) = &outcome
            && failure.verdict() == Verdict::Refused
        {
            let place = place(permit)?;
            let standing = self.standings.of(&place).await?;
            self.standings.refuse(&place, &standing).await;
        }
        outcome
    }

    async fn ask_for_conversion(
        &self,
        permit: &Permit,
        tag: &Tag,
        accepted: &Accepted,
        stored: &MediaType,
    ) -> Result<Found, Failure> {
        let wanted = format!("manifest {tag} as one of `{}`", accepted.as_str());
        let accept = headers(header::ACCEPT, accepted.as_str());
        let path = format!("manifests/{tag}");
        let (answer, login) = self.upstream.get(permit, &path, &accept, &wanted).await?;
        if answer.status() != StatusCode::OK {
            let error = self.upstream.explain(permit, &wanted, &login, answer).await;
            // ECR says that there is no such image; the client, or whoever reads this, is not to look for it.
            return Err(match error.kind {
                Kind::NotFound(_) => error.led_by(not_understood(permit, tag, stored)).into(),
                _ => error.into(),
            });
        }
        verified(permit, &Reference::Tag(tag.clone()), answer).await
    }
}

/// Why ECR has nothing for the client although the tag is there.
fn not_understood(permit: &Permit, tag: &Tag, stored: &MediaType) -> Cause {
    let (registry, repository) = (permit.registry(), permit.repository());
    let kind = match stored.is_index() {
        true => "an index of images for several platforms",
        false => "one image",
    };
    Cause::new(
        format!(
            "the tag is there and is {kind}, of the type `{stored}`; the client's Accept header does not name this type, and ECR has no conversion into one that it names"
        ),
        format!("skopeo inspect --raw docker://{registry}/{repository}:{tag} shows it"),
        format!("name `{stored}` in the Accept header, or use a newer client"),
    )
}

/// The tag that has to be asked for in the client's own words: the client does not understand what is stored, and names
/// it by tag. By digest it gets the bytes that have this digest.
pub(crate) fn needed<'r>(reference: &'r Reference, accepted: &Accepted, stored: &MediaType) -> Option<&'r Tag> {
    match reference {
        Reference::Tag(tag) if !accepted.takes(stored) => Some(tag),
        _ => None,
    }
}

use access::Permit;
use http::{StatusCode, header};
use oci::{MediaType, Reference, Tag};

use crate::{
    accept::Accepted,
    engine::Engine,
    failure::Failure,
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
    pub(crate) async fn converted(&self, permit: &Permit, tag: &Tag, accepted: &Accepted) -> Result<Found, Failure> {
        let wanted = format!("manifest {tag} as one of `{}`", accepted.as_str());
        let accept = headers(header::ACCEPT, accepted.as_str());
        let path = format!("manifests/{tag}");
        let (answer, login) = self.upstream.get(permit, &path, &accept, &wanted).await?;
        if answer.status() != StatusCode::OK {
            return Err(self.upstream.explain(permit, &wanted, &login, answer).await.into());
        }
        verified(permit, &Reference::Tag(tag.clone()), answer).await
    }
}

/// The tag that has to be asked for in the client's own words: the client does not understand what is stored, and names
/// it by tag. By digest it gets the bytes that have this digest.
pub(crate) fn needed<'r>(reference: &'r Reference, accepted: &Accepted, stored: &MediaType) -> Option<&'r Tag> {
    match reference {
        Reference::Tag(tag) if !accepted.takes(stored) => Some(tag),
        _ => None,
    }
}

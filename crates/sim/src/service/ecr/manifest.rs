use bytes::Bytes;
use jiff::Timestamp;
use oci::MediaType;
use serde::Deserialize;

use crate::world::Image;

/// Why a manifest is not one; the sentence is the constraint that it breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidImage {
    #[error("Invalid JSON syntax")]
    Syntax,
    #[error("The media type of the manifest is missing")]
    NoMediaType,
    #[error("The media type of the request does not match the manifest media type")]
    OtherMediaType,
    #[error("Manifest media type {0} is not supported")]
    Unsupported(MediaType),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Typed {
    #[serde(default)]
    media_type: Option<String>,
}

/// Reads a manifest whose type is what the request says, which must agree with what the manifest says of itself; where
/// the request says nothing, the manifest must.
pub(crate) fn read(said: Option<&str>, bytes: Bytes, pushed: Timestamp) -> Result<Image, InvalidImage> {
    // A list would be read as the members of an object without their names.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(InvalidImage::Syntax);
    }
    let written = serde_json::from_slice::<Typed>(&bytes)
        .map_err(|_| InvalidImage::Syntax)?
        .media_type;
    let media_type = said
        .or(written.as_deref())
        .and_then(MediaType::from_header)
        .ok_or(InvalidImage::NoMediaType)?;
    if written.is_some_and(|written| written != media_type.as_str()) {
        return Err(InvalidImage::OtherMediaType);
    }
    if !media_type.is_manifest() {
        return Err(InvalidImage::Unsupported(media_type));
    }
    Image::read(media_type, bytes, pushed).map_err(|error| {
        tracing::debug!(%error, "a manifest was refused");
        InvalidImage::Syntax
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_said_once_or_twice_alike() {
        let index = |media_type: &str| Bytes::from(format!("{{{media_type}\"manifests\":[]}}"));
        let typed = index("\"mediaType\":\"application/vnd.oci.image.index.v1+json\",");
        let read = |said: Option<&str>, bytes: &Bytes| read(said, bytes.clone(), Timestamp::UNIX_EPOCH);
        assert!(read(None, &typed).is_ok());
        assert!(read(Some(MediaType::OCI_INDEX), &index("")).is_ok());
        assert_eq!(read(None, &index("")).unwrap_err(), InvalidImage::NoMediaType);
        assert_eq!(
            read(Some(MediaType::DOCKER_LIST), &typed).unwrap_err(),
            InvalidImage::OtherMediaType
        );
        assert_eq!(read(None, &Bytes::from("[]")).unwrap_err(), InvalidImage::Syntax);
        assert!(matches!(
            read(Some("text/plain"), &index("")).unwrap_err(),
            InvalidImage::Unsupported(_)
        ));
    }
}

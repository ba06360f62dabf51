use std::{fs::File, io, io::Read, path::Path};

use oci::{Descriptor, MediaType};
use serde_json::{Value, json};

use super::{DiskError, LayoutError};

/// Reads `index.json`, as far as it is understood and beyond: what this program does not know stays in it. A missing
/// file is an empty index.
pub(super) fn read(path: &Path) -> Result<Value, LayoutError> {
    let mut text = Vec::new();
    match File::open(path).and_then(|file| file.take(MAX_LENGTH + 1).read_to_end(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(empty()),
        Err(error) => return Err(DiskError::at("read", path)(error).into()),
    }
    let wrong = |reason: String| LayoutError::Index {
        path: path.to_owned(),
        reason,
    };
    if text.len() as u64 > MAX_LENGTH {
        return Err(wrong("is longer than 4 MiB".to_owned()));
    }
    let index: Value = serde_json::from_slice(&text).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if !index.get("manifests").is_some_and(Value::is_array) {
        return Err(wrong("has no list `manifests`".to_owned()));
    }
    Ok(index)
}

/// Enters an image under a name; the entry that had the name before goes.
pub(super) fn enter(index: &mut Value, name: &str, image: &Descriptor) {
    let mut entry = json!({ "mediaType": image.media_type, "digest": image.digest, "size": image.size });
    if let Some(platform) = &image.platform {
        entry["platform"] = json!(platform);
    }
    entry["annotations"] = json!({ REF_NAME: name });
    if let Some(entries) = index.get_mut("manifests").and_then(Value::as_array_mut) {
        entries.retain(|entry| entry["annotations"][REF_NAME] != name);
        entries.push(entry);
    }
}

pub(super) fn bytes(index: &Value) -> Vec<u8> {
    index.to_string().into_bytes()
}

fn empty() -> Value {
    json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [] })
}

/// The annotation that names an image inside a layout (image specification 1.1, "Pre-Defined Annotation Keys").
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// How many bytes of an index are read.
const MAX_LENGTH: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use oci::Digest;

    #[test]
    fn an_entry_replaces_its_name_and_nothing_else() {
        let mut index = json!({ "manifests": [
            { "digest": "x", "annotations": { REF_NAME: "a" } },
            { "digest": "y", "annotations": { REF_NAME: "b", "more": "1" } },
            { "digest": "z" },
        ], "new": 1 });
        let image = Descriptor::new(MediaType::OCI_MANIFEST, Digest::of(b"1"), 7);
        enter(&mut index, "a", &image);
        let digests: Vec<_> = index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| &m["digest"])
            .collect();
        assert_eq!(digests, ["y", "z", &Digest::of(b"1").to_string()]);
        assert_eq!(index["manifests"][0]["annotations"]["more"], "1");
        assert_eq!(index["new"], 1);
        assert_eq!(index["manifests"][2]["annotations"], json!({ REF_NAME: "a" }));
    }
}

//! Images in an OCI layout, as skopeo reads them.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use oci::{Algorithm, Digest, Hasher, MediaType};
use serde_json::{Value, json};

/// Writes an image with a layer of each size into a folder; its digest. The layers are tars of one file each, which no
/// compression makes smaller.
pub(crate) fn generate(folder: &Path, sizes: &[u64]) -> Digest {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let layers = sizes
        .iter()
        .enumerate()
        .map(|(number, size)| layer(&blobs, number, *size));
    let layers = layers.collect::<Vec<_>>();
    let diff_ids = layers.iter().map(|layer| layer["digest"].clone()).collect::<Vec<_>>();
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": document(&blobs, MediaType::OCI_CONFIG, &config),
        "layers": layers,
    });
    let descriptor = document(&blobs, MediaType::OCI_MANIFEST, &manifest);
    let index = json!({"schemaVersion": 2, "manifests": [descriptor]});
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    fs::write(
        folder.join("oci-layout"),
        json!({"imageLayoutVersion": "1.0.0"}).to_string(),
    )
    .unwrap();
    descriptor["digest"].as_str().unwrap().parse().unwrap()
}

/// The digest of the only image of a layout.
pub(crate) fn digest(folder: &Path) -> String {
    let index: Value = serde_json::from_slice(&fs::read(folder.join("index.json")).unwrap()).unwrap();
    index["manifests"][0]["digest"].as_str().unwrap().to_owned()
}

fn document(blobs: &Path, media_type: &str, document: &Value) -> Value {
    let text = document.to_string();
    let digest = Digest::of(text.as_bytes());
    fs::write(blobs.join(digest.hex()), &text).unwrap();
    json!({"mediaType": media_type, "digest": digest.to_string(), "size": text.len()})
}

fn layer(blobs: &Path, number: usize, size: u64) -> Value {
    let path = blobs.join(format!("layer-{number}"));
    let mut hashed = Hashed {
        file: BufWriter::with_capacity(1 << 20, File::create(&path).unwrap()),
        hasher: Hasher::new(Algorithm::Sha256),
        length: 0,
    };
    let mut archive = tar::Builder::new(&mut hashed);
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    archive
        .append_data(&mut header, format!("layer-{number}"), Noise::new(number, size))
        .unwrap();
    archive.into_inner().unwrap().file.flush().unwrap();
    let digest = hashed.hasher.finish();
    fs::rename(path, blobs.join(digest.hex())).unwrap();
    json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest.to_string(), "size": hashed.length})
}

/// What images call the processor of this machine.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Writes, and takes the digest of what is written.
struct Hashed {
    file: BufWriter<File>,
    hasher: Hasher,
    length: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.length += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Bytes that look random and are the same each time (xorshift64*).
struct Noise {
    state: u64,
    left: u64,
}

impl Noise {
    fn new(seed: usize, length: u64) -> Self {
        Self {
            state: 0x9e37_79b9_7f4a_7c15 ^ (seed as u64 + 1),
            left: length,
        }
    }
}

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        for chunk in buffer[..count].chunks_mut(8) {
            self.state ^= self.state >> 12;
            self.state ^= self.state << 25;
            self.state ^= self.state >> 27;
            let bytes = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        self.left -= count as u64;
        Ok(count)
    }
}

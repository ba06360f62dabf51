//! What is to be pulled, and who may: drawn from the seed, and remembered byte for byte.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use fastrand::Rng;
use serde_json::{Value, json};

use crate::servers::simulator::{self, Key, Simulator, digest_of};

pub(super) const TEAMS: &[&str] = &["acme", "beta", "gamma"];

/// By which identity a team reaches a registry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upstream {
    pub(super) team: usize,
    pub(super) name: &'static str,
    pub(super) registry: usize,
    pub(super) delivery: &'static str,
    /// The only repository that it is for, where it is not for all.
    pub(super) only: Option<&'static str>,
}

/// `ACCOUNT/REGION`.
pub(super) const REGISTRIES: &[&str] = &[
    "111122223333/us-east-1",
    "111122223333/us-west-2",
    "444455556666/us-east-1",
    "777788889999/us-east-1",
];

pub(super) const UPSTREAMS: &[Upstream] = &[
    upstream(0, "prod", 0, "stream", None),
    upstream(0, "far", 1, "redirect", None),
    upstream(1, "prod", 2, "auto", None),
    upstream(1, "shared", 0, "stream", Some("team/web")),
    upstream(2, "prod", 3, "stream", None),
];

const REPOSITORIES: &[(usize, &str)] = &[
    (0, "team/app"),
    (0, "team/web"),
    (1, "team/far"),
    (2, "team/app"),
    (3, "team/app"),
    (3, "team/data"),
];

#[derive(Debug)]
pub(super) struct Catalog {
    pub(super) repositories: Vec<Repository>,
    /// What an upstream reaches of which repository.
    pub(super) places: Vec<Place>,
    /// All content, by digest.
    pub(super) bytes: HashMap<String, Arc<[u8]>>,
    keys: Vec<Key>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) upstream: usize,
    pub(super) repository: usize,
}

#[derive(Debug)]
pub(super) struct Repository {
    pub(super) registry: usize,
    pub(super) name: &'static str,
    pub(super) manifests: Vec<Manifest>,
    /// Digests.
    pub(super) blobs: Vec<String>,
    pub(super) tags: Vec<Tag>,
    push: simulator::Repository,
}

#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) digest: String,
    kind: &'static str,
}

#[derive(Debug)]
pub(super) struct Tag {
    pub(super) name: String,
    stands_for: Mutex<StandsFor>,
}

#[derive(Debug)]
struct StandsFor {
    now: String,
    /// Moved to by now, or about to be.
    ever: BTreeSet<String>,
}

const fn upstream(
    team: usize,
    name: &'static str,
    registry: usize,
    delivery: &'static str,
    only: Option<&'static str>,
) -> Upstream {
    Upstream {
        team,
        name,
        registry,
        delivery,
        only,
    }
}

impl Upstream {
    pub(super) fn host(&self) -> String {
        let (account, region) = parts(self.registry);
        format!("{account}.dkr.ecr.{region}.amazonaws.com")
    }
}

impl Tag {
    pub(super) fn now(&self) -> String {
        self.locked().now.clone()
    }

    /// Lets it stand for another image, which it may do from now on.
    pub(super) fn stand_for(&self, manifest: &Manifest) {
        let mut own = self.locked();
        own.now.clone_from(&manifest.digest);
        own.ever.insert(manifest.digest.clone());
    }

    pub(super) fn ever_stood_for(&self, digest: &str) -> bool {
        self.locked().ever.contains(digest)
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, StandsFor> {
        self.stands_for.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Repository {
    pub(super) fn has(&self, digest: &str) -> bool {
        self.blobs.iter().any(|blob| blob == digest) || self.manifests.iter().any(|manifest| manifest.digest == digest)
    }
}

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Bytes of layers. Below 64 KiB, and above 1 MiB, they are treated in another way.
const SIZES: &[usize] = &[
    700,
    30_000,
    64 * 1024,
    300_000,
    1_000_000,
    1_500_000,
    4_000_000,
    9_000_000,
    16_000_000,
];

impl Catalog {
    /// Draws it, and pushes all of it.
    pub(super) fn push(simulator: &Simulator, folder: &Path, rng: &mut Rng) -> Result<Self> {
        let folder = tempfile::tempdir_in(folder)?;
        let keys = (0..REGISTRIES.len()).map(|registry| simulator.key(parts(registry).0));
        let mut catalog = Self {
            repositories: Vec::new(),
            places: Vec::new(),
            bytes: HashMap::new(),
            keys: keys.collect::<Result<_>>()?,
        };
        let common: Vec<Vec<u8>> = (0..6).map(|_| layer(rng)).collect();
        for (registry, name) in REPOSITORIES {
            let (_, region) = parts(*registry);
            let key = &catalog.keys[*registry];
            simulator.ecr(region, key, "CreateRepository", &json!({ "repositoryName": name }))?;
            let mut repository = Repository {
                registry: *registry,
                name,
                manifests: Vec::new(),
                blobs: Vec::new(),
                tags: Vec::new(),
                push: simulator::Repository {
                    address: simulator.registries[*registry],
                    name: (*name).to_owned(),
                    login: simulator.login(region, key)?,
                },
            };
            for _ in 0..4 {
                catalog.image(&mut repository, &common, folder.path(), rng)?;
            }
            let platforms = ["amd64", "arm64"].into_iter().zip(&repository.manifests);
            let platforms: Vec<_> = platforms
                .map(|(architecture, image)| {
                    let size = catalog.bytes[&image.digest].len();
                    let platform = json!({ "architecture": architecture, "os": "linux" });
                    json!({ "mediaType": IMAGE, "digest": image.digest, "size": size, "platform": platform })
                })
                .collect();
            let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": platforms });
            catalog.manifest(&mut repository, INDEX, &index, folder.path())?;
            let firsts = repository.manifests.iter().enumerate();
            repository.tags = firsts
                .map(|(number, manifest)| Tag {
                    name: format!("v{number}"),
                    stands_for: Mutex::new(StandsFor {
                        now: manifest.digest.clone(),
                        ever: BTreeSet::from([manifest.digest.clone()]),
                    }),
                })
                .collect();
            catalog.repositories.push(repository);
        }
        for (upstream, it) in UPSTREAMS.iter().enumerate() {
            let repositories = catalog.repositories.iter().enumerate();
            let reached = repositories.filter(|(_, repository)| {
                repository.registry == it.registry && it.only.is_none_or(|only| only == repository.name)
            });
            let places = reached.map(|(repository, _)| Place { upstream, repository });
            catalog.places.extend(places.collect::<Vec<_>>());
        }
        Ok(catalog)
    }

    /// The key with which an upstream calls AWS.
    pub(super) fn key(&self, upstream: &Upstream) -> &Key {
        &self.keys[upstream.registry]
    }

    /// All bytes that can be in the cache.
    pub(super) fn size(&self) -> u64 {
        self.bytes.values().map(|bytes| bytes.len() as u64).sum()
    }

    /// Has the registry know what a tag stands for.
    pub(super) fn push_tag(&self, repository: &Repository, tag: &Tag, folder: &Path) -> Result<()> {
        let now = tag.now();
        let kind = repository.manifests.iter().find(|manifest| manifest.digest == now);
        let kind = kind.map_or(IMAGE, |manifest| manifest.kind);
        let text = String::from_utf8_lossy(&self.bytes[&now]);
        repository
            .push
            .push_manifest(&tag.name, kind, &text, &folder.join("moved"))?;
        Ok(())
    }

    /// Takes everybody's permission to pull from a repository, or gives it back.
    pub(super) fn permit(&self, simulator: &Simulator, repository: &Repository, permitted: bool) -> Result<()> {
        let (_, region) = parts(repository.registry);
        let mut input = json!({ "repositoryName": repository.name });
        let operation = if permitted {
            "DeleteRepositoryPolicy"
        } else {
            let statement = json!({ "Sid": "Taken", "Effect": "Deny", "Principal": "*", "Action": [
                "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability",
            ] });
            let policy = json!({ "Version": "2012-10-17", "Statement": [statement] });
            input["policyText"] = Value::String(policy.to_string());
            "SetRepositoryPolicy"
        };
        simulator.ecr(region, &self.keys[repository.registry], operation, &input)?;
        Ok(())
    }

    fn image(&mut self, repository: &mut Repository, common: &[Vec<u8>], folder: &Path, rng: &mut Rng) -> Result<()> {
        let mut descriptors = Vec::new();
        for number in 0..rng.usize(2..5) {
            let layer = match number {
                0 => common[rng.usize(..common.len())].clone(),
                _ => layer(rng),
            };
            let size = layer.len();
            let digest = self.blob(repository, layer, folder)?;
            descriptors.push(json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": size,
            }));
        }
        let ids: Vec<_> = descriptors.iter().map(|layer| &layer["digest"]).collect();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {}, "rootfs": { "type": "layers", "diff_ids": ids },
        });
        let config = config.to_string().into_bytes();
        let size = config.len();
        let digest = self.blob(repository, config, folder)?;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": IMAGE, "layers": descriptors,
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": size },
        });
        self.manifest(repository, IMAGE, &manifest, folder)
    }

    fn blob(&mut self, repository: &mut Repository, bytes: Vec<u8>, folder: &Path) -> Result<String> {
        let file = folder.join("blob");
        fs::write(&file, &bytes)?;
        let digest = digest_of(&file)?;
        if !repository.has(&digest) {
            repository.push.push_blob(&file)?;
            repository.blobs.push(digest.clone());
        }
        self.bytes.insert(digest.clone(), bytes.into());
        Ok(digest)
    }

    fn manifest(
        &mut self,
        repository: &mut Repository,
        kind: &'static str,
        manifest: &Value,
        folder: &Path,
    ) -> Result<()> {
        let (text, tag) = (manifest.to_string(), format!("v{}", repository.manifests.len()));
        let digest = repository
            .push
            .push_manifest(&tag, kind, &text, &folder.join("manifest"))?;
        self.bytes.insert(digest.clone(), text.into_bytes().into());
        repository.manifests.push(Manifest { digest, kind });
        Ok(())
    }
}

fn layer(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = vec![0; SIZES[rng.usize(..SIZES.len())] + rng.usize(..100)];
    rng.fill(&mut bytes);
    bytes
}

fn parts(registry: usize) -> (&'static str, &'static str) {
    REGISTRIES[registry].split_once('/').unwrap_or_default()
}

#[cfg(test)]
impl Catalog {
    /// One that has this content, and no repository.
    pub(super) fn of<const N: usize>(content: [(&str, &str); N]) -> Self {
        Self {
            repositories: Vec::new(),
            places: Vec::new(),
            bytes: content
                .map(|(digest, text)| (digest.to_owned(), text.as_bytes().into()))
                .into(),
            keys: Vec::new(),
        }
    }
}

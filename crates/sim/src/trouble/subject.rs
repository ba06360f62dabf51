use http::Method;
use iam::AccountId;
use oci::{Digest, Reference, Route};
use serde::Deserialize;

use super::when::{Subject, Target};
use crate::{
    exchange::Inbound,
    host::{Host, Region},
    query::Params,
    sigv4::Presented,
    world::World,
};

/// What an operation of the ECR API is about, as far as rules ask.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EcrInput {
    registry_id: Option<String>,
    repository_name: Option<String>,
    layer_digest: Option<String>,
}

impl Subject {
    /// What a request says of itself. Nothing of it has been checked: a rule strikes before any check is made.
    pub(super) fn read(world: &World, host: &Host, inbound: &Inbound, body: &[u8]) -> Self {
        let mut subject = Self {
            target: Target::of(host.service()),
            action: format!("{} {}", inbound.parts.method, inbound.parts.uri.path()),
            host: host.to_string(),
            account: None,
            repository: None,
            digest: None,
        };
        match host {
            Host::GlobalSts | Host::Sts { .. } | Host::Iam => subject.read_query(inbound, body),
            Host::Ecr { .. } => subject.read_ecr("ecr", inbound, body),
            Host::EcrPublic { .. } => subject.read_ecr("ecr-public", inbound, body),
            // Whose it is stands in the path; rules on it go by host.
            Host::PublicRegistry { .. } => {}
            Host::Registry { account, region, .. } => {
                subject.account = Some(*account);
                subject.read_route(world, *account, region, inbound);
            }
            Host::LayerBucket { region } => subject.read_object(world, region, inbound),
            Host::Machine(machine) => {
                subject.account = Some(machine.account());
                if let Some(action) = machine.action(inbound.parts.uri.path()) {
                    action.clone_into(&mut subject.action);
                }
            }
        }
        if subject.account.is_none() {
            subject.account = signer(world, inbound);
        }
        subject
    }

    fn read_query(&mut self, inbound: &Inbound, body: &[u8]) {
        let params = Params::parse(inbound.parts.uri.query(), body);
        if let Some(action) = params.text("Action") {
            let service = if self.target == Target::Iam { "iam" } else { "sts" };
            self.action = named(service, action);
        }
        if self.target == Target::Sts {
            let role = params.text("RoleArn").and_then(|arn| arn.split(':').nth(4));
            self.account = role.and_then(|account| account.parse().ok());
        }
    }

    fn read_ecr(&mut self, service: &str, inbound: &Inbound, body: &[u8]) {
        if let Some((_, operation)) = inbound.header("x-amz-target").and_then(|target| target.split_once('.')) {
            self.action = named(service, operation);
        }
        let input = serde_json::from_slice::<EcrInput>(body).unwrap_or_default();
        self.account = input.registry_id.and_then(|id| id.parse().ok());
        self.digest = input.layer_digest.and_then(|digest| digest.parse().ok());
        self.repository = input.repository_name;
    }

    fn read_route(&mut self, world: &World, account: AccountId, region: &Region, inbound: &Inbound) {
        let Ok(route) = Route::parse(inbound.parts.uri.path()) else {
            return;
        };
        let method = &inbound.parts.method;
        let reads = *method == Method::GET || *method == Method::HEAD;
        let action = match &route {
            Route::Base => None,
            Route::Manifest { .. } if reads => Some("ecr:BatchGetImage"),
            Route::Manifest { .. } if *method == Method::DELETE => Some("ecr:BatchDeleteImage"),
            Route::Manifest { .. } => (*method == Method::PUT).then_some("ecr:PutImage"),
            Route::Blob { .. } if *method == Method::HEAD => Some("ecr:BatchCheckLayerAvailability"),
            Route::Blob { .. } => (*method == Method::GET).then_some("ecr:GetDownloadUrlForLayer"),
            Route::Upload { .. } if *method == Method::POST => Some("ecr:InitiateLayerUpload"),
            Route::Upload { .. } if *method == Method::PUT => Some("ecr:CompleteLayerUpload"),
            Route::Upload { .. } => Some("ecr:UploadLayerPart"),
            Route::Tags { .. } => Some("ecr:ListImages"),
            Route::Referrers { .. } => Some("ecr:BatchGetImage"),
            Route::Catalog => Some("ecr:DescribeRepositories"),
        };
        if let Some(action) = action {
            self.action = action.to_owned();
        }
        let (name, digest) = match route {
            Route::Base | Route::Catalog => return,
            Route::Upload { name, .. } | Route::Tags { name } => (name, None),
            Route::Blob { name, digest } | Route::Referrers { name, digest } => (name, Some(digest)),
            Route::Manifest { name, reference } => {
                let digest = match reference {
                    Reference::Digest(digest) => Some(digest),
                    tag @ Reference::Tag(_) => world.read(|state| {
                        let repository = state.repository(account, region, &name)?;
                        repository.image(&tag).map(|(digest, _)| digest.clone())
                    }),
                };
                (name, digest)
            }
        };
        self.repository = Some(name.to_string());
        self.digest = digest;
    }

    fn read_object(&mut self, world: &World, region: &Region, inbound: &Inbound) {
        let key = inbound.door.object_key(region, inbound.parts.uri.path());
        self.action = "s3:GetObject".to_owned();
        self.digest = world.read(|state| state.object(key).map(|(digest, _): &(Digest, u64)| digest.clone()));
        // The account stands in the key: `<hash>-<account>-<uuid>/<uuid>`.
        self.account = key.split('-').nth(1).and_then(|account| account.parse().ok());
    }
}

/// An action as IAM names it, of what may be anything.
fn named(service: &str, action: &str) -> String {
    let action = action.chars().take(128).collect::<String>();
    format!("{service}:{action}")
}

/// Whose key a request was signed with, or says it was.
fn signer(world: &World, inbound: &Inbound) -> Option<AccountId> {
    let presented = Presented::read(inbound).ok()?;
    let (_, identity) = world.believe(&presented.key_id, presented.token.as_deref()).ok()?;
    Some(identity.account())
}

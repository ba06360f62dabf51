use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{
    Api, Call, authorization, batch_delete, batch_get, fault::Fault, images, layer_upload, layers, lifecycle, public,
    put_image, referrers, registry_settings, repositories, repository_policy, resource_tags, settings,
};

/// An operation of the API.
pub(super) struct Operation {
    name: &'static str,
    code: Code,
}

#[derive(Clone, Copy)]
enum Code {
    /// It only looks into the state, or changes it.
    Now(fn(&mut Call<'_>) -> Result<Value, Fault>),
    /// It uses the disk.
    Later(for<'a> fn(&'a mut Call<'_>) -> BoxFuture<'a, Result<Value, Fault>>),
}

use Code::{Later, Now};

impl Operation {
    /// The longest request in bytes of most operations.
    pub(super) const MAX_REQUEST: usize = 1024 * 1024;

    pub(super) fn named(api: Api, name: &str) -> Option<Self> {
        let (operations, not_simulated) = match api {
            Api::Private => (&OPERATIONS[..], &NOT_SIMULATED[..]),
            Api::Public => (&PUBLIC_OPERATIONS[..], &PUBLIC_NOT_SIMULATED[..]),
        };
        let known = operations.iter().find(|(known, _)| *known == name);
        if let Some((name, code)) = known {
            return Some(Self { name, code: *code });
        }
        let name = not_simulated.iter().find(|known| **known == name)?;
        Some(Self {
            name,
            code: Now(refuse),
        })
    }

    /// The longest request in bytes.
    pub(super) fn max_request(&self) -> usize {
        match self.name {
            // A manifest of 4 MiB in which each character is escaped.
            "PutImage" => 9 * 1024 * 1024,
            // 20,971,520 bytes in base64.
            "UploadLayerPart" => 27 * 1024 * 1024,
            _ => Self::MAX_REQUEST,
        }
    }

    /// Whether requests are so long that only a few are to be in memory at once.
    pub(super) fn is_long(&self) -> bool {
        self.max_request() > Self::MAX_REQUEST
    }

    pub(super) async fn run(&self, call: &mut Call<'_>) -> Result<Value, Fault> {
        match self.code {
            Now(code) => code(call),
            Later(code) => code(call).await,
        }
    }
}

fn refuse(call: &mut Call<'_>) -> Result<Value, Fault> {
    Err(Fault::new(
        "UnsupportedOperationException",
        format!(
            "This simulated AWS does not have the operation {} yet.",
            call.entry.call.action
        ),
    ))
}

const OPERATIONS: [(&str, Code); 37] = [
    ("BatchCheckLayerAvailability", Now(layers::check)),
    ("BatchDeleteImage", Later(|call| Box::pin(batch_delete::delete(call)))),
    ("BatchGetImage", Now(batch_get::get)),
    (
        "CompleteLayerUpload",
        Later(|call| Box::pin(layer_upload::complete(call))),
    ),
    ("CreateRepository", Now(repositories::create)),
    ("DeleteLifecyclePolicy", Now(lifecycle::delete)),
    ("DeleteRegistryPolicy", Now(registry_settings::no_policy)),
    ("DeleteRepository", Later(|call| Box::pin(repositories::delete(call)))),
    ("DeleteRepositoryPolicy", Now(repository_policy::delete)),
    ("DescribeImages", Now(images::describe)),
    ("DescribePullThroughCacheRules", Now(registry_settings::cache_rules)),
    ("DescribeRegistry", Now(registry_settings::describe)),
    ("DescribeRepositories", Now(repositories::describe)),
    (
        "DescribeRepositoryCreationTemplates",
        Now(registry_settings::creation_templates),
    ),
    ("GetAccountSetting", Now(registry_settings::account_setting)),
    ("GetAuthorizationToken", Now(authorization::token)),
    ("GetDownloadUrlForLayer", Now(layers::url)),
    ("GetLifecyclePolicy", Now(lifecycle::show)),
    ("GetRegistryPolicy", Now(registry_settings::no_policy)),
    ("GetRegistryScanningConfiguration", Now(registry_settings::scanning)),
    ("GetRepositoryPolicy", Now(repository_policy::show)),
    (
        "InitiateLayerUpload",
        Later(|call| Box::pin(layer_upload::initiate(call))),
    ),
    ("ListImageReferrers", Now(referrers::list)),
    ("ListImages", Now(images::list)),
    ("ListTagsForResource", Now(resource_tags::list)),
    ("PutAccountSetting", Now(registry_settings::put_account_setting)),
    ("PutImage", Now(put_image::put)),
    ("PutImageScanningConfiguration", Now(settings::scanning)),
    ("PutImageTagMutability", Now(settings::mutability)),
    ("PutLifecyclePolicy", Now(lifecycle::put)),
    ("PutReplicationConfiguration", Now(registry_settings::replicate)),
    ("SetRepositoryPolicy", Now(repository_policy::set)),
    ("TagResource", Now(resource_tags::tag)),
    ("UntagResource", Now(resource_tags::untag)),
    ("UploadLayerPart", Later(|call| Box::pin(layer_upload::upload(call)))),
    ("BatchGetRepositoryScanningConfiguration", Now(settings::scanning_of)),
    (
        "ListPullTimeUpdateExclusions",
        Now(registry_settings::pull_time_exclusions),
    ),
];

/// Operations of the service model that this AWS does not have.
const NOT_SIMULATED: [&str; 21] = [
    "CreatePullThroughCacheRule",
    "CreateRepositoryCreationTemplate",
    "DeletePullThroughCacheRule",
    "DeleteRepositoryCreationTemplate",
    "DeleteSigningConfiguration",
    "DeregisterPullTimeUpdateExclusion",
    "DescribeImageReplicationStatus",
    "DescribeImageScanFindings",
    "DescribeImageSigningStatus",
    "GetLifecyclePolicyPreview",
    "GetSigningConfiguration",
    "PutRegistryPolicy",
    "PutRegistryScanningConfiguration",
    "PutSigningConfiguration",
    "RegisterPullTimeUpdateExclusion",
    "StartImageScan",
    "StartLifecyclePolicyPreview",
    "UpdateImageStorageClass",
    "UpdatePullThroughCacheRule",
    "UpdateRepositoryCreationTemplate",
    "ValidatePullThroughCacheRule",
];

/// The operations of ECR Public.
const PUBLIC_OPERATIONS: [(&str, Code); 13] = [
    ("BatchCheckLayerAvailability", Now(layers::check)),
    ("BatchDeleteImage", Later(|call| Box::pin(batch_delete::delete(call)))),
    (
        "CompleteLayerUpload",
        Later(|call| Box::pin(layer_upload::complete(call))),
    ),
    ("CreateRepository", Now(public::create)),
    ("DeleteRepository", Later(|call| Box::pin(repositories::delete(call)))),
    ("DeleteRepositoryPolicy", Now(repository_policy::delete)),
    ("DescribeRegistries", Now(public::registries)),
    ("DescribeRepositories", Now(repositories::describe)),
    ("GetAuthorizationToken", Now(public::token)),
    ("GetRepositoryPolicy", Now(repository_policy::show)),
    (
        "InitiateLayerUpload",
        Later(|call| Box::pin(layer_upload::initiate(call))),
    ),
    ("SetRepositoryPolicy", Now(repository_policy::set)),
    ("UploadLayerPart", Later(|call| Box::pin(layer_upload::upload(call)))),
];

const PUBLIC_NOT_SIMULATED: [&str; 10] = [
    "DescribeImageTags",
    "DescribeImages",
    "GetRegistryCatalogData",
    "GetRepositoryCatalogData",
    "ListTagsForResource",
    "PutImage",
    "PutRegistryCatalogData",
    "PutRepositoryCatalogData",
    "TagResource",
    "UntagResource",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_service_model_is_known_once() {
        let known = OPERATIONS.iter().map(|(name, _)| *name).chain(NOT_SIMULATED);
        let mut known = known.collect::<Vec<_>>();
        known.sort_unstable();
        known.dedup();
        // Version 2015-09-21 of the model has 58 operations.
        assert_eq!(known.len(), 58);
        // Version 2020-10-30 of ECR Public's has 23.
        let known = PUBLIC_OPERATIONS
            .iter()
            .map(|(name, _)| *name)
            .chain(PUBLIC_NOT_SIMULATED);
        assert_eq!(known.collect::<std::collections::BTreeSet<_>>().len(), 23);
    }
}

use ::iam::AccountId;
use oci::RepositoryName;

use crate::{
    host::{Host, Region},
    world::RepositoryKey,
};

/// Whose registry is called.
#[derive(Clone, Copy)]
pub(crate) struct Registry<'r> {
    pub(crate) account: AccountId,
    pub(crate) region: &'r Region,
    /// The name that was asked for: challenges and URLs repeat it.
    pub(crate) host: &'r Host,
    /// Under which a public registry is found; private ones have none.
    pub(crate) alias: Option<&'r str>,
}

impl Registry<'_> {
    /// What messages call the registry.
    pub(super) fn id(&self) -> String {
        self.alias.map_or_else(|| self.account.to_string(), str::to_owned)
    }

    /// A path as it would be in a registry of its own: without the alias.
    pub(super) fn own_path(&self, path: &str) -> String {
        let rest = self.alias.and_then(|alias| path.strip_prefix(&format!("/v2/{alias}/")));
        rest.map_or_else(|| path.to_owned(), |rest| format!("/v2/{rest}"))
    }

    /// A repository's name as clients know it.
    pub(super) fn full_name(&self, name: &RepositoryName) -> String {
        match self.alias {
            Some(alias) => format!("{alias}/{name}"),
            None => name.to_string(),
        }
    }

    /// Where signatures are made and requests are counted.
    pub(super) fn endpoint_region(&self) -> Region {
        if self.region.is_public() {
            return Region::us_east_1();
        }
        self.region.clone()
    }

    pub(super) fn place(&self, name: &RepositoryName) -> RepositoryKey {
        RepositoryKey::new(self.account, self.region, name)
    }
}

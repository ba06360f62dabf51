use anyhow::Result;
use aws::RegistryHost;
use iam::{AccountId, OidcProviderArn, RoleArn, generate};
use oci::{ImageReference, RepositoryName};
use oidc::IssuerUrl;

use super::Stage;

/// What was created in AWS so that the proxy may pull.
#[derive(Clone, Debug)]
pub struct Linked {
    /// The identity provider.
    pub provider: OidcProviderArn,
    /// The role.
    pub role: RoleArn,
    /// The role's trust policy.
    pub trust: String,
    /// The role's permissions policy.
    pub permissions: String,
    /// The policy of the repository, which lets the role of the other account in.
    pub repository: String,
}

/// Who and what is on every stage.
impl Stage {
    /// The account that owns the images.
    pub const REGISTRY_ACCOUNT: &'static str = "111122223333";
    /// The account that owns the role and trusts the issuer.
    pub const ROLE_ACCOUNT: &'static str = "444455556666";
    /// The region of everything.
    pub const REGION: &'static str = "us-east-1";
    /// The repository.
    pub const REPOSITORY: &'static str = "team/app";
    /// The issuer's URL.
    pub const ISSUER: &'static str = "https://images.wharfinger.example";
    /// The client id of the provider.
    pub const AUDIENCE: &'static str = "sts.amazonaws.com";
    /// The team on whose behalf the pulls are made.
    pub const TEAM: &'static str = "acme";

    /// The issuer.
    pub fn issuer() -> IssuerUrl {
        Self::ISSUER.parse().expect("the demo's issuer is a URL that AWS takes")
    }

    /// The registry with the images.
    pub fn registry() -> RegistryHost {
        let host = format!("{}.dkr.ecr.{}.amazonaws.com", Self::REGISTRY_ACCOUNT, Self::REGION);
        host.parse().expect("the demo's registry is one of AWS")
    }

    /// An image of the repository, by its real name.
    ///
    /// # Errors
    /// Where the tag is none.
    pub fn image(tag: &str) -> Result<ImageReference> {
        Ok(format!("{}/{}:{tag}", Self::registry(), Self::REPOSITORY).parse()?)
    }

    /// The names and documents that link the role's account to the issuer, as Wharfinger generates them.
    ///
    /// # Errors
    /// Where a name of the demo is none.
    pub fn documents() -> Result<Linked> {
        let account: AccountId = Self::ROLE_ACCOUNT.parse()?;
        let provider = OidcProviderArn::of_issuer("aws", account, Self::ISSUER)?;
        let role: RoleArn = format!("arn:aws:iam::{account}:role/wharfinger-pull").parse()?;
        let repository = Self::registry().repository_arn(&Self::repository()).parse()?;
        Ok(Linked {
            trust: generate::web_identity_trust(&provider, Self::AUDIENCE, Self::TEAM).to_string(),
            permissions: generate::pull_permissions(&[repository]).to_string(),
            repository: generate::pull_from_elsewhere(std::slice::from_ref(role.as_arn()))?.to_string(),
            provider,
            role,
        })
    }

    pub(super) fn repository() -> RepositoryName {
        Self::REPOSITORY.parse().expect("the demo's repository has a name")
    }
}

//! Which operations there are.

use super::{
    Answer, Call, access_key, attachment, boundary,
    entity::{Holder, Kind},
    inline_policy, instance_profile, managed_policy, policy_usage, policy_version, provider, role, simulate, tags,
    user,
};

/// An operation that waits for nothing.
pub(super) type Plain = fn(&mut Call<'_>) -> Answer;

/// What an action asks for.
pub(super) enum Operation {
    Plain(Plain),
    /// The one that looks at a host outside.
    CreateProvider,
    /// AWS has it, and this AWS has not.
    NotSimulated,
}

/// The operation behind an action; none where IAM has no such action.
pub(super) fn operation(action: &str) -> Option<Operation> {
    if action == "CreateOpenIDConnectProvider" {
        return Some(Operation::CreateProvider);
    }
    if let Some(plain) = plain(action) {
        return Some(Operation::Plain(plain));
    }
    NOT_SIMULATED.contains(&action).then_some(Operation::NotSimulated)
}

fn plain(action: &str) -> Option<Plain> {
    Some(match action {
        // users and their keys
        "CreateUser" => user::create,
        "GetUser" => user::show,
        "ListUsers" => user::list,
        "UpdateUser" => user::update,
        "DeleteUser" => user::delete,
        "CreateAccessKey" => access_key::create,
        "ListAccessKeys" => access_key::list,
        "UpdateAccessKey" => access_key::update,
        "DeleteAccessKey" => access_key::delete,
        // roles
        "CreateRole" => role::create,
        "GetRole" => role::show,
        "ListRoles" => role::list,
        "UpdateRole" => role::update,
        "UpdateRoleDescription" => role::describe,
        "UpdateAssumeRolePolicy" => role::update_trust,
        "DeleteRole" => role::delete,
        // what users and roles may do
        "PutUserPolicy" => |call| inline_policy::put(call, Holder::User),
        "GetUserPolicy" => |call| inline_policy::show(call, Holder::User),
        "ListUserPolicies" => |call| inline_policy::list(call, Holder::User),
        "DeleteUserPolicy" => |call| inline_policy::delete(call, Holder::User),
        "AttachUserPolicy" => |call| attachment::attach(call, Holder::User),
        "DetachUserPolicy" => |call| attachment::detach(call, Holder::User),
        "ListAttachedUserPolicies" => |call| attachment::list(call, Holder::User),
        "PutUserPermissionsBoundary" => |call| boundary::put(call, Holder::User),
        "DeleteUserPermissionsBoundary" => |call| boundary::delete(call, Holder::User),
        "PutRolePolicy" => |call| inline_policy::put(call, Holder::Role),
        "GetRolePolicy" => |call| inline_policy::show(call, Holder::Role),
        "ListRolePolicies" => |call| inline_policy::list(call, Holder::Role),
        "DeleteRolePolicy" => |call| inline_policy::delete(call, Holder::Role),
        "AttachRolePolicy" => |call| attachment::attach(call, Holder::Role),
        "DetachRolePolicy" => |call| attachment::detach(call, Holder::Role),
        "ListAttachedRolePolicies" => |call| attachment::list(call, Holder::Role),
        "PutRolePermissionsBoundary" => |call| boundary::put(call, Holder::Role),
        "DeleteRolePermissionsBoundary" => |call| boundary::delete(call, Holder::Role),
        // managed policies
        "CreatePolicy" => managed_policy::create,
        "GetPolicy" => managed_policy::show,
        "ListPolicies" => managed_policy::list,
        "DeletePolicy" => managed_policy::delete,
        "CreatePolicyVersion" => policy_version::create,
        "GetPolicyVersion" => policy_version::show,
        "ListPolicyVersions" => policy_version::list,
        "SetDefaultPolicyVersion" => policy_version::set_default,
        "DeletePolicyVersion" => policy_version::delete,
        "ListEntitiesForPolicy" => policy_usage::list,
        // identity providers
        "GetOpenIDConnectProvider" => provider::show,
        "ListOpenIDConnectProviders" => provider::list,
        "DeleteOpenIDConnectProvider" => provider::delete,
        "AddClientIDToOpenIDConnectProvider" => provider::add_client_id,
        "RemoveClientIDFromOpenIDConnectProvider" => provider::remove_client_id,
        "UpdateOpenIDConnectProviderThumbprint" => provider::update_thumbprints,
        // instance profiles
        "CreateInstanceProfile" => instance_profile::create,
        "GetInstanceProfile" => instance_profile::show,
        "ListInstanceProfiles" => instance_profile::list,
        "ListInstanceProfilesForRole" => instance_profile::list_for_role,
        "AddRoleToInstanceProfile" => instance_profile::add_role,
        "RemoveRoleFromInstanceProfile" => instance_profile::remove_role,
        "DeleteInstanceProfile" => instance_profile::delete,
        // tags
        "TagUser" => |call| tags::tag(call, Kind::User),
        "UntagUser" => |call| tags::untag(call, Kind::User),
        "ListUserTags" => |call| tags::list(call, Kind::User, "ListUserTagsResult"),
        "TagRole" => |call| tags::tag(call, Kind::Role),
        "UntagRole" => |call| tags::untag(call, Kind::Role),
        "ListRoleTags" => |call| tags::list(call, Kind::Role, "ListRoleTagsResult"),
        "TagPolicy" => |call| tags::tag(call, Kind::Policy),
        "UntagPolicy" => |call| tags::untag(call, Kind::Policy),
        "ListPolicyTags" => |call| tags::list(call, Kind::Policy, "ListPolicyTagsResult"),
        "TagOpenIDConnectProvider" => |call| tags::tag(call, Kind::Provider),
        "UntagOpenIDConnectProvider" => |call| tags::untag(call, Kind::Provider),
        "ListOpenIDConnectProviderTags" => {
            |call| tags::list(call, Kind::Provider, "ListOpenIDConnectProviderTagsResult")
        }
        "TagInstanceProfile" => |call| tags::tag(call, Kind::InstanceProfile),
        "UntagInstanceProfile" => |call| tags::untag(call, Kind::InstanceProfile),
        "ListInstanceProfileTags" => |call| tags::list(call, Kind::InstanceProfile, "ListInstanceProfileTagsResult"),
        // simulation
        "SimulatePrincipalPolicy" => simulate::principal,
        "SimulateCustomPolicy" => simulate::custom,
        _ => return None,
    })
}

/// The rest of IAM's service model (2010-05-08), in the order of the alphabet.
const NOT_SIMULATED: [&str; 101] = [
    "AcceptDelegationRequest",
    "AddUserToGroup",
    "AssociateDelegationRequest",
    "AttachGroupPolicy",
    "ChangePassword",
    "CreateAccountAlias",
    "CreateDelegationRequest",
    "CreateGroup",
    "CreateLoginProfile",
    "CreateSAMLProvider",
    "CreateServiceLinkedRole",
    "CreateServiceSpecificCredential",
    "CreateVirtualMFADevice",
    "DeactivateMFADevice",
    "DeleteAccountAlias",
    "DeleteAccountPasswordPolicy",
    "DeleteGroup",
    "DeleteGroupPolicy",
    "DeleteLoginProfile",
    "DeleteSAMLProvider",
    "DeleteSSHPublicKey",
    "DeleteServerCertificate",
    "DeleteServiceLinkedRole",
    "DeleteServiceSpecificCredential",
    "DeleteSigningCertificate",
    "DeleteVirtualMFADevice",
    "DetachGroupPolicy",
    "DisableOrganizationsRootCredentialsManagement",
    "DisableOrganizationsRootSessions",
    "DisableOutboundWebIdentityFederation",
    "EnableMFADevice",
    "EnableOrganizationsRootCredentialsManagement",
    "EnableOrganizationsRootSessions",
    "EnableOutboundWebIdentityFederation",
    "GenerateCredentialReport",
    "GenerateOrganizationsAccessReport",
    "GenerateServiceLastAccessedDetails",
    "GetAccessKeyLastUsed",
    "GetAccountAuthorizationDetails",
    "GetAccountPasswordPolicy",
    "GetAccountSummary",
    "GetContextKeysForCustomPolicy",
    "GetContextKeysForPrincipalPolicy",
    "GetCredentialReport",
    "GetDelegationRequest",
    "GetGroup",
    "GetGroupPolicy",
    "GetHumanReadableSummary",
    "GetLoginProfile",
    "GetMFADevice",
    "GetOrganizationsAccessReport",
    "GetOutboundWebIdentityFederationInfo",
    "GetSAMLProvider",
    "GetSSHPublicKey",
    "GetServerCertificate",
    "GetServiceLastAccessedDetails",
    "GetServiceLastAccessedDetailsWithEntities",
    "GetServiceLinkedRoleDeletionStatus",
    "ListAccountAliases",
    "ListAttachedGroupPolicies",
    "ListDelegationRequests",
    "ListGroupPolicies",
    "ListGroups",
    "ListGroupsForUser",
    "ListMFADeviceTags",
    "ListMFADevices",
    "ListOrganizationsFeatures",
    "ListPoliciesGrantingServiceAccess",
    "ListSAMLProviderTags",
    "ListSAMLProviders",
    "ListSSHPublicKeys",
    "ListServerCertificateTags",
    "ListServerCertificates",
    "ListServiceSpecificCredentials",
    "ListSigningCertificates",
    "ListVirtualMFADevices",
    "PutGroupPolicy",
    "RejectDelegationRequest",
    "RemoveUserFromGroup",
    "ResetServiceSpecificCredential",
    "ResyncMFADevice",
    "SendDelegationToken",
    "SetSecurityTokenServicePreferences",
    "TagMFADevice",
    "TagSAMLProvider",
    "TagServerCertificate",
    "UntagMFADevice",
    "UntagSAMLProvider",
    "UntagServerCertificate",
    "UpdateAccountPasswordPolicy",
    "UpdateDelegationRequest",
    "UpdateGroup",
    "UpdateLoginProfile",
    "UpdateSAMLProvider",
    "UpdateSSHPublicKey",
    "UpdateServerCertificate",
    "UpdateServiceSpecificCredential",
    "UpdateSigningCertificate",
    "UploadSSHPublicKey",
    "UploadServerCertificate",
    "UploadSigningCertificate",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_action_is_both_there_and_not() {
        assert!(NOT_SIMULATED.is_sorted());
        for action in NOT_SIMULATED {
            assert!(plain(action).is_none(), "{action}");
        }
        assert!(operation("CreateFlyingCarpet").is_none());
    }
}

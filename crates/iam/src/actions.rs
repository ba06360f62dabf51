//! Actions that AWS decides in a way of their own.

/// In lower case, the call that needs no permission, and that no policy can deny ("AWS STS API reference:
/// GetCallerIdentity").
pub(crate) const FREE: &str = "sts:getcalleridentity";

/// Actions on a role, in lower case, that its trust policy decides about ("AWS STS API reference", "Pass session tags
/// in AWS STS").
pub(crate) fn is_decided_by_trust(action: &str) -> bool {
    matches!(
        action,
        "sts:assumerole"
            | "sts:assumerolewithsaml"
            | "sts:assumerolewithwebidentity"
            | "sts:setcontext"
            | "sts:setsourceidentity"
            | "sts:tagsession"
    )
}

/// Actions that are done to no resource, in any case of their letters: no resource's policy can grant them, and in an
/// identity's policy only `*` matches ("Actions, resources, and condition keys for Amazon ECR", and for the others).
pub(crate) fn is_done_to_no_resource(action: &str) -> bool {
    const ACTIONS: [&str; 3] = [
        "ecr:GetAuthorizationToken",
        "ecr-public:GetAuthorizationToken",
        "sts:GetServiceBearerToken",
    ];
    ACTIONS.iter().any(|name| name.eq_ignore_ascii_case(action))
}

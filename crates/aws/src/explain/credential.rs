use iam::AccountId;

use crate::{Cause, RegistryHost};

/// What refusals mean that every signed call can get: they are about the credential, not about what it may do.
pub(super) fn causes(code: &str) -> Vec<Cause> {
    match code {
        "InvalidClientTokenId" | "UnrecognizedClientException" => vec![
            Cause::new(
                "the key is nobody's: it was deleted or switched off",
                "aws iam list-access-keys shows the keys of a user and whether they are active",
                "give the source a key that is active",
            ),
            Cause::new(
                "the key belongs to another partition (such as China or GovCloud), or to a region that the account has not enabled",
                "compare the partition of the registry's host with that of the account",
                "give the source a key of the registry's partition; enable the region in the account",
            ),
            Cause::new(
                "it is the key of a session, and the session token is missing or another one's",
                "its id begins with ASIA",
                "give the source all three parts: accessKeyId, secretAccessKey, sessionToken",
            ),
        ],
        "SignatureDoesNotMatch" | "InvalidSignatureException" | "RequestTimeTooSkewed" => vec![
            Cause::new(
                "the secret key is not the one that belongs to the key's id",
                "with the same two halves: aws sts get-caller-identity",
                "give the source both halves of one key",
            ),
            clock("this machine's clock is off by more than five minutes, which makes every signature wrong"),
        ],
        "ExpiredToken" | "ExpiredTokenException" => vec![
            Cause::new(
                "the session of these credentials has ended",
                "they came from the environment or from a key with a session token, which nobody renews",
                "try again: what Wharfinger makes itself, it makes anew; credentials from elsewhere have to be replaced there",
            ),
            clock("this machine's clock is off, so that the end was not noticed"),
        ],
        _ => Vec::new(),
    }
}

pub(super) fn clock(why: impl AsRef<str>) -> Cause {
    Cause::new(
        why,
        "on this machine: timedatectl status",
        "set the clock: timedatectl set-ntp true",
    )
}

/// A region can be switched off for STS in an account ("Managing AWS STS in an AWS Region" in the IAM user guide).
pub(super) fn region_disabled(account: AccountId, host: &RegistryHost) -> Vec<Cause> {
    let region = host.region();
    vec![
        Cause::new(
            format!("STS is switched off for the region {region} in the account {account}"),
            format!("in the account {account}: IAM console, Account settings, Security Token Service"),
            format!("in that account: IAM console, Account settings, activate STS for {region}"),
        ),
        Cause::new(
            format!("the account {account} has not enabled the region {region} at all"),
            format!("in the account {account}: aws account get-region-opt-status --region-name {region}"),
            format!("in that account: aws account enable-region --region-name {region}"),
        ),
    ]
}

/// The policy that narrows the session, or the tags with it, are more than STS takes.
pub(super) fn session_policy(code: &str) -> Vec<Cause> {
    match code {
        "PackedPolicyTooLarge" | "PackedPolicyTooLargeException" => vec![
            Cause::new(
                "the policy that narrows the session to the upstream's repositories is longer than STS takes",
                "the upstream says `narrowSession: true` and has many `repositories`",
                "name fewer repositories, with `*`; or take `narrowSession` out",
            ),
            Cause::new(
                "the session's tags take too much room beside it",
                "the upstream's `tags`, and those that the session before passes on",
                "make the tags fewer or shorter",
            ),
        ],
        "MalformedPolicyDocument" | "MalformedPolicyDocumentException" => vec![Cause::new(
            "STS cannot read the policy that narrows the session to the upstream's repositories",
            "take `narrowSession` out of the upstream: if the login then works, it is this",
            "check the names under `repositories`; if they are in order, report this as a fault of Wharfinger",
        )],
        _ => Vec::new(),
    }
}

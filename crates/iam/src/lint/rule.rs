use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Works, but can be said better.
    Note,
    /// Works, but opens more, or does something else, than it seems to.
    Warning,
    /// AWS refuses it, or it never does what it is for, or it opens a door.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident $id:literal $severity:ident $why:literal;)*) => {
        /// What is looked for. The ids are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[$doc])* $name,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Rule] = &[$(Rule::$name,)*];

            /// The stable id, `unknown-action`.
            pub fn id(self) -> &'static str {
                match self { $(Rule::$name => $id,)* }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Rule::$name => Severity::$severity,)* }
            }

            /// Why it matters.
            pub fn why(self) -> &'static str {
                match self { $(Rule::$name => $why,)* }
            }
        }
    };
}

rules! {
    /// No JSON.
    NotJson "not-json" Error "A policy is a JSON document (RFC 8259).";
    /// JSON whose quotes were lost.
    UnquotedJson "unquoted-json" Error "AWS takes JSON only; without its quotes the document is refused.";
    /// A document in the keys of an answer of AWS.
    WrappedDocument "wrapped-document" Error
        "These keys are of AWS's answers. Attached as a policy, the whole is refused as malformed.";
    /// JSON that the language does not have.
    NotAPolicy "not-a-policy" Error "AWS refuses what the policy language does not have.";
    /// An element that this kind of policy does not have, or lacks.
    MisplacedElement "misplaced-element" Error
        "What a policy is attached to decides which elements its statements have; AWS refuses others.";
    /// A place for a value that was not filled in.
    Placeholder "placeholder" Error "It stands for a value and is none: nothing ever matches it.";
    /// An account that has not 12 digits.
    AccountDigits "account-digits" Error "The number of an account has exactly 12 digits; others name nobody.";
    /// A text where an ARN belongs.
    NotAnArn "not-an-arn" Error "Only an ARN names anything here, so nothing matches, or AWS refuses the document.";
    /// An ARN of something that cannot stand here.
    ArnOfWrongKind "arn-of-wrong-kind" Error "What this names cannot act as a principal; AWS refuses the document.";
    /// An OIDC provider where a role belongs.
    ProviderArnForRole "provider-arn-for-role" Error
        "An OIDC provider vouches for tokens. It is no principal and cannot be assumed: that takes a role.";
    /// A role where an OIDC provider belongs.
    RoleArnForProvider "role-arn-for-provider" Error
        "`Federated` names who vouches for a token, an identity provider. A role vouches for nobody.";
    /// The provider of one account in the trust of another.
    ProviderOfOtherAccount "provider-of-other-account" Error
        "A role can trust the OIDC providers of its own account only.";
    /// A principal with a wildcard.
    WildcardInPrincipal "wildcard-in-principal" Error
        "A principal's ARN takes no wildcards; only a lone `*` does. A condition on aws:PrincipalArn takes them.";
    /// The id that is left of a deleted user or role.
    DeletedPrincipal "deleted-principal" Warning
        "AWS shows such an id once the user or the role is deleted. One made anew under the old name is not let in.";
    /// A user whose name says role, or the reverse.
    NameContradictsKind "name-contradicts-kind" Warning
        "The ARN says one kind and the name another: most likely two ARNs were swapped.";
    /// A condition key with a scheme.
    KeyWithScheme "key-with-scheme" Error
        "The condition key of a provider is HOST/PATH:CLAIM without https://, so this condition never matches.";
    /// A condition key whose issuer ends with a slash.
    KeyWithTrailingSlash "key-with-trailing-slash" Error
        "The condition key repeats the provider's URL exactly; with one slash more it never matches.";
    /// A condition key of an issuer that the statement does not trust.
    KeyOfOtherProvider "key-of-other-provider" Error
        "A token has the claims of its own issuer only, path included; this key is never there.";
    /// A claim that AWS does not pass on.
    UnusableClaim "unusable-claim" Warning
        "Of most providers AWS passes on `aud`, `sub` and `amr` only; a condition on another claim never matches.";
    /// No condition on who the token is for.
    WebIdentityWithoutSub "web-identity-without-sub" Error
        "Every token of the issuer opens the role: with a shared issuer, those of all its customers.";
    /// A subject that is anybody.
    SubjectIsAnybody "subject-is-anybody" Error
        "A lone `*` matches every subject, so every token of the issuer opens the role.";
    /// No condition on the audience.
    WebIdentityWithoutAud "web-identity-without-aud" Warning
        "Any audience that the provider takes will do, also one that is added later for something else.";
    /// An audience that the provider refuses.
    AudienceUnknownToProvider "audience-unknown-to-provider" Error
        "STS compares the audience with the provider's list first: `Incorrect token audience`.";
    /// A pattern operator without a pattern.
    LikeWithoutWildcard "like-without-wildcard" Note
        "Without a wildcard StringLike means StringEquals; the exact operator says so, and stays so.";
    /// A wildcard that is compared as a sign.
    EqualsWithWildcard "equals-with-wildcard" Error
        "StringEquals compares letter by letter: the `*` is a star, and the condition hardly ever matches.";
    /// A condition that a missing key fulfils.
    PassesWhenMissing "passes-when-missing" Warning
        "Where the request does not have the key, the condition holds, and the statement allows.";
    /// A condition key that nobody knows.
    UnknownConditionKey "unknown-condition-key" Warning
        "A key that AWS does not have is in no request, so the condition never matches (or always, if negated).";
    /// An action and a principal that do not go together.
    ActionAndPrincipalDisagree "action-and-principal-disagree" Error
        "AssumeRole is for AWS principals and services, AssumeRoleWithWebIdentity for OIDC providers, \
         AssumeRoleWithSAML for SAML providers.";
    /// Assuming across accounts without an external id.
    AssumeRoleWithoutExternalId "assume-role-without-external-id" Warning
        "If the other account acts for many, one of them can make it act on this role (the confused deputy).";
    /// Everybody in an account.
    TrustsWholeAccount "trusts-whole-account" Warning
        "Whoever may write policies in that account decides who assumes the role.";
    /// Everybody.
    OpenToEveryone "open-to-everyone" Error "Everybody is let in, of every account.";
    /// A role for a service, among files that use tokens.
    TrustsServiceOnly "trusts-service-only" Warning
        "Only an AWS service may assume this role, while the files beside it speak of tokens: creating the role with a \
         use case of the console leaves such a trust.";
    /// An agent that may become anyone.
    AssumesAnyRole "assumes-any-role" Warning
        "Every role that trusts this account can be assumed with it.";
    /// A login where it cannot work.
    LoginOnNarrowedResource "login-on-narrowed-resource" Error
        "ecr:GetAuthorizationToken is done to no repository: narrowed, it is denied, and so is every login.";
    /// A login that narrowing would break.
    LoginBesideRepositories "login-beside-repositories" Note
        "As soon as somebody narrows the `Resource` to repositories, the login is denied.";
    /// A login where it grants nothing.
    LoginInRepositoryPolicy "login-in-repository-policy" Error
        "No repository's policy can grant ecr:GetAuthorizationToken: the login is allowed on the caller's side alone.";
    /// Another action that takes no resource.
    ActionWithoutResource "action-without-resource" Error
        "The action is done to nothing that has an ARN; only `*` matches.";
    /// A pattern below a repository.
    MissesTheRepositoryItself "misses-the-repository-itself" Warning
        "The pattern matches what lies below the name, not the repository of this name.";
    /// One of the two actions of a pull.
    HalfOfAPull "half-of-a-pull" Warning
        "A pull needs ecr:BatchGetImage for the manifest and ecr:GetDownloadUrlForLayer for the layers.";
    /// An action that nobody knows.
    UnknownAction "unknown-action" Error "AWS stores what it does not know, and it never grants anything.";
    /// All actions.
    BroadActions "broad-actions" Warning "It grants what nobody thought of, and what AWS will add.";
    /// All but some.
    AllowWithNot "allow-with-not" Warning
        "An allowing statement with a `Not…` element allows everything else, and what AWS will add.";
    /// A name twice.
    DuplicateSid "duplicate-sid" Error "A `Sid` is unique in its document; AWS refuses it otherwise.";
    /// A name with signs that IAM refuses.
    SidCharacters "sid-characters" Error "In IAM a `Sid` has the letters A-Z, a-z and the digits only.";
    /// A value twice.
    RepeatedValue "repeated-value" Note "It changes nothing, and the next reader wonders.";
    /// Variables that are read as text.
    VariablesNeedVersion "variables-need-version" Error
        "Without `\"Version\": \"2012-10-17\"` policy variables are plain text, and match nothing.";
    /// Too long.
    TooLong "too-long" Error "AWS refuses documents above its quota; white space does not count.";
    /// Longer than without a raised quota.
    LongForAQuota "long-for-a-quota" Warning
        "It fits only where the quota was raised, or where it is attached in another way.";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_lower_case() {
        let mut ids: Vec<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        assert!(
            ids.iter()
                .all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        );
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Rule::ALL.len());
    }
}

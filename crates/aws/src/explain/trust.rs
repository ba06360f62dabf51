//! What keeps a role from being assumed: STS words it all alike.

use iam::{Arn, OidcProviderArn, RoleArn, generate};

use super::{sts::Shown, text::quoted};
use crate::{Cause, Document};

/// Why a trust policy may not let a token in. A missing role is among it: STS does not tell.
pub(super) fn web_identity(role: &RoleArn, claims: &Shown) -> Vec<Cause> {
    let look = look(role);
    let mut causes = match claims.provider(role) {
        Some(Ok(provider)) => conditions(role, claims, &provider, &look),
        Some(Err(why)) => vec![Cause::new(
            format!("IAM can have no provider for such an issuer: {why}"),
            "compare the token's `iss` with the rules: https, no port, no query, at most 255 characters",
            "give the issuer a public URL that IAM takes",
        )],
        None => vec![Cause::new(
            "the trust policy of the role names another provider, `sub` or `aud` than the token has",
            format!("{look}; compare it with the token's second part: its claims are JSON in base64url"),
            format!(
                "in the account {}: aws iam update-assume-role-policy --role-name {} --policy-document file://TRUST",
                role.account(),
                role.name()
            ),
        )],
    };
    causes.push(missing(role));
    causes
}

fn conditions(role: &RoleArn, claims: &Shown, provider: &OidcProviderArn, look: &str) -> Vec<Cause> {
    let (sub, aud) = (provider.condition_key("sub"), provider.condition_key("aud"));
    let policy = generate::web_identity_trust(provider, &claims.aud, &claims.sub);
    let also = also(claims.is_tagged, claims.has_source_identity);
    let allowing = |text: String| allowing(&text, "sts:AssumeRoleWithWebIdentity", &also);
    let document = Document::new(
        format!("trust policy of the role {role}"),
        &allowing(policy.to_string()),
    );
    let command = update(role, &allowing(policy.compact()));
    let same = "put the trust policy of the likeliest cause in place";
    let mut causes = vec![
        Cause::new(
            format!(
                "the trust policy of the role wants another subject: its condition on `{sub}` does not name `{}`",
                claims.sub
            ),
            format!("{look}: the value of {sub} has to be `{}`", claims.sub),
            command,
        )
        .with(Some(document)),
    ];
    if claims.is_tagged {
        causes.push(action(TAG, "the token tags the session", look, same));
    }
    if claims.has_source_identity {
        causes.push(action(
            SOURCE,
            "the token gives the session a source identity",
            look,
            same,
        ));
    }
    causes.extend([
        Cause::new(
            format!("the trust policy wants another audience: its condition on `{aud}` does not name `{}`", claims.aud),
            format!("{look}: the value of {aud} has to be `{}`", claims.aud),
            same,
        ),
        Cause::new(
            "a condition key has the scheme in front of it or a slash behind it, so that it never matches",
            format!("{look}: a key that begins with https:// is wrong; right is {sub}"),
            same,
        ),
        Cause::new(
            "the trust policy trusts somebody else: another provider, an AWS service such as EC2, or `\"AWS\": \"*\"`, which lets no token in",
            format!("{look}: Principal has to be {{ \"Federated\": \"{provider}\" }}, and Action sts:AssumeRoleWithWebIdentity"),
            same,
        ),
        Cause::new(
            "a condition asks for a claim that IAM does not know of this issuer: aud, sub and amr count",
            format!("{look}: look for other keys that begin with {}", provider.host_and_path()),
            "say in `sub`, or in session tags (aws:RequestTag/KEY), what the condition is about",
        ),
    ]);
    causes
}

fn action(action: &str, because: &str, look: &str, fix: &str) -> Cause {
    Cause::new(
        format!("{because}, and the trust policy does not allow {action}"),
        format!("{look}: Action has to list {action} beside the action that assumes the role"),
        fix,
    )
}

/// Changes a document of the one action `action` to allow what the session needs besides. The first text that is equal to
/// the action's name is the action itself: only names and ARNs stand before it.
fn allowing(text: &str, action: &str, also: &[&str]) -> String {
    if also.is_empty() {
        return text.to_owned();
    }
    let names: Vec<_> = std::iter::once(&action)
        .chain(also)
        .map(|name| format!("\"{name}\""))
        .collect();
    text.replacen(&names[0], &format!("[{}]", names.join(", ")), 1)
}

/// The actions that a session needs besides the one that makes it.
fn also(is_tagged: bool, has_source_identity: bool) -> Vec<&'static str> {
    let needed = [(is_tagged, TAG), (has_source_identity, SOURCE)];
    needed
        .into_iter()
        .filter_map(|(is_needed, action)| is_needed.then_some(action))
        .collect()
}

/// How a role is assumed with the credentials of another principal.
pub(super) struct Assumption<'a> {
    pub(super) role: &'a RoleArn,
    /// The user, or the role of the session, that assumes it; nothing where it is not known.
    pub(super) caller: Option<&'a Arn>,
    pub(super) external_id: Option<&'a str>,
    pub(super) is_tagged: bool,
    pub(super) has_source_identity: bool,
}

/// Why a role may not let itself be assumed, by the message of AWS.
pub(super) fn assume_role(assumption: &Assumption<'_>, message: &str) -> Vec<Cause> {
    let Assumption { role, caller, .. } = *assumption;
    let look = look(role);
    let who = caller.map_or_else(|| "this principal".to_owned(), ToString::to_string);
    let trust = caller.map(|caller| {
        let ids: Vec<_> = assumption.external_id.into_iter().collect();
        generate::assume_role_trust(caller, &ids)
    });
    let also = also(assumption.is_tagged, assumption.has_source_identity);
    let allowing = |text: String| allowing(&text, "sts:AssumeRole", &also);
    let update = match &trust {
        Some(trust) => update(role, &allowing(trust.compact())),
        None => format!(
            "let the trust policy name the principal: {}",
            update(role, "file://TRUST")
        ),
    };
    let document =
        trust.map(|trust| Document::new(format!("trust policy of the role {role}"), &allowing(trust.to_string())));
    let trusted = Cause::new(
        format!("the trust policy of the role does not name {who}"),
        format!(
            "{look}: Principal has to be {{ \"AWS\": \"{who}\" }}, or the account's root, and Action sts:AssumeRole"
        ),
        update,
    )
    .with(document);
    let external_id = match assumption.external_id {
        Some(id) => Cause::new(
            format!("the trust policy wants another external id than `{id}`"),
            format!("{look}: the condition on sts:ExternalId"),
            "set the hop's `externalId` to what the condition wants, or the condition to what the hop sends",
        ),
        None => Cause::new(
            "the trust policy wants an external id, and the hop sends none",
            format!("{look}: a condition on sts:ExternalId"),
            "set the hop's `externalId` to what the condition wants",
        ),
    };
    let permissions = generate::assume_only(std::slice::from_ref(role)).ok();
    let permitted = Cause::new(
        format!("no permissions policy of {who} allows sts:AssumeRole on the role; across accounts both sides have to"),
        "aws iam simulate-principal-policy with the action sts:AssumeRole, in the principal's account",
        super::sentence::put_policy(
            caller,
            "wharfinger-assume",
            &permissions
                .as_ref()
                .map(|policy| allowing(policy.compact()))
                .unwrap_or_default(),
        ),
    )
    .with(
        permissions.map(|policy| Document::new(format!("permissions policy of {who}"), &allowing(policy.to_string()))),
    );
    let mut causes = vec![trusted, external_id, permitted];
    if message.contains("no identity-based policy") {
        // AWS says which side it is.
        causes.swap(0, 2);
    }
    for (is_asked, name, because) in [
        (
            assumption.has_source_identity,
            SOURCE,
            "the session has a source identity",
        ),
        (assumption.is_tagged, TAG, "the session is tagged"),
    ] {
        if is_asked {
            let fix = format!(
                "allow {name} beside sts:AssumeRole in the trust policy, and in the principal's own permissions"
            );
            let at = if message.contains(name) { 0 } else { 1 };
            causes.insert(at, action(name, because, &look, &fix));
        }
    }
    if message.contains("explicit deny") {
        causes.insert(0, Cause::new(
            "a statement denies it expressly, and a deny wins over every allow",
            format!("{look}, the policies of {who}, and the organization's: look for \"Effect\": \"Deny\" in the kind of policy that the message names"),
            "narrow that statement so that it leaves this principal and this role out",
        ));
    }
    causes.push(missing(role));
    causes
}

fn missing(role: &RoleArn) -> Cause {
    Cause::new(
        format!("there is no role {role}; STS does not tell that from a refusal"),
        format!(
            "in the account {}: aws iam get-role --role-name {}",
            role.account(),
            role.name()
        ),
        "create the role, or correct its ARN here: it is role/PATH/NAME, not the ARN of a provider or a session",
    )
}

fn look(role: &RoleArn) -> String {
    format!(
        "in the account {}: aws iam get-role --role-name {} --query Role.AssumeRolePolicyDocument",
        role.account(),
        role.name()
    )
}

fn update(role: &RoleArn, policy: &str) -> String {
    format!(
        "in the account {}: aws iam update-assume-role-policy --role-name {} --policy-document {}  # takes the place of the whole trust policy",
        role.account(),
        role.name(),
        quoted(policy)
    )
}

const TAG: &str = "sts:TagSession";
const SOURCE: &str = "sts:SetSourceIdentity";

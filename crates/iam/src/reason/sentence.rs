use crate::policy::Kind;
use crate::principal::Principal;
use crate::reason::Denial;
use crate::request::Request;

/// The sentence of AWS ("Troubleshoot access denied error messages" in the IAM user guide).
pub(super) fn write(denial: Option<Denial>, request: &Request) -> String {
    let Request { principal, action, .. } = request;
    let resource = request.target();
    let Some(denial) = denial else {
        return format!("User: {principal} is authorized to perform: {action} on resource: {resource}");
    };
    if denial == Denial::RootUser {
        return "Roles may not be assumed by root accounts.".to_owned();
    }
    // To a caller that it does not know AWS tells nothing more.
    if let Principal::Federated(_) = principal {
        return format!("Not authorized to perform {action}");
    }
    let because = reason(denial, action);
    format!("User: {principal} is not authorized to perform: {action} on resource: {resource} {because}")
}

fn reason(denial: Denial, action: &str) -> String {
    match denial {
        Denial::NoAllow(kind) => format!("because no {kind} allows the {action} action"),
        Denial::Explicit(kind) | Denial::Possible(kind) => format!("with an explicit deny in {} {kind}", article(kind)),
        Denial::RootUser => String::new(),
    }
}

fn article(kind: Kind) -> &'static str {
    match kind {
        Kind::Identity => "an",
        Kind::Trust => "the",
        _ => "a",
    }
}

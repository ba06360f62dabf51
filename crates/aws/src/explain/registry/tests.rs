use super::*;
use crate::explain::shown::shown;

fn explain_answer(host: &str, wanted: &str, status: u16, body: &str) -> AwsError {
    explain(Refusal {
        host: &host.parse().unwrap(),
        repository: &"team/app".parse().unwrap(),
        wanted,
        principal: "arn:aws:sts::444455556666:assumed-role/pull/s",
        status,
        body: body.as_bytes(),
    })
}

fn envelope(code: ErrorCode, message: &str) -> String {
    serde_json::to_string(&ErrorEnvelope::new(code, message)).unwrap()
}

fn denied(account: &str, end: &str) -> String {
    envelope(
        ErrorCode::Denied,
        &format!(
            "User: arn:aws:sts::{account}:assumed-role/pull/s is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:us-east-1:111122223333:repository/team/app {end}"
        ),
    )
}

const HOST: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
const EXPIRED: &str = "Your authorization token has expired. Reauthenticate and try again.";

#[test]
fn each_row_of_the_table() {
    let rows = [
        ("manifest 1", 401, "Not Authorized\n".to_owned()),
        ("manifest 1", 403, envelope(ErrorCode::Denied, EXPIRED)),
        (
            "manifest 1",
            403,
            denied(
                "111122223333",
                "because no identity-based policy allows the ecr:BatchGetImage action",
            ),
        ),
        (
            "manifest 1",
            403,
            denied(
                "444455556666",
                "because no resource-based policy allows the ecr:BatchGetImage action",
            ),
        ),
        (
            "manifest 1",
            403,
            denied("444455556666", "with an explicit deny in a resource-based policy"),
        ),
        (
            "manifest 1",
            403,
            denied("444455556666", "with an explicit deny in an identity-based policy"),
        ),
        (
            "manifest 1",
            403,
            denied(
                "444455556666",
                "because no session policy allows the ecr:BatchGetImage action",
            ),
        ),
        (
            "manifest 1",
            403,
            denied(
                "444455556666",
                "because no permissions boundary allows the ecr:BatchGetImage action",
            ),
        ),
        (
            "manifest 1",
            403,
            denied(
                "444455556666",
                "because no service control policy allows the ecr:BatchGetImage action",
            ),
        ),
        (
            "manifest 1",
            403,
            denied(
                "444455556666",
                "because no VPC endpoint policy allows the ecr:BatchGetImage action",
            ),
        ),
        ("blob sha256:0", 403, String::new()),
        (
            "manifest 1",
            404,
            envelope(
                ErrorCode::NameUnknown,
                "The repository with name 'team/app' does not exist in the registry with id '111122223333'",
            ),
        ),
        (
            "manifest 1",
            404,
            envelope(ErrorCode::ManifestUnknown, "Requested image not found"),
        ),
        ("blob sha256:0", 404, envelope(ErrorCode::BlobUnknown, "m")),
        (
            "manifest 1",
            405,
            envelope(
                ErrorCode::Unsupported,
                "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to 1000'",
            ),
        ),
        ("manifest 1", 429, envelope(ErrorCode::TooManyRequests, "Rate exceeded")),
        ("manifest 1", 418, String::new()),
        ("manifest 1", 503, String::new()),
    ];
    let text: Vec<_> = rows
        .iter()
        .map(|(wanted, status, body)| shown(&explain_answer(HOST, wanted, *status, body)))
        .collect();
    insta::assert_snapshot!("registry", text.join("\n"));
}

#[test]
fn ecr_public_has_no_account() {
    let rows = [
        (401, String::new()),
        (403, envelope(ErrorCode::Denied, "m")),
        (404, envelope(ErrorCode::NameUnknown, "m")),
        (404, envelope(ErrorCode::ManifestUnknown, "m")),
        (429, envelope(ErrorCode::TooManyRequests, "Rate exceeded")),
    ];
    let text: Vec<_> = rows
        .iter()
        .map(|(status, body)| shown(&explain_answer("public.ecr.aws", "manifest 1", *status, body)))
        .collect();
    let text = text.join("\n");
    assert!(
        !text.contains("registry-id") && !text.contains("account public"),
        "{text}"
    );
    insta::assert_snapshot!("registry_public", text);
}

#[test]
fn silence_is_explained() {
    let error = unreachable(HOST, "manifest 1", &std::io::Error::other("connection refused"));
    insta::assert_snapshot!("registry_unreachable", shown(&error));
}

#[test]
fn what_the_registry_said_is_carried_over() {
    let said = |status, body: &str| explain_answer(HOST, "manifest 1", status, body).said;
    assert_eq!(
        said(404, &envelope(ErrorCode::ManifestUnknown, "Requested image not found")),
        "MANIFEST_UNKNOWN (HTTP 404): Requested image not found"
    );
    assert_eq!(said(401, "Not Authorized\n"), "HTTP 401: Not Authorized");
    assert_eq!(said(403, ""), "HTTP 403 without a message");
    assert!(said(502, &"x".repeat(100_000)).len() < 300);
    let nasty = said(
        403,
        &envelope(ErrorCode::Denied, &"a\u{1b}[2J\r\nb\u{202e}".repeat(10_000)),
    );
    assert!(
        nasty.chars().count() <= 1000 && !nasty.contains(['\u{1b}', '\r', '\n', '\u{202e}']),
        "{nasty}"
    );
}

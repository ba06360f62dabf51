//! What must not be read in a log.

use base64::{Engine, engine::general_purpose::STANDARD};

/// The first line with a secret, and what is wrong with it. `known` are secrets that clients have sent; the others, which
/// only the server and AWS have seen, are known by how they look.
pub(crate) fn find<'a>(log: &'a str, known: &[String]) -> Option<(&'static str, &'a str)> {
    log.lines()
        .find_map(|line| offence(line, known).map(|offence| (offence, line)))
}

fn offence(line: &str, known: &[String]) -> Option<&'static str> {
    let lower = line.to_lowercase();
    let holds = |texts: &[&str]| texts.iter().any(|text| line.contains(text));
    let mut words = line.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=_-".contains(c)));
    let is_known = |secret: &String| {
        // As it is, and as what a client puts into the header.
        line.contains(secret) || line.contains(&STANDARD.encode(format!("robot:{secret}")))
    };
    if known.iter().any(is_known) || holds(&["whr_"]) {
        Some("a robot's token")
    } else if holds(&["eyJ"]) {
        Some("base64 of a JSON object: a JWT or the password of a registry")
    } else if holds(&["AWS:", "QVdTO"]) {
        Some("a login to ECR")
    } else if ["authorization: ", "authorization\":", "bearer ", "basic "]
        .iter()
        .any(|text| lower.contains(text))
    {
        Some("a header with a credential")
    } else if ["x-amz-signature=", "x-amz-security-token", "x-amz-credential="]
        .iter()
        .any(|text| lower.contains(text))
    {
        Some("a presigned URL or a session token")
    } else if words.any(is_random) {
        Some("a long word of random letters: a key, a token or a password")
    } else {
        None
    }
}

/// As long as the shortest secret that AWS gives out, and of both cases, which digests, ARNs and folders are not.
fn is_random(word: &str) -> bool {
    let has = |kind: fn(&char) -> bool| word.chars().any(|c| kind(&c));
    word.len() >= 40 && has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase)
}

#[test]
fn each_kind_of_secret_is_found() {
    let token = format!("whr_{}", "aB3_".repeat(11));
    let known = ["a secret that looks like nothing".to_owned()];
    for secret in [
        known[0].clone(),
        STANDARD.encode(format!("robot:{}", known[0])),
        token.clone(),
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhY21lIn0.c2ln".to_owned(),
        "AWS:hunter2".to_owned(),
        STANDARD.encode("AWS:hunter2"),
        "\"authorization\": \"x\"".to_owned(),
        "Authorization: AWS4-HMAC-SHA256".to_owned(),
        "Basic cm9ib3Q=".to_owned(),
        "https://bucket/key?X-Amz-Signature=00".to_owned(),
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
    ] {
        let log = format!("harmless\nTRACE h2: it is {secret}, they say\nharmless");
        let (_, line) = find(&log, &known).unwrap_or_else(|| panic!("{secret} is not found"));
        assert!(line.contains(&secret));
    }
}

#[test]
fn digests_and_names_are_no_secrets() {
    let digest = "sha256:4e1a1b68adad04646dd84d8ce3fecbbbdce7d0db71990d19409f7462a3ef720d";
    let session = "arn:aws:sts::444455556666:assumed-role/wharfinger-pull/wharfinger-acme-prod";
    assert_eq!(
        find(&format!("DEBUG blob {digest}\nINFO session=\"{session}\""), &[]),
        None
    );
}

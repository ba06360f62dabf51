use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use state::{Robot, Snapshot, TokenHash};
use zeroize::Zeroizing;

/// A client that has shown who it is.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A robot, by its token.
    Robot(Arc<Robot>),
}

/// A client that has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// No credential.
    #[error("log in with a robot's token as the password; `wharfinger robot new TEAM/NAME` makes one")]
    Missing,
    /// A credential in a form that is not understood.
    #[error("the Authorization header is not understood; expected HTTP Basic with a robot's token as the password")]
    Malformed,
    /// A credential that nobody has.
    #[error("the password is no robot's token; it was mistyped, or the robot was removed or given a new token")]
    Unknown,
}

impl Identity {
    /// The team to which the client belongs.
    pub fn team(&self) -> &str {
        match self {
            Self::Robot(robot) => robot.team.as_str(),
        }
    }

    /// What logs call the client.
    pub fn title(&self) -> String {
        match self {
            Self::Robot(robot) => format!("robot {}/{}", robot.team, robot.name),
        }
    }
}

/// Finds out who asks, by the value of the `Authorization` header.
///
/// # Errors
/// See [`Unauthenticated`].
pub fn authenticate(snapshot: &Snapshot, authorization: Option<&[u8]>) -> Result<Identity, Unauthenticated> {
    let authorization = authorization.ok_or(Unauthenticated::Missing)?;
    if authorization.len() > MAX_LENGTH {
        return Err(Unauthenticated::Malformed);
    }
    let (scheme, credential) = split_once(authorization, b' ').ok_or(Unauthenticated::Malformed)?;
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return Err(Unauthenticated::Malformed);
    }
    let credential = Zeroizing::new(
        STANDARD
            .decode(credential.trim_ascii())
            .map_err(|_| Unauthenticated::Malformed)?,
    );
    let (_, token) = split_once(&credential, b':').ok_or(Unauthenticated::Malformed)?;
    let token = std::str::from_utf8(token).map_err(|_| Unauthenticated::Unknown)?;
    // The look-up compares hashes: how long it takes tells nothing about any token.
    snapshot
        .robot(&TokenHash::of(token))
        .cloned()
        .map(Identity::Robot)
        .ok_or(Unauthenticated::Unknown)
}

fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == separator)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// Longer than any robot's credential, with room for long user names.
const MAX_LENGTH: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use state::Documents;

    fn snapshot() -> Snapshot {
        let hash = TokenHash::of("the token");
        let text = format!(
            "apiVersion: wharfinger.dev/v1\nkind: Team\nmetadata: {{ name: acme }}\n---\napiVersion: wharfinger.dev/v1\nkind: Robot\nmetadata: {{ team: acme, name: ci }}\nspec: {{ tokenHash: '{hash}' }}\n"
        );
        Snapshot::build([Documents::parse("it", &text).unwrap()]).unwrap()
    }

    fn authenticate_as(authorization: &str) -> Result<String, Unauthenticated> {
        authenticate(&snapshot(), Some(authorization.as_bytes())).map(|identity| identity.title())
    }

    #[test]
    fn the_token_counts_and_the_user_name_does_not() {
        for user in ["", "robot", "acme/ci"] {
            let header = format!("Basic {}", STANDARD.encode(format!("{user}:the token")));
            assert_eq!(authenticate_as(&header).unwrap(), "robot acme/ci");
            assert!(authenticate_as(&header.replace("Basic", "BASIC")).is_ok());
        }
    }

    #[test]
    fn everything_else_is_nobody() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let hash = TokenHash::of("the token").to_string();
        assert_eq!(authenticate(&snapshot(), None).unwrap_err(), Unauthenticated::Missing);
        for unknown in [
            basic("a:the tokem"),
            basic("a:"),
            basic("the token:"),
            basic(&format!("a:{hash}")),
            basic("a:the token "),
        ] {
            assert_eq!(
                authenticate_as(&unknown).unwrap_err(),
                Unauthenticated::Unknown,
                "{unknown}"
            );
        }
        for malformed in [
            "",
            "Basic",
            "Basic ***",
            "Bearer the token",
            &basic("the token"),
            &basic(&"x".repeat(5000)),
        ] {
            assert_eq!(
                authenticate_as(malformed).unwrap_err(),
                Unauthenticated::Malformed,
                "{malformed}"
            );
        }
    }
}

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use iam::RoleArn;
use state::{Robot, Snapshot, TokenHash};
use zeroize::Zeroizing;

/// A client that has shown who it is.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A robot, by its token.
    Robot {
        /// Which one.
        robot: Arc<Robot>,
        /// The role with which it wants to pull, where it names one.
        role: Option<RoleArn>,
    },
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
    /// A user name that begins as an ARN does and names no role.
    #[error(
        "the user name begins with `arn:` and is not the ARN of a role; expected arn:aws:iam::123456789012:role/NAME to name the role to pull with, or any other user name"
    )]
    Role,
    /// A credential that nobody has.
    #[error("the password is no robot's token; it was mistyped, or the robot was removed or given a new token")]
    Unknown,
}

impl Identity {
    /// The team to which the client belongs.
    pub fn team(&self) -> &str {
        match self {
            Self::Robot { robot, .. } => robot.team.as_str(),
        }
    }

    /// What logs call the client.
    pub fn title(&self) -> String {
        match self {
            Self::Robot { robot, .. } => format!("robot {}/{}", robot.team, robot.name),
        }
    }
}

/// Finds out who asks, by the value of the `Authorization` header.
///
/// The user name may be the ARN of the role to pull with. It has colons, and HTTP Basic parts user name and password by
/// the first one (RFC 7617 §2); a token has none, so the last one is taken here.
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
    let end = credential
        .iter()
        .rposition(|byte| *byte == b':')
        .ok_or(Unauthenticated::Malformed)?;
    let (user, token) = (&credential[..end], &credential[end + 1..]);
    let token = std::str::from_utf8(token).map_err(|_| Unauthenticated::Unknown)?;
    // The look-up compares hashes: how long it takes tells nothing about any token.
    let robot = snapshot.robot(&TokenHash::of(token)).ok_or(Unauthenticated::Unknown)?;
    Ok(Identity::Robot {
        robot: robot.clone(),
        role: role(user)?,
    })
}

fn role(user: &[u8]) -> Result<Option<RoleArn>, Unauthenticated> {
    if !user.starts_with(b"arn:") {
        return Ok(None);
    }
    let arn = std::str::from_utf8(user).map_err(|_| Unauthenticated::Role)?;
    arn.parse().map(Some).map_err(|_| Unauthenticated::Role)
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
    fn the_user_name_may_be_the_role_to_pull_with() {
        let role = |user: &str| {
            let header = format!("Basic {}", STANDARD.encode(format!("{user}:the token")));
            let identity = authenticate(&snapshot(), Some(header.as_bytes()))?;
            let Identity::Robot { role, .. } = identity;
            Ok(role.map(|role| role.to_string()))
        };
        let arn = "arn:aws:iam::111122223333:role/ci/pull";
        assert_eq!(role(arn), Ok(Some(arn.to_owned())));
        assert_eq!(role("arnold"), Ok(None));
        for user in ["arn:", "arn:aws:iam::111122223333:user/ci", "arn:aws:iam::1:role/ci"] {
            assert_eq!(role(user), Err(Unauthenticated::Role), "{user}");
        }
        // Nobody learns anything about roles without a token.
        let header = format!("Basic {}", STANDARD.encode("arn:nonsense:no token"));
        assert_eq!(
            authenticate(&snapshot(), Some(header.as_bytes())).unwrap_err(),
            Unauthenticated::Unknown
        );
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

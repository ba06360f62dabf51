use std::{fmt, str::FromStr};

use aws_lc_rs::digest as hash;

use crate::text::as_text;

/// The digest of some content: an algorithm and as many hexadecimal digits as it yields
/// (OCI image specification 1.1, "Digests").
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    hex: String,
}

/// The algorithms that the image specification registers, as far as content is kept under them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, which every registry speaks.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// Computes a digest while content passes by. A clone goes on from where the original is.
#[derive(Clone)]
pub struct Hasher {
    algorithm: Algorithm,
    context: hash::Context,
}

/// Text that is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest; expected `sha256:` and 64, or `sha512:` and 128, lower-case hexadecimal digits")]
pub struct InvalidDigest(String);

impl Digest {
    /// The SHA-256 digest of `content`.
    pub fn of(content: &[u8]) -> Self {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(content);
        hasher.finish()
    }

    /// The algorithm before the colon.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The lower-case hexadecimal digits after the colon.
    pub fn hex(&self) -> &str {
        &self.hex
    }
}

impl Algorithm {
    /// The name as it stands in a digest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn hex_length(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }

    fn implementation(self) -> &'static hash::Algorithm {
        match self {
            Self::Sha256 => &hash::SHA256,
            Self::Sha512 => &hash::SHA512,
        }
    }
}

impl Hasher {
    /// Begins a digest.
    pub fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            context: hash::Context::new(algorithm.implementation()),
        }
    }

    /// Takes the next piece of the content.
    pub fn update(&mut self, content: &[u8]) {
        self.context.update(content);
    }

    /// The digest of everything taken so far.
    pub fn finish(self) -> Digest {
        Digest {
            algorithm: self.algorithm,
            hex: hex::encode(self.context.finish()),
        }
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let invalid = || InvalidDigest(text.chars().take(140).collect());
        let (algorithm, hex) = text.split_once(':').ok_or_else(invalid)?;
        let algorithm = match algorithm {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            _ => return Err(invalid()),
        };
        let is_hex = hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if hex.len() != algorithm.hex_length() || !is_hex {
            return Err(invalid());
        }
        Ok(Self {
            algorithm,
            hex: hex.to_owned(),
        })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.as_str(), self.hex)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

as_text!(Digest);

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_digest_of_nothing_is_the_known_one() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
    }

    #[test]
    fn pieces_hash_like_the_whole() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let (mut pieces, mut whole) = (Hasher::new(algorithm), Hasher::new(algorithm));
            pieces.update(b"ab");
            pieces.update(b"c");
            whole.update(b"abc");
            let digest = pieces.finish();
            assert_eq!(digest, whole.finish());
            assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        }
    }

    #[test]
    fn only_the_canonical_form_is_taken() {
        let upper = EMPTY.to_uppercase();
        let wrong_length = format!("sha512:{}", &EMPTY[7..]);
        for text in [
            "",
            "sha256",
            "sha256:",
            &EMPTY[..70],
            &format!("{EMPTY}0"),
            &upper,
            &wrong_length,
            "md5:00",
            "sha256:../../x",
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}

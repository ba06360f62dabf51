use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The number of an AWS account: exactly twelve decimal digits, leading zeros included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId([u8; 12]);

impl AccountId {
    /// The twelve digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("an account id is made of ASCII digits only")
    }
}

impl FromStr for AccountId {
    type Err = AccountIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match <[u8; 12]>::try_from(text.as_bytes()) {
            Ok(digits) if digits.iter().all(u8::is_ascii_digit) => Ok(AccountId(digits)),
            _ => Err(AccountIdError {
                text: text.chars().take(64).collect(),
            }),
        }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({})", self.as_str())
    }
}

/// A text that is not the number of an account.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{text}` is not an AWS account: exactly 12 digits are expected, found {}",
    found(text)
)]
pub struct AccountIdError {
    text: String,
}

fn found(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("{} digits", text.len())
    } else {
        "other characters".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_leading_zeros() {
        assert_eq!("000123456789".parse::<AccountId>().unwrap().to_string(), "000123456789");
    }

    #[test]
    fn refuses_what_is_no_account() {
        for text in ["", "1234", "0123456789012", "12345678901x", "１２３４"] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
        }
        let thirteen = "0123456789012".parse::<AccountId>().unwrap_err();
        assert_eq!(
            thirteen.to_string(),
            "`0123456789012` is not an AWS account: exactly 12 digits are expected, found 13 digits"
        );
    }
}

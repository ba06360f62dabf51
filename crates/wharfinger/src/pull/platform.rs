//! Which of an index's images is meant.

use std::{env::consts, fmt, str::FromStr};

use oci::{Descriptor, Platform};

/// What to take of an index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Selection {
    /// The image for this machine's processor, under Linux. An image that is not in an index is taken as it is.
    #[default]
    Host,
    /// The image for a platform. An image that is not in an index must be for that platform.
    One(Platform),
    /// The index with everything in it.
    All,
}

/// Text that is not a platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("platform `{0}` is not one; expected OS/ARCHITECTURE[/VARIANT] in Go's names, such as linux/arm64, or `all`")]
pub(crate) struct InvalidSelection(String);

/// An image that is not there for the platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no image for {wanted}; there is: {available}")]
pub(crate) struct MissingPlatform {
    wanted: String,
    available: String,
}

impl Selection {
    /// The descriptor in an index that is for the platform.
    pub(crate) fn choose<'a>(&self, manifests: &'a [Descriptor]) -> Result<&'a Descriptor, MissingPlatform> {
        let wanted = self.platform();
        let fits = |descriptor: &&Descriptor| descriptor.platform.as_ref().is_some_and(|found| fits(&wanted, found));
        let has_no_variant = |descriptor: &&Descriptor| {
            descriptor
                .platform
                .as_ref()
                .is_some_and(|platform| variant(platform).is_none())
        };
        let mut fitting = manifests.iter().filter(fits);
        // Without a wish for a variant, the image without one runs everywhere.
        let plain = fitting.clone().find(has_no_variant);
        plain
            .or_else(|| fitting.next())
            .ok_or_else(|| missing(&wanted, manifests.iter().filter_map(|found| found.platform.as_ref())))
    }

    /// Checks an image that is not in an index against the platform in its configuration.
    pub(crate) fn admit(&self, found: &Platform) -> Result<(), MissingPlatform> {
        match self {
            Self::One(wanted) if !fits(wanted, found) => Err(missing(wanted, [found].into_iter())),
            _ => Ok(()),
        }
    }

    fn platform(&self) -> Platform {
        match self {
            Self::One(platform) => platform.clone(),
            Self::Host | Self::All => Platform {
                architecture: architecture(consts::ARCH).to_owned(),
                os: "linux".to_owned(),
                variant: None,
            },
        }
    }
}

impl FromStr for Selection {
    type Err = InvalidSelection;

    fn from_str(text: &str) -> Result<Self, InvalidSelection> {
        if text == "all" {
            return Ok(Self::All);
        }
        let invalid = || InvalidSelection(text.chars().take(100).collect());
        let is_word = |word: &str| {
            (1..=32).contains(&word.len())
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
        };
        let words: Vec<_> = text.split('/').collect();
        let (os, name, variant) = match words[..] {
            [os, name] => (os, name, None),
            [os, name, variant] => (os, name, Some(variant)),
            _ => return Err(invalid()),
        };
        if ![os, name].into_iter().chain(variant).all(is_word) {
            return Err(invalid());
        }
        Ok(Self::One(Platform {
            architecture: architecture(name).to_owned(),
            os: os.to_owned(),
            variant: variant.map(str::to_owned),
        }))
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            _ => f.write_str(&name(&self.platform())),
        }
    }
}

/// A platform as people write it.
pub(crate) fn name(platform: &Platform) -> String {
    let variant = platform.variant.as_deref().filter(|variant| !variant.is_empty());
    let variant = variant.map(|variant| format!("/{variant}")).unwrap_or_default();
    super::registry::printable(&format!("{}/{}{variant}", platform.os, platform.architecture))
}

fn fits(wanted: &Platform, found: &Platform) -> bool {
    let variant_fits = variant(wanted).is_none_or(|wanted| variant(found) == Some(wanted));
    wanted.os == found.os && wanted.architecture == found.architecture && variant_fits
}

/// The variant where it says something: every arm64 is v8, every amd64 is v1.
fn variant(platform: &Platform) -> Option<&str> {
    let variant = platform.variant.as_deref().filter(|variant| !variant.is_empty())?;
    let is_plain = matches!(
        (platform.architecture.as_str(), variant),
        ("arm64", "v8") | ("amd64", "v1")
    );
    (!is_plain).then_some(variant)
}

/// Go's name of a processor that Rust or the kernel call otherwise.
fn architecture(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" | "i386" | "i686" => "386",
        "powerpc64" | "powerpc64le" if cfg!(target_endian = "little") => "ppc64le",
        "loongarch64" => "loong64",
        other => other,
    }
}

fn missing<'a>(wanted: &Platform, available: impl Iterator<Item = &'a Platform>) -> MissingPlatform {
    let mut names: Vec<_> = available.map(name).collect();
    names.sort_unstable();
    names.dedup();
    // Attestations stand in an index as `unknown/unknown`.
    names.retain(|name| name != "unknown/unknown");
    let available = match names.len() {
        0 => "no platform at all".to_owned(),
        1..=MOST_NAMES => names.join(", "),
        more => format!("{}, and {} more", names[..MOST_NAMES].join(", "), more - MOST_NAMES),
    };
    MissingPlatform {
        wanted: name(wanted),
        available,
    }
}

/// How many platforms a message lists.
const MOST_NAMES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use oci::{Digest, MediaType};
    use proptest::prelude::*;

    fn index(platforms: &[&str]) -> Vec<Descriptor> {
        let entry = |text: &&str| {
            let mut descriptor = Descriptor::new(MediaType::OCI_MANIFEST, Digest::of(text.as_bytes()), 1);
            descriptor.platform = match text.parse::<Selection>() {
                Ok(Selection::One(platform)) => Some(platform),
                _ => None,
            };
            descriptor
        };
        platforms.iter().map(entry).collect()
    }

    #[test]
    fn the_wanted_platform_is_found() {
        let all = [
            "none!",
            "linux/arm/v7",
            "linux/amd64/v3",
            "linux/amd64",
            "linux/arm64/v8",
            "windows/amd64",
        ];
        for (wanted, expected) in [
            ("linux/amd64", Some("linux/amd64")),
            ("linux/x86_64", Some("linux/amd64")),
            ("linux/amd64/v3", Some("linux/amd64/v3")),
            ("linux/amd64/v2", None),
            ("linux/arm64", Some("linux/arm64/v8")),
            ("linux/arm64/v8", Some("linux/arm64/v8")),
            ("linux/arm", Some("linux/arm/v7")),
            ("linux/arm/v6", None),
            ("windows/amd64", Some("windows/amd64")),
            ("linux/s390x", None),
        ] {
            let selection: Selection = wanted.parse().unwrap();
            let index = index(&all);
            let found = selection.choose(&index).ok().map(|found| found.digest.clone());
            assert_eq!(found, expected.map(|text| Digest::of(text.as_bytes())), "{wanted}");
        }
    }

    #[test]
    fn what_there_is_instead_is_listed() {
        let selection: Selection = "linux/s390x".parse().unwrap();
        let platforms = ["linux/arm64/v8", "linux/amd64", "linux/amd64", "unknown/unknown"];
        let error = selection.choose(&index(&platforms)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no image for linux/s390x; there is: linux/amd64, linux/arm64/v8"
        );
        assert!(
            selection
                .choose(&[])
                .unwrap_err()
                .to_string()
                .ends_with("no platform at all")
        );
        let many: Vec<_> = (0..50).map(|n| format!("linux/a{n}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert!(
            selection
                .choose(&index(&many))
                .unwrap_err()
                .to_string()
                .ends_with("and 30 more")
        );
    }

    #[test]
    fn a_single_image_is_measured_against_a_wish_only() {
        let arm = match "linux/arm64".parse().unwrap() {
            Selection::One(platform) => platform,
            other => panic!("{other}"),
        };
        assert!(Selection::Host.admit(&arm).is_ok());
        assert!("linux/arm64/v8".parse::<Selection>().unwrap().admit(&arm).is_ok());
        let error = "linux/amd64".parse::<Selection>().unwrap().admit(&arm).unwrap_err();
        assert!(error.to_string().contains("there is: linux/arm64"));
    }

    #[test]
    fn what_is_no_platform_is_refused() {
        for text in [
            "",
            "linux",
            "linux/",
            "/amd64",
            "linux/amd64/v1/x",
            "Linux/amd64",
            "linux/a b",
            "ALL",
        ] {
            assert!(text.parse::<Selection>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn printing_and_parsing_are_inverse(text in "[a-z]{1,6}/[a-z]{1,6}[0-9]{0,2}(/v[0-9])?") {
            let selection: Selection = text.parse().unwrap();
            prop_assert_eq!(selection.to_string().parse::<Selection>().unwrap(), selection);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<Selection>();
        }
    }
}

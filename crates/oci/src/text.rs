/// Lets a type that has a textual form travel as that text: what is read is parsed, so nothing invalid comes in.
macro_rules! as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use as_text;

#[cfg(test)]
mod tests {
    use crate::{Digest, RepositoryName, Tag};

    #[test]
    fn what_is_read_has_been_parsed() {
        let read = serde_json::from_str::<(RepositoryName, Tag)>(r#"["team/app", "v1"]"#).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"["team/app","v1"]"#);
        assert!(serde_json::from_str::<RepositoryName>(r#""Team""#).is_err());
        assert!(serde_json::from_str::<Tag>(r#""-v1""#).is_err());
        assert!(serde_json::from_str::<Digest>(r#""sha256:zz""#).is_err());
    }
}

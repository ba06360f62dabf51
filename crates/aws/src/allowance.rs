use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{Secret, Source, TokenOrigin};

/// What a source may use of the machine that it is resolved on.
///
/// Resources come from teams. Without this, a team that names a file, a variable or the ambient identity would act as
/// somebody else: the server itself, or another team.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Allowance {
    /// Whether a source may be `ambient`.
    pub ambient: bool,
    /// Whether a secret may be taken from the environment.
    pub environment: bool,
    /// Folders in which tokens and keys may lie.
    pub folders: Vec<PathBuf>,
}

impl Allowance {
    /// Everything: for the command line of somebody whose machine it is.
    pub fn everything() -> Self {
        Self {
            ambient: true,
            environment: true,
            folders: vec![PathBuf::from("/")],
        }
    }

    /// Whether the source may be used here.
    ///
    /// # Errors
    /// What is not allowed, and the setting that would allow it.
    pub fn check(&self, source: &Source) -> Result<(), String> {
        match source {
            Source::WebIdentity(identity) => match &identity.token {
                TokenOrigin::Issuer => Ok(()),
                TokenOrigin::File(path) => self.check_file(path),
            },
            Source::AccessKey(key) => [Some(&key.access_key_id), Some(&key.secret_access_key), key.session_token.as_ref()]
                .into_iter()
                .flatten()
                .try_for_each(|secret| self.check_secret(secret)),
            Source::Ambient {} if !self.ambient => Err(
                "the source is `ambient`, this machine's own identity, and the configuration does not allow that: sources.ambient is not true".to_owned(),
            ),
            Source::Ambient {} | Source::Anonymous {} => Ok(()),
        }
    }

    fn check_secret(&self, secret: &Secret) -> Result<(), String> {
        if secret.is_of_environment() && !self.environment {
            return Err("a secret is to be taken from the environment, and the configuration does not allow that: sources.environment is not true".to_owned());
        }
        secret.file().map_or(Ok(()), |path| self.check_file(path))
    }

    /// Links are followed first: else one in an allowed folder would lead out of it. `..` is no way out either.
    fn check_file(&self, path: &Path) -> Result<(), String> {
        let real = path
            .canonicalize()
            .map_err(|error| format!("the file {} cannot be read: {error}", path.display()))?;
        let is_inside = self.folders.iter().any(|folder| {
            let folder = folder.canonicalize().unwrap_or_else(|_| folder.clone());
            real.starts_with(folder)
        });
        if is_inside {
            return Ok(());
        }
        Err(format!(
            "the file {} is in none of the folders that the configuration allows in sources.folders",
            path.display()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn source(value: serde_json::Value) -> Source {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn nothing_of_the_machine_is_used_unless_it_is_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("allowed"), folder.path().join("token"));
        std::fs::create_dir(&inside).unwrap();
        for path in [&outside, &inside.join("token")] {
            std::fs::write(path, "x").unwrap();
        }
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        let role = "arn:aws:iam::111122223333:role/pull";
        let token = |path: &Path| source(json!({"webIdentity": {"roleArn": role, "token": {"file": path}}}));
        let key = |value| source(json!({"accessKey": {"accessKeyId": "AKIA", "secretAccessKey": value}}));

        let nothing = Allowance::default();
        for (source, setting) in [
            (source(json!({"ambient": {}})), "sources.ambient"),
            (key(json!({"env": "HOME"})), "sources.environment"),
            (key(json!({"file": outside})), "sources.folders"),
            (token(&outside), "sources.folders"),
        ] {
            let error = nothing.check(&source).unwrap_err();
            assert!(error.contains(setting), "{error}");
        }
        assert_eq!(nothing.check(&key(json!("inline"))), Ok(()));
        assert_eq!(nothing.check(&source(json!({"anonymous": {}}))), Ok(()));

        let some = Allowance {
            ambient: true,
            environment: true,
            folders: vec![inside.clone()],
        };
        assert_eq!(some.check(&source(json!({"ambient": {}}))), Ok(()));
        assert_eq!(some.check(&key(json!({"env": "HOME"}))), Ok(()));
        assert_eq!(some.check(&token(&inside.join("token"))), Ok(()));
        for outside in [outside, inside.join("link"), inside.join("../token")] {
            assert!(some.check(&token(&outside)).unwrap_err().contains("sources.folders"));
        }
        assert!(
            some.check(&token(&inside.join("none")))
                .unwrap_err()
                .contains("cannot be read")
        );
    }
}

use std::path::{Component, Path, PathBuf};

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

    /// A file that is not there yet may be used where it would lie in an allowed folder: whoever reads it then tells what
    /// is missing.
    fn check_file(&self, path: &Path) -> Result<(), String> {
        let is_inside = place(path).is_some_and(|place| {
            let mut folders = self.folders.iter();
            folders.any(|folder| place.starts_with(self::place(folder).unwrap_or_else(|| folder.clone())))
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

/// Where a path leads, whether or not something is there. Links are followed: else one in an allowed folder would lead out
/// of it. `..` is no way out either. Nowhere leads a link to what is not there, which may come to be anywhere.
fn place(path: &Path) -> Option<PathBuf> {
    let (there, missing) = path.ancestors().find_map(|ancestor| {
        let there = ancestor.canonicalize().ok()?;
        Some((there, path.strip_prefix(ancestor).ok()?))
    })?;
    let mut components = missing.components();
    match components.next() {
        None => return Some(there),
        Some(Component::Normal(name)) if there.join(name).symlink_metadata().is_err() => {}
        Some(_) => return None,
    }
    let is_plain = components.all(|component| matches!(component, Component::Normal(_)));
    is_plain.then(|| there.join(missing))
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
    }

    #[test]
    fn a_file_that_is_not_there_is_allowed_by_the_folder_that_it_would_be_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("allowed")).unwrap();
        std::os::unix::fs::symlink(path("allowed"), path("also")).unwrap();
        std::os::unix::fs::symlink(path("secret"), path("allowed/dangling")).unwrap();
        let allowance = Allowance {
            folders: vec![path("also"), path("also/mounted/later")],
            ..Allowance::default()
        };
        for inside in [
            "allowed/none",
            "also/none",
            "allowed/none/token",
            "also/mounted/later/token",
        ] {
            assert_eq!(allowance.check_file(&path(inside)), Ok(()), "{inside}");
        }
        // Of what lies elsewhere nobody is told whether it is there.
        for outside in [
            "none",
            "none/token",
            "allowed/../none",
            "allowed/none/../../none",
            "allowed/dangling",
            "allowed/dangling/token",
        ] {
            let error = allowance.check_file(&path(outside)).unwrap_err();
            assert!(error.contains("in none of the folders"), "{error}");
        }
        assert!(allowance.check_file(Path::new("allowed/none")).is_err(), "relative");
    }
}

//! podman and what else reads containers-registries.conf(5): skopeo, buildah, CRI-O.

use super::{
    Common, Naming,
    input::Input,
    settings::{Content, Entry, File, Settings, Variable, folder},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    naming: Naming,
}

impl Args {
    /// For each registry a file that says where it is, and for the proxy its authority's certificates and the login.
    pub(super) fn settings(&self, input: &Input, variable: Variable<'_>) -> Result<Settings, String> {
        let places = input.places(self.naming.upstream.as_deref())?;
        let folder = match &self.common.folder {
            Some(folder) => folder.clone(),
            None => folder(variable, "XDG_CONFIG_HOME", ".config")?.join("containers"),
        };
        let proxy = input.proxy.name();
        // A file for each registry: who adds one later does not have to name the others again.
        let mut files: Vec<_> = places
            .into_iter()
            .map(|(host, place)| {
                let path = folder.join("registries.conf.d").join(format!("{host}.conf"));
                // The location instead of a mirror: after a mirror's refusal podman would ask the registry itself, and
                // tell of that refusal alone.
                let text = format!("[[registry]]\nprefix = \"{host}\"\nlocation = \"{proxy}/{place}\"\n");
                File::whole(path, text)
            })
            .collect();
        if let Some(ca) = &input.ca {
            files.push(File::whole(
                folder.join("certs.d").join(proxy).join("ca.crt"),
                ca.clone(),
            ));
        }
        let mut notes = vec![NAMES.to_owned()];
        if let Some(entry) = Entry::asked(&input.proxy, input.login.as_ref(), self.naming.credential_helper) {
            notes.extend(entry.note());
            if self.common.folder.is_some() {
                notes.push(elsewhere(&folder));
            }
            files.push(File {
                path: folder.join("auth.json"),
                content: Content::Entry(entry),
            });
        }
        Ok(Settings {
            client: "podman",
            files,
            notes,
        })
    }
}

fn elsewhere(folder: &std::path::Path) -> String {
    format!(
        "Of auth.json podman reads the one below the user's own ~/.config/containers; another one has to be named: --authfile {}",
        folder.join("auth.json").display()
    )
}

const NAMES: &str = "Images keep their names: podman pull HOST/REPOSITORY:TAG";

pub(super) const HELP: &str = "\
Examples:
  wharfinger config podman 111122223333.dkr.ecr.us-east-1.amazonaws.com \
      --proxy https://images.example.com
  wharfinger config podman 111122223333.dkr.ecr.us-east-1.amazonaws.com public.ecr.aws \\
      --proxy https://images.example.com --ca ca.pem --password-file - --write < robot.token
  podman pull 111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app:1

Files, in ~/.config/containers or --folder (/etc/containers for every user and for CRI-O):
registries.conf.d/HOST.conf; certs.d/PROXY/ca.crt with --ca; an entry of auth.json with a
password or with --credential-helper.

Exit status:
  0 shown or written; 1 a file cannot be written; 2 an option, or a file that is there, cannot be used";

#[cfg(test)]
#[path = "podman/tests.rs"]
mod tests;

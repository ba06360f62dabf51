//! docker. Its engine knows mirrors of Docker Hub alone, so images are named by way of the proxy.

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
    /// The authority's certificates for the engine, and the login for the command.
    pub(super) fn settings(&self, input: &Input, variable: Variable<'_>) -> Result<Settings, String> {
        let proxy = input.proxy.name();
        let names = input.places(self.naming.upstream.as_deref())?.into_iter();
        let mut notes: Vec<_> = names
            .map(|(host, place)| {
                format!("{host}/REPOSITORY:TAG is pulled by: docker pull {proxy}/{place}/REPOSITORY:TAG")
            })
            .collect();
        let mut files = Vec::new();
        if let Some(ca) = &input.ca {
            let etc = self.common.folder.clone().unwrap_or_else(|| ETC_DOCKER.into());
            files.push(File::whole(etc.join("certs.d").join(proxy).join("ca.crt"), ca.clone()));
        }
        if let Some(entry) = Entry::asked(&input.proxy, input.login.as_ref(), self.naming.credential_helper) {
            notes.extend(entry.note());
            let folder = match &self.common.folder {
                Some(folder) => folder.clone(),
                None => folder(variable, "DOCKER_CONFIG", ".docker")?,
            };
            files.push(File {
                path: folder.join("config.json"),
                content: Content::Entry(entry),
            });
        }
        Ok(Settings {
            client: "docker",
            files,
            notes,
        })
    }
}

/// Where the engine looks for certificates.
const ETC_DOCKER: &str = "/etc/docker";

pub(super) const HELP: &str = "\
Examples:
  wharfinger config docker 111122223333.dkr.ecr.us-east-1.amazonaws.com --proxy https://images.example.com \\
      --ca ca.pem --password-file robot.token
  wharfinger config docker 111122223333.dkr.ecr.us-east-1.amazonaws.com --proxy https://images.example.com \\
      --upstream prod --credential-helper --write
  docker pull images.example.com/prod/team/app:1

docker's engine knows mirrors of Docker Hub alone: images are named PROXY/HOST/REPOSITORY:TAG,
or with --upstream PROXY/NAME/REPOSITORY:TAG.

Files: /etc/docker/certs.d/PROXY/ca.crt with --ca; an entry of ~/.docker/config.json with a
password or with --credential-helper. With --folder, certs.d and config.json are there.

Exit status:
  0 shown or written; 1 a file cannot be written; 2 an option, or a file that is there, cannot be used";

#[cfg(test)]
#[path = "docker/tests.rs"]
mod tests;

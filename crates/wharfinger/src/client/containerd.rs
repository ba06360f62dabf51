//! containerd, by `hosts.toml` (containerd's docs/hosts.md).

use std::path::{self, Path};

use super::{
    Common,
    input::Input,
    settings::{Content, File, Settings},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) common: Common,
    /// Name the registry in the proxy's path: for a proxy behind something that passes no queries on
    #[arg(long)]
    override_path: bool,
    /// Ask the proxy alone: the registry itself is not tried after it
    #[arg(long)]
    no_fallback: bool,
}

impl Args {
    /// A folder with hosts.toml for each registry, and beside it the authority's certificates.
    pub(super) fn settings(&self, input: &Input) -> Result<Settings, String> {
        let folder = self.common.folder.clone().unwrap_or_else(|| CERTS_D.into());
        let mut files = Vec::new();
        for host in &input.hosts {
            // By AWS's patterns a host has neither port nor slash: it is one folder.
            let folder = folder.join(host.as_str());
            if let Some(ca) = &input.ca {
                files.push(File::whole(folder.join(CA), ca.clone()));
            }
            files.push(File {
                path: folder.join("hosts.toml"),
                content: self.hosts(host.as_str(), input),
            });
        }
        let notes = vec![config_path(&folder)];
        Ok(Settings {
            client: "containerd",
            files,
            notes,
        })
    }

    fn hosts(&self, host: &str, input: &Input) -> Content {
        let mut url = input.proxy.url();
        if self.override_path {
            url.push_str("/v2/");
            url.push_str(host);
        }
        let mut text = if self.no_fallback {
            // Without a host beside it, the server is the only place. There is a table for hosts all the same: a file
            // that has none containerd 1.6 does not understand, and turns to the registry itself.
            format!("server = \"{url}\"\n")
        } else {
            format!("server = \"https://{host}\"\n\n[host.\"{url}\"]\n")
        };
        text.push_str("capabilities = [\"pull\", \"resolve\"]\n");
        if input.ca.is_some() {
            // Relative to hosts.toml.
            text.push_str(&format!("ca = \"{CA}\"\n"));
        }
        if self.override_path {
            text.push_str("override_path = true\n");
        }
        let end = if self.no_fallback { "\n[host]\n" } else { "" };
        let Some(login) = &input.login else {
            return Content::Whole(text + end);
        };
        // A header goes to the place that it stands at and to no other, so the registry itself is not shown the token.
        // Spelled as Go spells it: a login that containerd comes by otherwise then takes its place, and is not sent
        // beside it.
        let header = if self.no_fallback {
            "header".to_owned()
        } else {
            format!("host.\"{url}\".header")
        };
        text.push_str(&format!("\n[{header}]\nAuthorization = \"Basic "));
        Content::WithLogin(text, login.clone(), format!("\"\n{end}"))
    }
}

/// What containerd itself has to be told once.
fn config_path(folder: &Path) -> String {
    let folder = path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let folder = folder.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "containerd looks there where its config.toml says so; after a change there, and only then, it has to be restarted.\n\n\
         In version 3 (containerd 2):\n\n\
         [plugins.\"io.containerd.cri.v1.images\".registry]\nconfig_path = \"{folder}\"\n\n\
         In version 2 (containerd 1):\n\n\
         [plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"{folder}\"\n\n\
         ctr does not read config.toml: ctr images pull --hosts-dir {folder} IMAGE"
    )
}

/// Where containerd's own documentation keeps such files.
const CERTS_D: &str = "/etc/containerd/certs.d";
const CA: &str = "ca.crt";

pub(super) const HELP: &str = "\
Examples:
  wharfinger config containerd 111122223333.dkr.ecr.us-east-1.amazonaws.com \
      --proxy https://images.example.com
  wharfinger config containerd 111122223333.dkr.ecr.us-east-1.amazonaws.com \\
      --proxy https://images.example.com --ca ca.pem --password-file robot.token --write

Files, in /etc/containerd/certs.d or --folder: HOST/hosts.toml, and HOST/ca.crt with --ca.
containerd reads them at each pull where its config.toml has

  [plugins.\"io.containerd.cri.v1.images\".registry]     # version = 3, containerd 2
  config_path = \"/etc/containerd/certs.d\"

  [plugins.\"io.containerd.grpc.v1.cri\".registry]       # version = 2, containerd 1
  config_path = \"/etc/containerd/certs.d\"

containerd names the registry to the proxy by `?ns=HOST`, and with --override-path by the path as well.
Both mean the same to a Wharfinger: --override-path is for one behind something that takes `?ns=` away.

Exit status:
  0 shown or written; 1 a file cannot be written; 2 an option, or a file that is there, cannot be used";

#[cfg(test)]
#[path = "containerd/tests.rs"]
mod tests;

//! `sh` with the real `aws` and skopeo, in a home of its own.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::home::{Home, Outcome, require, run};
use crate::image;
use crate::python;
use crate::stage::REGION;

pub(crate) struct Shell {
    home: Home,
    endpoint: String,
}

impl Shell {
    pub(crate) fn new(ca: &Path, endpoint: &str) -> Self {
        require("skopeo");
        Self {
            home: Home::new(ca),
            endpoint: endpoint.to_owned(),
        }
    }

    /// Gives `aws` a profile with keys.
    pub(crate) fn profile(&self, name: &str, id: &str, secret: &str, token: Option<&str>) {
        let token = token.map_or(String::new(), |token| format!("aws_session_token = {token}\n"));
        let profile = format!("[{name}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n{token}");
        self.append("credentials", &profile);
    }

    /// Gives `aws` a profile that becomes a role with a token of an issuer.
    pub(crate) fn federated_profile(&self, name: &str, role: &str, token: &str) {
        let file = self.path(&format!("{name}.token"));
        std::fs::write(&file, token).unwrap();
        let profile = format!(
            "[profile {name}]\nrole_arn = {role}\nrole_session_name = {name}\nweb_identity_token_file = {}\n",
            file.display()
        );
        self.append("config", &profile);
    }

    /// Gives `aws` a profile that becomes a role with the keys of another profile.
    pub(crate) fn role_profile(&self, name: &str, role: &str, source: &str, line: &str) {
        let profile = format!("[profile {name}]\nrole_arn = {role}\nsource_profile = {source}\n{line}\n");
        self.append("config", &profile);
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        self.home.write(name, text);
    }

    /// The registry at an address has no TLS. It is said where a user says so, which skopeo reads and the environment's
    /// variable for the file not.
    pub(crate) fn allow_plain_http(&self, address: SocketAddr) {
        self.append(
            ".config/containers/registries.conf",
            &format!("[[registry]]\nlocation = \"{address}\"\ninsecure = true\n"),
        );
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path(name)
    }

    /// Runs a script: what it wrote to standard output, or what it complained about. The first command that fails ends
    /// it, also within a pipe.
    pub(crate) fn run(&self, script: &str) -> Outcome {
        let aws = python::program("aws");
        let folder = aws.parent().expect("a program lies in a folder");
        let path = std::env::var("PATH").unwrap_or_default();
        // What people type into is bash or better.
        let mut command = self.home.bounded("bash");
        command
            .current_dir(self.home.path(""))
            .env("PATH", format!("{}:{path}:/usr/sbin:/sbin", folder.display()))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_SHARED_CREDENTIALS_FILE", self.home.path("credentials"))
            .env("AWS_CONFIG_FILE", self.home.path("config"))
            .env("AWS_PAGER", "")
            .args(["-e", "-o", "pipefail", "-c", script]);
        run(&mut command)
    }

    /// Runs a script that must succeed.
    #[track_caller]
    pub(crate) fn ok(&self, script: &str) -> String {
        self.run(script).unwrap_or_else(|error| panic!("{script}\n{error}"))
    }

    /// Runs a script that must fail: what it complained about.
    #[track_caller]
    pub(crate) fn fails(&self, script: &str) -> String {
        match self.run(script) {
            Err(complaint) => complaint,
            Ok(output) => panic!("{script}\nsucceeded: {output}"),
        }
    }

    /// Logs skopeo in to a registry, with the password that a profile gets.
    #[track_caller]
    pub(crate) fn log_in(&self, profile: &str, registry: SocketAddr) {
        let welcome = self.ok(&format!(
            "aws --profile {profile} ecr get-login-password | skopeo login --username AWS --password-stdin {registry}"
        ));
        assert_eq!(welcome.trim(), "Login Succeeded!");
    }

    /// Pulls an image with skopeo: its digest.
    pub(crate) fn pull(&self, registry: SocketAddr, image: &str) -> Outcome {
        let folder = self.path("pulled");
        self.run(&format!(
            "skopeo --policy policy.json copy --quiet --preserve-digests docker://{registry}/{image} oci:pulled"
        ))?;
        let digest = image::digest(&folder);
        std::fs::remove_dir_all(folder).unwrap();
        Ok(digest)
    }

    /// Pushes the image that lies in the folder `image` with skopeo.
    pub(crate) fn push(&self, registry: SocketAddr, image: &str) -> Outcome {
        self.run(&format!(
            "skopeo --policy policy.json copy --quiet --preserve-digests oci:image docker://{registry}/{image}"
        ))
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.home.path(name))
            .unwrap();
        writeln!(file, "{text}").unwrap();
    }
}

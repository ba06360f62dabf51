//! A server that images are pulled from: ourselves, or somebody beside whom we are measured.

use std::net::SocketAddr;

use super::aws::{Image, MANIFEST};
use super::process::Process;

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) process: Process,
    /// Where it speaks plain HTTP; ourselves with a certificate do not.
    pub(crate) address: SocketAddr,
    /// Where it speaks TLS.
    pub(crate) tls: Option<SocketAddr>,
    /// What stands before `/manifests/` and `/blobs/`.
    pub(crate) base: String,
    /// The login, as the header has it, of who asks for one.
    pub(crate) login: Option<String>,
}

impl Server {
    /// A whole request for a manifest or a blob, `manifests/1` for example.
    pub(crate) fn request(&self, path: &str) -> Vec<u8> {
        let mut head = format!(
            "GET {}/{path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: containerd/1.6.20\r\nAccept: {MANIFEST}, */*\r\n",
            self.base, self.address
        );
        if let Some(login) = &self.login {
            head.push_str("Authorization: ");
            head.push_str(login);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    pub(crate) fn by_digest(&self, image: &Image) -> Vec<u8> {
        self.request(&format!("manifests/{}", image.digest))
    }

    pub(crate) fn by_tag(&self, image: &Image) -> Vec<u8> {
        self.request(&format!("manifests/{}", image.tag))
    }

    pub(crate) fn layers(&self, image: &Image) -> Vec<Vec<u8>> {
        let path = |digest| format!("blobs/{digest}");
        image.layers.iter().map(|digest| self.request(&path(digest))).collect()
    }
}

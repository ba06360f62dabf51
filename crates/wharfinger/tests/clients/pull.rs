//! What the clients are asked to do.

use std::net::SocketAddr;
use std::path::PathBuf;

/// One pull through the proxy.
#[derive(Clone, Debug)]
pub(crate) struct Pull {
    /// Where the proxy listens for TLS.
    pub(crate) proxy: SocketAddr,
    /// The private CA that the proxy's certificate comes from, as PEM.
    pub(crate) ca: PathBuf,
    pub(crate) user: String,
    pub(crate) password: String,
    /// The name of the upstream that stands for the image's registry.
    pub(crate) upstream: String,
    /// The image by the name that it has in ECR: `111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app:1`.
    pub(crate) image: String,
}

impl Pull {
    /// The image in the path form: below the proxy's own address.
    pub(crate) fn by_path(&self) -> String {
        format!("{}/{}", self.proxy, self.image)
    }

    /// The image in the path form, with the upstream's name instead of the registry's host.
    pub(crate) fn by_upstream(&self) -> String {
        let (_, repository) = self.image.split_once('/').expect("an image of ECR has a host");
        format!("{}/{}/{repository}", self.proxy, self.upstream)
    }

    /// User and password, as the clients take them.
    pub(crate) fn login(&self) -> String {
        format!("{}:{}", self.user, self.password)
    }

    /// The same with a token that no robot has.
    pub(crate) fn with_wrong_password(mut self) -> Self {
        self.password = format!("whr_{}", "x".repeat(43));
        self
    }
}

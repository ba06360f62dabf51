use std::{
    io::{self, Read},
    path::PathBuf,
};

use iam::RoleArn;
use oci::ImageReference;

use crate::pull::{
    Credentials, Proxy,
    credentials::{CredentialsError, Search},
    registry::InvalidProxy,
};

/// Who is asked for an image, and as whom.
#[derive(clap::Args)]
pub(crate) struct Asking {
    /// The Wharfinger that is asked, such as https://images.example.com; without it, the image's own host is
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,

    /// The user name [default with a token: robot]
    #[arg(long, value_name = "NAME")]
    username: Option<String>,

    /// The role in which the Wharfinger is to pull, where the upstream lets whoever pulls name one; it goes in the place
    /// of the user name
    #[arg(long, value_name = "ARN", conflicts_with = "username")]
    role_arn: Option<RoleArn>,

    /// Read the password or token from standard input
    #[arg(long)]
    password_stdin: bool,

    /// Trust these certificates (PEM) as well
    #[arg(long, value_name = "FILE")]
    ca_bundle: Option<PathBuf>,

    /// Where a host is found: NAME=ADDRESS:PORT or *.SUFFIX=ADDRESS:PORT; may be given several times
    #[arg(long, value_name = "NAME=ADDRESS:PORT")]
    resolve: Vec<String>,
}

/// Options that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadInput {
    #[error("--proxy: {0}")]
    Proxy(#[from] InvalidProxy),
    #[error("--resolve: {0}")]
    Resolve(#[from] net::InvalidResolve),
    #[error("--ca-bundle: {0}")]
    Roots(#[from] net::RootsError),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

impl Asking {
    /// Who is asked instead of the registry that an image names.
    pub(crate) fn proxy(&self) -> Result<Option<Proxy>, BadInput> {
        Ok(self.proxy.as_deref().map(str::parse).transpose()?)
    }

    /// Where hosts are found and whom to trust.
    pub(crate) fn outgoing(&self) -> Result<net::Outgoing, BadInput> {
        let system = net::Roots::system();
        let roots = match &self.ca_bundle {
            Some(bundle) => system.with_bundle(bundle)?,
            None => system,
        };
        let resolve = net::Resolve::parse(&self.resolve)?;
        Ok(net::Outgoing { resolve, roots })
    }

    /// Where the login for an image is looked for.
    pub(crate) fn search<'a>(
        &'a self,
        image: &'a ImageReference,
        proxy: Option<&'a Proxy>,
        variable: &'a dyn Fn(&str) -> Option<String>,
    ) -> Search<'a> {
        Search {
            username: self.username.clone(),
            role: self.role_arn.as_ref(),
            from_stdin: self.password_stdin,
            image,
            proxy,
            variable,
        }
    }

    /// The login for each of several images. What standard input has is for all of them.
    pub(crate) fn logins(
        &self,
        images: &[ImageReference],
        proxy: Option<&Proxy>,
        stdin: impl Read,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Vec<Option<Credentials>>, BadInput> {
        let search = |image| self.search(image, proxy, variable);
        match images.first() {
            Some(image) if self.password_stdin => Ok(vec![search(image).find(stdin)?; images.len()]),
            _ => Ok(images
                .iter()
                .map(|image| search(image).find(io::empty()))
                .collect::<Result<_, _>>()?),
        }
    }
}

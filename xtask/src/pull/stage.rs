//! What measures find when they begin: a simulated AWS, and a folder that goes when they end.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tempfile::TempDir;

use super::aws::{Aws, Image};
use super::load::{Load, Outcome, Pace, Until};
use super::ours::Installation;
use super::server::Server;
use super::tls::Certificate;
use super::usage::processor_time;
use super::{Options, distribution, nginx};
use crate::children::Children;

#[derive(Debug)]
pub(crate) struct Stage<'a> {
    pub(crate) options: &'a Options,
    pub(crate) aws: Aws,
    pub(crate) certificate: Certificate,
    program: PathBuf,
    children: &'a Children,
    /// Last, so that nobody uses it any more when it goes.
    folder: TempDir,
}

/// Servers that are measured in turn, ourselves first.
#[derive(Debug)]
pub(crate) struct Servers {
    pub(crate) all: Vec<Server>,
    /// After the servers, which come to the registry through it.
    _door: Option<super::process::Process>,
}

/// An outcome, and what it cost the server.
#[derive(Debug)]
pub(crate) struct Cost {
    pub(crate) outcome: Outcome,
    pub(crate) processor: Duration,
}

impl Servers {
    /// Without docker-registry, which is no measure for blobs: it is told apart by its rates of manifests.
    pub(crate) fn without_slow(mut self) -> Self {
        self.all.retain(|server| server.name != SLOW);
        self
    }
}

/// Whose rates are so far from ours that only those of manifests are compared.
pub(crate) const SLOW: &str = "docker-registry";

impl Cost {
    /// Seconds of processor time for each request.
    pub(crate) fn a_request(&self) -> f64 {
        let requests = self.outcome.requests as f64;
        self.processor.as_secs_f64() / requests
    }
}

impl<'a> Stage<'a> {
    pub(crate) fn set(program: &Path, options: &'a Options, children: &'a Children) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("wharfinger-bench-").tempdir()?;
        Ok(Self {
            aws: Aws::start(program, folder.path())?,
            certificate: Certificate::create(folder.path())?,
            program: program.to_owned(),
            options,
            children,
            folder,
        })
    }

    /// A folder of its own for something that is used once.
    pub(crate) fn folder(&self) -> Result<TempDir> {
        Ok(tempfile::tempdir_in(self.folder.path())?)
    }

    /// An installation of ours with nothing in its cache.
    pub(crate) fn installation(&self, folder: &Path) -> Result<Installation> {
        Installation::create(&self.program, folder, &self.aws, 0)
    }

    /// The same with further upstreams.
    pub(crate) fn crowded_installation(&self, folder: &Path, further_upstreams: usize) -> Result<Installation> {
        Installation::create(&self.program, folder, &self.aws, further_upstreams)
    }

    /// Ourselves by plain HTTP, and the others unless they are to be left out; with nothing in their caches.
    pub(crate) fn servers(&self, folder: &Path) -> Result<Servers> {
        self.servers_with(folder, &self.installation(folder)?)
    }

    /// The same with an installation of ours that is there.
    pub(crate) fn servers_with(&self, folder: &Path, ours: &Installation) -> Result<Servers> {
        let mut all = vec![ours.serve(&self.aws, None)?];
        let mut door = None;
        if !self.options.skip_peers {
            let (process, address) = nginx::door(folder, &self.aws)?;
            door = Some(process);
            all.push(nginx::cache(folder, address, &self.certificate)?);
            all.push(distribution::start(folder, address)?);
        }
        Ok(Servers { all, _door: door })
    }

    /// How long each server is measured in a round.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(self.options.seconds)
    }

    /// Asks for each of these once, so that the cache has it.
    pub(crate) fn warm(&self, server: &Server, requests: &[Vec<u8>]) -> Result<()> {
        for request in requests {
            self.once(server, request, 1)?;
        }
        Ok(())
    }

    /// So many clients ask for the same at the same time, once.
    pub(crate) fn once(&self, server: &Server, request: &[u8], clients: usize) -> Result<Cost> {
        let load = Load {
            address: server.address,
            requests: vec![request.to_vec()],
            connections: clients,
            pace: Pace::Closed,
            until: Until::Once,
        };
        self.measure(server, &load)
    }

    /// Carries out a load, and fails where a signal asked this program to end.
    pub(crate) fn measure(&self, server: &Server, load: &Load) -> Result<Cost> {
        self.interruption()?;
        let before = processor_time(server.process.id())?;
        let outcome = load
            .run()
            .map_err(|error| error.context(format!("{} failed; it logged:\n{}", server.name, server.process.log())))?;
        let processor = processor_time(server.process.id())?.saturating_sub(before);
        Ok(Cost { outcome, processor })
    }

    /// Fails where a signal asked this program to end.
    pub(crate) fn interruption(&self) -> Result<()> {
        if self.children.signal().is_some() {
            bail!("interrupted");
        }
        Ok(())
    }

    /// Tells those who wait what has been done.
    pub(crate) fn tell(&self, begun: Instant, text: &str) {
        println!("  {:>6.1} s  {text}", begun.elapsed().as_secs_f64());
    }

    pub(crate) fn push(&self, tag: &'static str, layers: &[u64]) -> Result<Image> {
        self.aws.push(tag, layers)
    }
}

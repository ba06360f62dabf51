//! Trouble on demand: what rules and networks do to calls, and that they leave all others alone.

mod bodies;
mod calls;
mod connections;
mod issuers;
mod network;
mod rules;

use std::{error::Error, io};

use oci::Digest;
use sim::Fault;

use crate::{
    images::Image,
    stage::{ACCOUNT, Answer, Stage},
};

impl Stage {
    /// Adds a rule.
    #[track_caller]
    fn trouble(&self, json: &str) {
        self.sim.add_fault(json.parse::<Fault>().unwrap()).unwrap();
    }

    /// How many calls a rule struck.
    fn struck(&self, id: &str) -> u64 {
        let faults = self.sim.faults();
        faults.iter().find(|status| status.fault.id() == id).unwrap().struck
    }

    async fn fetch(&self, url: &str) -> Answer {
        self.send(self.get(url).build().unwrap()).await
    }

    async fn fetch_from(&self, url: &str, first: usize) -> Answer {
        let request = self.get(url).header("range", format!("bytes={first}-"));
        self.send(request.build().unwrap()).await
    }
}

/// A stage with a pushed image, the login of its owner, and the URL of the image's layer.
async fn pushed() -> (Stage, Image, String, String) {
    let stage = Stage::furnished().await;
    let login = stage.root_login(ACCOUNT).await;
    let image = Image::new(1);
    stage.push(&login, "team/app", &image).await;
    let url = stage.layer_url(&login, "team/app", &Digest::of(&image.layer)).await;
    (stage, image, login, url)
}

/// The kind of the I/O error at the bottom of a client's error.
fn bottom(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let here = error.downcast_ref::<io::Error>().map(io::Error::kind);
    error.source().and_then(bottom).or(here)
}

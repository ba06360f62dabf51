//! Whoever is refused waits for the repository's policy only a short while.

use std::{io::ErrorKind, sync::Arc, time::Duration};

use aws::{Broker, Endpoints, Login, Pass, Refusal, RegistryHost, Settings, explain_refusal};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use oci::RepositoryName;
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    time::{Instant, pause},
};

use crate::nowhere::{Nowhere, caller, client};

const HOST: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
/// So many may ask at the same time.
const TURNS: usize = 4;
/// Far less than the three tries that a login has.
const PATIENCE: Duration = Duration::from_secs(3);

/// An API of ECR that takes every connection and says nothing.
struct Silent {
    listener: TcpListener,
    broker: Broker,
    host: RegistryHost,
    login: Login,
}

impl Silent {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let settings = Settings {
            endpoints: Endpoints {
                ecr: Some(url.parse().unwrap()),
                ..Endpoints::default()
            },
            ..Settings::default()
        };
        let broker = Broker::new(settings, client(Nowhere::default()), Timestamp::now);
        let host: RegistryHost = HOST.parse().unwrap();
        let made_at = Timestamp::now();
        let session = broker.session(&caller(Vec::new()), &host).await.unwrap();
        let login = Login {
            principal: "arn:aws:sts::111122223333:assumed-role/pull/s".into(),
            pass: Pass::Basic {
                username: "AWS".into(),
                password: "x".into(),
            },
            session: Some(Arc::new(session)),
            made_at,
            expires_at: made_at + SignedDuration::from_hours(1),
        };
        Self {
            listener,
            broker,
            host,
            login,
        }
    }

    /// Asks for the explanation of a pull's refusal. It has to be the one that needs no policy.
    async fn explain(&self, repository: &str) {
        let repository: RepositoryName = repository.parse().unwrap();
        let body = br#"{"errors":[{"code":"DENIED","message":"Not Authorized"}]}"#;
        let refusal = Refusal {
            host: &self.host,
            repository: &repository,
            wanted: "manifest 1",
            principal: &self.login.principal,
            status: 403,
            body,
        };
        let error = self.broker.explain(&caller(Vec::new()), &self.login, refusal).await;
        assert_eq!(error.to_string(), explain_refusal(refusal).to_string());
    }

    /// Takes connections until on so many of them something was said, and lets time fly from then on.
    async fn listen(&self, count: usize) -> Vec<TcpStream> {
        let mut connections = Vec::new();
        while connections.len() < count {
            let (mut connection, _) = self.listener.accept().await.unwrap();
            connection.read_u8().await.unwrap();
            connections.push(connection);
        }
        pause();
        connections
    }

    fn assert_nobody_else_came(self) {
        let error = self.listener.into_std().unwrap().accept().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
}

#[tokio::test]
async fn a_policy_that_is_not_told_is_asked_for_once_and_not_for_long() {
    let silent = Silent::new().await;
    let begun = Instant::now();
    let (_connections, ()) = tokio::join!(silent.listen(1), silent.explain("team/app"));
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());

    let begun = Instant::now();
    silent.explain("team/app").await;
    assert_eq!(begun.elapsed(), Duration::ZERO, "there is no policy to wait for");
    silent.assert_nobody_else_came();
}

#[tokio::test]
async fn many_who_are_refused_at_once_wait_no_longer_than_one() {
    let silent = Silent::new().await;
    let names: Vec<_> = (0..20).map(|at| format!("team/app-{}", at / 2)).collect();
    let begun = Instant::now();
    let explanations = join_all(names.iter().map(|name| silent.explain(name)));
    let (_connections, _) = tokio::join!(silent.listen(TURNS), explanations);
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    silent.assert_nobody_else_came();
}

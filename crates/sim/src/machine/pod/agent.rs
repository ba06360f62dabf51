use std::{
    collections::BTreeMap,
    fs, io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderName, StatusCode, header};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Pod,
    token::{self, Bearer, TokenError, TokenKey},
};
use crate::{
    clock::{earlier, iso},
    exchange::{Inbound, Response, respond, set_header},
    machine::{
        Endpoint, Frame, MachineError, Running, fingerprint, hex,
        session::{Assumption, Deliveries, Delivery},
    },
    trail::Entry,
    world::World,
};

/// Where a pod finds the agent.
pub(in crate::machine) const ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 23);

const PATH: &str = "/v1/credentials";
const TEXT: &str = "text/plain; charset=utf-8";

/// The agent keeps credentials for three of their six hours.
const SPARE: Duration = Duration::from_hours(3);

/// How often is looked whether the pod needs a new token. The kubelet replaces one when a fifth of its life is left.
const KUBELET_ROUND: Duration = Duration::from_secs(10);

/// What answers the processes of a pod.
pub(in crate::machine) struct Agent {
    role: String,
    cluster_arn: String,
    cluster: String,
    bearer: Bearer,
    key: Arc<TokenKey>,
    token_file: PathBuf,
    /// When the file was written last.
    projected: Mutex<Option<Timestamp>>,
    deliveries: Deliveries,
}

impl Agent {
    pub(in crate::machine) fn new(
        pod: &Pod,
        frame: &Frame,
        key: Arc<TokenKey>,
        dir: &Path,
    ) -> Result<Self, MachineError> {
        pod.check()?;
        fs::create_dir_all(dir).map_err(failed(dir))?;
        let dir = dir.canonicalize().map_err(failed(dir))?;
        let cluster_arn = format!("arn:aws:eks:{}:{}:cluster/{}", frame.region, frame.account, pod.cluster);
        let issuer = hex(&fingerprint(&cluster_arn)[..16]).to_uppercase();
        Ok(Self {
            role: pod.role.clone(),
            cluster: pod.cluster.clone(),
            bearer: Bearer {
                issuer: format!("https://oidc.eks.{}.amazonaws.com/id/{issuer}", frame.region),
                namespace: pod.namespace.clone(),
                service_account: pod.service_account.clone(),
                service_account_uid: frame.uuid("service account"),
                pod: frame.name.clone(),
                pod_uid: frame.uuid("pod"),
            },
            cluster_arn,
            key,
            token_file: dir.join("eks-pod-identity-token"),
            projected: Mutex::default(),
            deliveries: Deliveries::default(),
        })
    }

    /// As EKS's webhook sets them for the containers of a pod.
    pub(in crate::machine) fn environment(&self, frame: &Frame) -> Vec<(&'static str, String)> {
        vec![
            (
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                format!("http://{}{PATH}", frame.address),
            ),
            (
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                self.token_file.to_string_lossy().into_owned(),
            ),
            ("AWS_STS_REGIONAL_ENDPOINTS", "regional".to_owned()),
            ("AWS_REGION", frame.region.to_string()),
            ("AWS_DEFAULT_REGION", frame.region.to_string()),
        ]
    }

    /// Gives the pod a new token, as a file, where the one that it has is about to end.
    pub(in crate::machine) fn project(&self, now: Timestamp) -> Result<(), MachineError> {
        let mut projected = self.projected.lock().unwrap_or_else(PoisonError::into_inner);
        if projected.is_some_and(|then| then > earlier(now, token::LIFETIME * 4 / 5)) {
            return Ok(());
        }
        let token = self.key.mint(&self.bearer.claims(now));
        // Replaced as a whole, and for nobody else to read.
        let dir = self.token_file.parent().unwrap_or(Path::new("."));
        tempfile::NamedTempFile::new_in(dir)
            .and_then(|mut file| {
                io::Write::write_all(&mut file, token.expose_secret().as_bytes())?;
                file.persist(&self.token_file)?;
                Ok(())
            })
            .map_err(failed(&self.token_file))?;
        *projected = Some(now);
        Ok(())
    }

    /// The agent looks at the path alone, not at the method.
    pub(in crate::machine) fn answer(
        &self,
        world: &World,
        frame: &Frame,
        inbound: &Inbound,
        entry: &mut Entry,
    ) -> Response {
        if inbound.parts.uri.path() != PATH {
            entry.failed("NotFound", "the path is not the one of credentials");
            return respond(StatusCode::NOT_FOUND, TEXT, "404 page not found\n");
        }
        entry.call.resource = Some(self.cluster_arn.clone());
        let token = inbound.header(header::AUTHORIZATION).unwrap_or_default();
        if let Err(error) = self.bearer.check(&self.key, token, world.clock.now()) {
            return refused(&error, entry);
        }
        match self.deliveries.current(world, SPARE, &self.assumption(frame)) {
            Ok(delivery) => {
                entry.call.principal = Some(delivery.principal.clone());
                respond(StatusCode::OK, "application/json", document(frame, &delivery))
            }
            Err(reason) => {
                let response = refused(&TokenError::Denied, entry);
                entry.failed("AccessDeniedException", &reason.to_string());
                response
            }
        }
    }

    fn assumption<'a>(&'a self, frame: &'a Frame) -> Assumption<'a> {
        // Names are cut so that the whole fits into the 64 characters of a session name.
        let (cluster, pod) = (&self.cluster, &self.bearer.pod);
        let session_name = format!("eks-{cluster:.10}-{pod:.10}-{}", Uuid::new_v4());
        // "Grant Pods access to AWS resources based on tags": all six are transitive.
        let tags = [
            ("eks-cluster-arn", &self.cluster_arn),
            ("eks-cluster-name", cluster),
            ("kubernetes-namespace", &self.bearer.namespace),
            ("kubernetes-service-account", &self.bearer.service_account),
            ("kubernetes-pod-name", pod),
            ("kubernetes-pod-uid", &self.bearer.pod_uid),
        ];
        Assumption {
            service: "pods.eks.amazonaws.com",
            account: frame.account,
            region: &frame.region,
            role: &self.role,
            session_name,
            tags: BTreeMap::from(tags.map(|(key, value)| (key.to_owned(), value.clone()))),
            source: Some(self.cluster_arn.clone()),
        }
    }
}

/// Does what the kubelet does for a pod: it has a token that is good, until the end of this AWS.
pub(in crate::machine) async fn keep_token(machine: Running, world: Arc<World>, ending: CancellationToken) {
    let Endpoint::Pod(agent) = &machine.0.endpoint else {
        return;
    };
    while ending
        .run_until_cancelled(tokio::time::sleep(KUBELET_ROUND))
        .await
        .is_some()
    {
        if let Err(error) = agent.project(world.clock.now()) {
            tracing::warn!(%error, "a pod has no new token");
        }
    }
}

fn document(frame: &Frame, delivery: &Delivery) -> String {
    let credentials = &delivery.credentials;
    json!({
        "AccessKeyId": credentials.key_id,
        "SecretAccessKey": credentials.secret.expose_secret(),
        "Token": credentials.token.expose_secret(),
        "AccountId": frame.account.as_str(),
        "Expiration": iso(credentials.expires),
    })
    .to_string()
}

/// What a path asks for.
pub(in crate::machine) fn action(path: &str) -> Option<&'static str> {
    (path == PATH).then_some("eks-auth:AssumeRoleForPodIdentity")
}

/// The agent's own refusals are a sentence; those of EKS come with the id of the request and the error's code.
fn refused(refusal: &TokenError, entry: &mut Entry) -> Response {
    let message = refusal.to_string();
    match refusal.code() {
        Some(code) => {
            entry.failed(code, &message);
            error(StatusCode::BAD_REQUEST, code, &message, &entry.call.request_id)
        }
        None => {
            entry.failed("RequestValidationError", &message);
            text(StatusCode::BAD_REQUEST, &message)
        }
    }
}

/// An error of EKS as the agent passes it on.
pub(crate) fn error(status: StatusCode, code: &str, message: &str, request_id: &str) -> Response {
    let whose = if status.is_server_error() { "server" } else { "client" };
    text(status, &format!("[{request_id}]: ({code}): {message}, fault: {whose}"))
}

fn text(status: StatusCode, line: &str) -> Response {
    let mut response = respond(status, TEXT, format!("{line}\n"));
    let no_guess = HeaderName::from_static("x-content-type-options");
    set_header(&mut response, no_guess, "nosniff");
    response
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> MachineError {
    let path = path.to_owned();
    move |error| MachineError::Disk { path, error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::later, host::Region};

    fn frame() -> Frame {
        Frame {
            name: "web-0".into(),
            account: "111122223333".parse().unwrap(),
            region: Region::us_east_1(),
            address: ([127, 0, 0, 1], 80).into(),
        }
    }

    #[test]
    fn the_token_is_replaced_when_a_fifth_of_its_life_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let key = Arc::new(TokenKey::generate());
        let agent = Agent::new(&Pod::new("puller"), &frame(), key, dir.path()).unwrap();
        let start = "2026-11-20T12:00:00Z".parse::<Timestamp>().unwrap();
        let projected = |now| {
            agent.project(now).unwrap();
            let token = fs::read_to_string(&agent.token_file).unwrap();
            agent.bearer.check(&agent.key, &token, now).unwrap();
            token
        };
        let first = projected(start);
        assert_eq!(projected(later(start, Duration::from_hours(19))), first);
        let second = projected(later(start, token::LIFETIME * 4 / 5));
        assert_ne!(second, first);
        assert_eq!(projected(later(start, token::LIFETIME)), second);
    }

    #[test]
    fn session_names_fit() {
        let dir = tempfile::tempdir().unwrap();
        let pod = Pod::new("puller").cluster("c".repeat(100));
        let agent = Agent::new(&pod, &frame(), Arc::new(TokenKey::generate()), dir.path()).unwrap();
        let name = agent.assumption(&frame()).session_name;
        assert!(name.starts_with("eks-cccccccccc-web-0-"), "{name}");
        assert!(name.len() <= 64);
    }
}

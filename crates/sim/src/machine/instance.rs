//! The instance metadata service (IMDS) of an EC2 instance.

mod facts;
pub(super) mod page;
mod profile;
mod token;
mod tree;

use std::{collections::BTreeMap, net::Ipv4Addr, num::NonZeroU8, time::Duration};

use http::{Method, StatusCode, header};
use jiff::Timestamp;
use secrecy::ExposeSecret;

use self::{
    facts::Facts,
    page::{Refused, document},
    profile::{Association, Profile},
    token::{TTL, Token},
    tree::Leaf,
};
use super::{
    Frame, MachineError,
    session::{Assumption, Deliveries},
};
use crate::{
    clock::iso,
    exchange::{Inbound, Response, respond, set_header},
    trail::Entry,
    world::World,
};

/// Where an instance finds the service.
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

const TOKEN_PATH: &str = "/latest/api/token";
const CREDENTIALS_PATH: &str = "/latest/meta-data/iam/security-credentials/";
const PLAIN: &str = "text/plain";

/// What is left of credentials when new ones come; at least five minutes are documented ("Retrieve security credentials
/// from instance metadata").
const SPARE: Duration = Duration::from_hours(1);

/// An EC2 instance, with the metadata options that it was launched with.
#[derive(Clone, Debug)]
pub struct Instance {
    profile: Option<Profile>,
    imds_v1: bool,
    hop_limit: u8,
    enabled: bool,
    instance_type: String,
}

/// What answers the processes of an instance.
pub(super) struct Metadata {
    imds_v1: bool,
    enabled: bool,
    hop_limit: NonZeroU8,
    facts: Facts,
    association: Option<Association>,
    deliveries: Deliveries,
}

impl Instance {
    /// An instance without a profile that demands tokens (IMDSv2).
    pub fn new() -> Self {
        Self {
            profile: None,
            imds_v1: false,
            hop_limit: 1,
            enabled: true,
            instance_type: "t3.micro".to_owned(),
        }
    }

    /// Gives it an instance profile of its account, by name. Until there is one, it is an instance without a profile.
    #[must_use]
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.profile = Some(Profile::Named(name.into()));
        self
    }

    /// Gives it a profile that has a role of its account, and the role's name, as the console of AWS makes them. The
    /// role must trust `ec2.amazonaws.com`.
    #[must_use]
    pub fn role(mut self, name: impl Into<String>) -> Self {
        self.profile = Some(Profile::OfRole(name.into()));
        self
    }

    /// Whether it answers without a token too (IMDSv1, `HttpTokens=optional`).
    #[must_use]
    pub fn imds_v1(mut self, allowed: bool) -> Self {
        self.imds_v1 = allowed;
        self
    }

    /// How many hops a token goes, 1 to 64 (`HttpPutResponseHopLimit`): the IP time-to-live of the packets.
    #[must_use]
    pub fn hop_limit(mut self, hops: u8) -> Self {
        self.hop_limit = hops;
        self
    }

    /// Whether there is a metadata service at all (`HttpEndpoint`).
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// What it says of its type; `t3.micro`, where nothing is said.
    #[must_use]
    pub fn instance_type(mut self, name: impl Into<String>) -> Self {
        self.instance_type = name.into();
        self
    }
}

impl Default for Instance {
    fn default() -> Self {
        Self::new()
    }
}

impl Metadata {
    pub(super) fn new(options: &Instance, frame: &Frame, launched: Timestamp) -> Result<Self, MachineError> {
        let hop_limit = NonZeroU8::new(options.hop_limit)
            .filter(|hops| hops.get() <= 64)
            .ok_or_else(|| MachineError::Invalid {
                what: "hop limit",
                value: options.hop_limit.to_string(),
                expected: "1 to 64 are expected",
            })?;
        Ok(Self {
            imds_v1: options.imds_v1,
            enabled: options.enabled,
            hop_limit,
            facts: Facts::of(frame, &options.instance_type, launched),
            association: options
                .profile
                .clone()
                .map(|profile| Association::new(profile, launched)),
            deliveries: Deliveries::default(),
        })
    }

    /// Each answer ends its connection, as it does on AWS; so the hop limit of a token is that of nothing else.
    pub(super) fn answer(&self, world: &World, frame: &Frame, inbound: &Inbound, entry: &mut Entry) -> Response {
        let answered = self.respond(world, frame, inbound, entry);
        let mut response = answered.unwrap_or_else(|refused| {
            entry.failed(refused.code(), refused.reason);
            page::page(refused.status)
        });
        set_header(&mut response, header::SERVER, page::SERVER);
        set_header(&mut response, header::ACCEPT_RANGES, "none");
        set_header(&mut response, header::CONNECTION, "close");
        response
    }

    fn respond(&self, world: &World, frame: &Frame, inbound: &Inbound, entry: &mut Entry) -> Result<Response, Refused> {
        if !self.enabled {
            return Err(Refused::new(StatusCode::FORBIDDEN, "the metadata service is disabled"));
        }
        let now = world.clock.now();
        let path = inbound.parts.uri.path();
        entry.asked_for(path);
        if path == TOKEN_PATH {
            if inbound.parts.method != Method::PUT {
                return Ok(not_allowed("OPTIONS, PUT"));
            }
            return self.token(world, inbound, now);
        }
        if inbound.parts.method != Method::GET && inbound.parts.method != Method::HEAD {
            return Ok(not_allowed("OPTIONS, GET, HEAD"));
        }
        let left = match inbound.header(token::HEADER) {
            Some(text) => Some(
                Token::open(&world.seal, text)
                    .and_then(|token| token.left(&self.facts.instance_id, now))
                    .ok_or(Refused::new(
                        StatusCode::UNAUTHORIZED,
                        "the token is not one of this instance, or has expired",
                    ))?,
            ),
            None if self.imds_v1 => None,
            None => return Err(Refused::new(StatusCode::UNAUTHORIZED, "a token is required")),
        };
        let state = self
            .association
            .as_ref()
            .and_then(|association| association.state(world, frame));
        let leaf = tree::find(&self.facts, state.as_ref(), path)
            .ok_or(Refused::new(StatusCode::NOT_FOUND, "there is nothing of this name"))?;
        let body = match leaf {
            Leaf::Text(text) => text,
            Leaf::Credentials(role) => self.credentials(world, frame, &role, entry),
        };
        let mut response = respond(StatusCode::OK, PLAIN, body);
        if let Some(left) = left {
            set_header(&mut response, TTL, &left.to_string());
        }
        Ok(response)
    }

    fn token(&self, world: &World, inbound: &Inbound, now: Timestamp) -> Result<Response, Refused> {
        if inbound.parts.headers.contains_key("x-forwarded-for") {
            // Whoever opened a proxy to the world has not opened it to tokens.
            return Err(Refused::new(
                StatusCode::FORBIDDEN,
                "X-Forwarded-For: the request came by a proxy",
            ));
        }
        let lifetime = inbound.header(TTL).and_then(token::lifetime);
        let lifetime = lifetime.ok_or(Refused::new(
            StatusCode::BAD_REQUEST,
            "X-aws-ec2-metadata-token-ttl-seconds is to be 1 to 21600",
        ))?;
        inbound.connection.limit_hops(self.hop_limit);
        let token = Token::new(&self.facts.instance_id, now, lifetime);
        let mut response = respond(StatusCode::OK, PLAIN, token.seal(&world.seal));
        set_header(&mut response, TTL, &lifetime.to_string());
        Ok(response)
    }

    /// The credentials of the role, or why there are none: both are documents with status 200.
    fn credentials(&self, world: &World, frame: &Frame, role: &str, entry: &mut Entry) -> String {
        let assumption = Assumption {
            service: "ec2.amazonaws.com",
            account: frame.account,
            region: &frame.region,
            role,
            session_name: self.facts.instance_id.clone(),
            tags: BTreeMap::new(),
            source: None,
        };
        match self.deliveries.current(world, SPARE, &assumption) {
            Ok(delivery) => {
                entry.call.principal = Some(delivery.principal.clone());
                let credentials = &delivery.credentials;
                document(&[
                    ("Code", "Success"),
                    ("LastUpdated", &iso(delivery.since)),
                    ("Type", "AWS-HMAC"),
                    ("AccessKeyId", &credentials.key_id),
                    ("SecretAccessKey", credentials.secret.expose_secret()),
                    ("Token", credentials.token.expose_secret()),
                    ("Expiration", &iso(credentials.expires)),
                ])
            }
            Err(reason) => {
                let code = "AssumeRoleUnauthorizedAccess";
                entry.failed(code, &reason.to_string());
                let message = format!("EC2 cannot assume the role {role}.  {}", page::ADVICE);
                let updated = iso(world.clock.now());
                document(&[("Code", code), ("Message", &message), ("LastUpdated", &updated)])
            }
        }
    }
}

/// What a path asks for.
pub(super) fn action(path: &str) -> &'static str {
    match path.strip_prefix(CREDENTIALS_PATH) {
        _ if path == TOKEN_PATH => "imds:GetToken",
        Some(role) if !role.is_empty() => "imds:GetCredentials",
        _ => "imds:GetMetadata",
    }
}

/// The environment variables by which SDKs find the service.
pub(super) fn environment(frame: &Frame) -> Vec<(&'static str, String)> {
    vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{}", frame.address))]
}

fn not_allowed(methods: &str) -> Response {
    let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "");
    set_header(&mut response, header::ALLOW, methods);
    response
}

//! What users may do at STS, and what managed policies and tags do to a session. The state is furnished by hand, so that
//! nothing of IAM is in between.

use std::collections::BTreeMap;

use iam::{AccountId, Kind};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{IssuerSettings, Issuers, assume_role, session_token};
use crate::{
    blobs::Blobs,
    certificate_chain::CertificateChains,
    clock::Clock,
    credential::entity_id,
    door::Door,
    exchange::Inbound,
    host::Region,
    identity::Identity,
    policy::{Wish, request_context},
    query::{Fault, Params},
    resolve::Hosts,
    sigv4::Signer,
    trail::{Decisions, Entry, Service},
    trouble::Trouble,
    world::{Account, Document, ManagedPolicy, Memory, Permissions, PolicyVersion, Role, User, World},
};

const ROLE: &str = "arn:aws:iam::111122223333:role/deploy";
const POLICY: &str = "arn:aws:iam::111122223333:policy/limits/push";
const USER: &str = "arn:aws:iam::111122223333:user/ci/pusher";

struct Bench {
    world: World,
    _dir: TempDir,
}

impl Bench {
    /// An account with the user `pusher`, who may do anything, the role `deploy`, which trusts the account and may do
    /// anything, and the managed policy `push`.
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::stopped_at("2026-11-20T12:00:00Z".parse().unwrap());
        let ending = CancellationToken::new();
        let trouble = Trouble::new(clock.clone(), ending.clone());
        let issuers = Issuers::new(&IssuerSettings::default(), clock.clone(), trouble.clone()).unwrap();
        let blobs = Blobs::open(dir.path()).await.unwrap();
        let world = World::new(
            clock,
            blobs,
            issuers,
            CertificateChains::new(&Hosts::default()).unwrap(),
            trouble,
            Memory::blank().unwrap(),
            ending,
        );
        let bench = Self { world, _dir: dir };
        bench.change(|account| {
            let created = "2026-11-20T11:00:00Z".parse().unwrap();
            let user = User {
                name: "pusher".into(),
                path: "/ci/".into(),
                id: entity_id("AIDA"),
                created,
                permissions: may("*", "*"),
                keys: Vec::new(),
            };
            let role = Role {
                name: "deploy".into(),
                path: "/".into(),
                id: entity_id("AROA"),
                created,
                description: None,
                max_session: 43_200,
                trust: document(
                    &json!({"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:*"}),
                    Kind::Trust,
                ),
                permissions: may("*", "*"),
            };
            let push = json!({"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*"});
            let version = PolicyVersion {
                document: document(&push, Kind::Identity),
                created,
            };
            let policy = ManagedPolicy {
                name: "push".into(),
                path: "/limits/".into(),
                id: entity_id("ANPA"),
                created,
                updated: created,
                description: None,
                default_version: 1,
                next_version: 2,
                versions: [(1, version)].into(),
                tags: BTreeMap::new(),
            };
            account.users.insert("pusher".into(), user);
            account.roles.insert("deploy".into(), role);
            account.policies.insert("push".into(), policy);
        });
        bench
    }

    fn change(&self, change: impl FnOnce(&mut Account)) {
        self.world.write(|state| change(state.account_mut(account())));
    }

    fn user(&self) -> Identity {
        let account = account();
        self.world.read(|state| {
            state
                .account(account)
                .unwrap()
                .user("pusher")
                .unwrap()
                .identity(account)
        })
    }

    fn assume(&self, caller: &Identity, more: &[(&str, &str)]) -> Result<(Identity, String), Fault> {
        let params = form(&[("RoleArn", ROLE), ("RoleSessionName", "hop")], more);
        let result = assume_role::assume(
            &self.world,
            &inbound(),
            &params,
            &Region::us_east_1(),
            caller,
            &mut self.entry(),
        )?;
        let printed = result.print();
        Ok((self.believe(&printed), element(&printed, "Expiration")))
    }

    fn session_token(&self, signer: Signer, more: &[(&str, &str)]) -> Result<(Identity, String), Fault> {
        let result = session_token::make(&self.world, &form(&[], more), signer, &mut self.entry())?;
        let printed = result.print();
        Ok((self.believe(&printed), element(&printed, "Expiration")))
    }

    /// Who signs with the credentials in an answer.
    fn believe(&self, answer: &str) -> Identity {
        let (id, token) = (element(answer, "AccessKeyId"), element(answer, "SessionToken"));
        let (secret, identity) = self.world.believe(&id, Some(&token)).unwrap();
        assert_eq!(secret.expose_secret(), element(answer, "SecretAccessKey"));
        identity
    }

    fn may(&self, identity: &Identity, action: &str) -> bool {
        let wish = Wish {
            identity,
            action,
            resource: "arn:aws:ecr:us-east-1:111122223333:repository/team/app",
            owner: account(),
            record: &Decisions::default(),
        };
        let context = request_context(&inbound(), &Region::us_east_1(), self.world.clock.now());
        self.world
            .read(|state| wish.judge(state, None, context))
            .decide()
            .is_ok()
    }

    fn entry(&self) -> Entry {
        let now = self.world.clock.now();
        self.world
            .trail
            .begin(now, "1".into(), Service::Sts, "sts.amazonaws.com", "POST /".into())
    }
}

fn account() -> AccountId {
    "111122223333".parse().unwrap()
}

fn document(statement: &Value, kind: Kind) -> Document {
    let policy = json!({"Version": "2012-10-17", "Statement": statement});
    Document::read(&policy.to_string(), kind).unwrap()
}

fn may(action: &str, resource: &str) -> Permissions {
    let statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
    Permissions {
        inline: [("permissions".to_owned(), document(&statement, Kind::Identity))].into(),
        ..Permissions::default()
    }
}

fn form(params: &[(&str, &str)], more: &[(&str, &str)]) -> Params {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params)
        .extend_pairs(more)
        .finish();
    Params::parse(None, form.as_bytes())
}

fn inbound() -> Inbound {
    Inbound {
        authority: "sts.us-east-1.amazonaws.com".into(),
        door: Door::Names,
        peer: "127.0.0.1:1".parse().unwrap(),
        connection: crate::wire::Connection::default(),
        parts: http::Request::new(()).into_parts().0,
        decisions: Decisions::default(),
    }
}

fn element(document: &str, name: &str) -> String {
    let (_, rest) = document.split_once(&format!("<{name}>")).unwrap();
    rest.split_once("</").unwrap().0.to_owned()
}

fn denied(action: &str) -> String {
    format!("User: {USER} is not authorized to perform: {action} on resource: {ROLE}")
}

#[tokio::test]
async fn a_user_may_have_a_session_as_long_as_the_role_allows() {
    let bench = Bench::new().await;
    let (session, expires) = bench.assume(&bench.user(), &[("DurationSeconds", "43200")]).unwrap();
    assert_eq!(session.arn(), "arn:aws:sts::111122223333:assumed-role/deploy/hop");
    assert_eq!(expires, "2026-11-21T00:00:00Z");
    bench.change(|account| account.role_mut("deploy").unwrap().max_session = 7200);
    let fault = bench.assume(&bench.user(), &[("DurationSeconds", "7201")]).unwrap_err();
    assert_eq!(
        fault.message,
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    );
    // From the session on it is chaining.
    assert!(bench.assume(&session, &[("DurationSeconds", "3600")]).is_ok());
    let fault = bench.assume(&session, &[("DurationSeconds", "3601")]).unwrap_err();
    assert!(fault.message.contains("role chaining"), "{}", fault.message);
}

#[tokio::test]
async fn a_user_must_be_allowed_to_assume_a_role() {
    let bench = Bench::new().await;
    bench.change(|account| account.users.get_mut("pusher").unwrap().permissions = may("sts:AssumeRole", "other"));
    assert_eq!(
        bench.assume(&bench.user(), &[]).unwrap_err().message,
        denied("sts:AssumeRole")
    );
    let deny = json!([
        {"Effect": "Allow", "Action": "sts:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "sts:TagSession", "Resource": ROLE},
    ]);
    bench.change(|account| {
        let permissions = &mut account.users.get_mut("pusher").unwrap().permissions;
        permissions.inline = [("permissions".to_owned(), document(&deny, Kind::Identity))].into();
    });
    assert!(bench.assume(&bench.user(), &[]).is_ok());
    let tag = [("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "red")];
    assert_eq!(
        bench.assume(&bench.user(), &tag).unwrap_err().message,
        format!(
            "{} with an explicit deny in an identity-based policy",
            denied("sts:TagSession")
        )
    );
}

#[tokio::test]
async fn a_policy_sees_the_tags_of_the_role_that_is_to_be_assumed() {
    let bench = Bench::new().await;
    let tagged = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/Stage": "test", "iam:ResourceTag/Stage": "test"}}});
    bench.change(|account| {
        let permissions = &mut account.users.get_mut("pusher").unwrap().permissions;
        permissions.inline = [("permissions".to_owned(), document(&tagged, Kind::Identity))].into();
    });
    assert!(bench.assume(&bench.user(), &[]).is_err());
    bench.change(|account| {
        let tags = &mut account.role_mut("deploy").unwrap().permissions.tags;
        tags.insert("Stage".into(), "test".into());
    });
    assert!(bench.assume(&bench.user(), &[]).is_ok());
}

#[tokio::test]
async fn a_session_tag_wins_over_the_roles() {
    let bench = Bench::new().await;
    bench.change(|account| {
        let role = account.role_mut("deploy").unwrap();
        role.permissions.tags = [("Team".to_owned(), "red".to_owned())].into();
        let blue = json!({"Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": {"ForAllValues:StringEquals": {"aws:PrincipalTag/Team": "blue"}}});
        role.permissions.inline = [("permissions".to_owned(), document(&blue, Kind::Identity))].into();
    });
    let (session, _) = bench.assume(&bench.user(), &[]).unwrap();
    assert!(!bench.may(&session, "ecr:PutImage"));
    let tag = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "blue")];
    let (session, _) = bench.assume(&bench.user(), &tag).unwrap();
    assert!(bench.may(&session, "ecr:PutImage"));
}

#[tokio::test]
async fn managed_policies_limit_a_session() {
    let bench = Bench::new().await;
    let (session, _) = bench.assume(&bench.user(), &[]).unwrap();
    assert!(bench.may(&session, "ecr:BatchGetImage"));
    let arns = [("PolicyArns.member.1.arn", POLICY)];
    let (session, _) = bench.assume(&bench.user(), &arns).unwrap();
    assert!(bench.may(&session, "ecr:PutImage"));
    assert!(!bench.may(&session, "ecr:BatchGetImage"));
    // They allow together with the document.
    let policy =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:BatchGetImage","Resource":"*"}}"#;
    let both = [("PolicyArns.member.1.arn", POLICY), ("Policy", policy)];
    let (session, _) = bench.assume(&bench.user(), &both).unwrap();
    assert!(bench.may(&session, "ecr:PutImage"));
    assert!(bench.may(&session, "ecr:BatchGetImage"));
    assert!(!bench.may(&session, "ecr:DeleteRepository"));
    for arn in [
        "arn:aws:iam::111122223333:policy/push",
        "arn:aws:iam::444455556666:policy/limits/push",
        "arn:aws:iam::aws:policy/NoSuchPolicyAnywhere",
    ] {
        let fault = bench
            .assume(&bench.user(), &[("PolicyArns.member.1.arn", arn)])
            .unwrap_err();
        assert!(
            fault
                .message
                .starts_with(&format!("The managed policy {arn} is not one of"))
        );
    }
}

#[tokio::test]
async fn a_users_session_is_the_user() {
    let bench = Bench::new().await;
    let signer = |is_temporary| Signer {
        identity: bench.user(),
        is_temporary,
    };
    for (more, end) in [
        (&[][..], "2026-11-21T00:00:00Z"),
        (&[("DurationSeconds", "129600")][..], "2026-11-22T00:00:00Z"),
        (&[("DurationSeconds", "900")][..], "2026-11-20T12:15:00Z"),
    ] {
        let (identity, expires) = bench.session_token(signer(false), more).unwrap();
        assert_eq!(expires, end);
        assert_eq!(identity, bench.user());
        assert_eq!(identity.arn(), USER);
        assert!(bench.may(&identity, "ecr:PutImage"));
        // It is no chaining: the user assumes the role.
        assert!(bench.assume(&identity, &[("DurationSeconds", "43200")]).is_ok());
    }
    let fault = bench.session_token(signer(true), &[]).unwrap_err();
    assert_eq!(fault.message, "Cannot call GetSessionToken with session credentials");
    // No policy can forbid it, and it is of no use where the user is gone.
    bench.change(|account| account.users.get_mut("pusher").unwrap().permissions = Permissions::default());
    let (identity, _) = bench.session_token(signer(false), &[]).unwrap();
    assert!(!bench.may(&identity, "ecr:PutImage"));
    bench.change(|account| account.users.clear());
    assert!(!bench.may(&identity, "ecr:PutImage"));
}

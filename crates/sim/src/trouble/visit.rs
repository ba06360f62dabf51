use http::Method;
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::{
    answer::Failure,
    body,
    effect::Effect,
    when::{Subject, Target},
};
use crate::{
    exchange::{BODY_TIME, Inbound, Response},
    host::Host,
    request_body::RequestBody,
    sigv4::Presented,
    trail::Entry,
    wire::{Connection, Severed},
    world::World,
};

/// The way of one call past the rules: to its service, and from there back to the client.
pub(crate) struct Visit<'v> {
    world: &'v World,
    connection: &'v Connection,
    inbound: &'v Inbound,
    target: Target,
    /// None where no rule is about the service.
    subject: Option<Subject>,
}

/// What becomes of a call before its service sees it.
pub(crate) enum Passage {
    /// It goes on to the service.
    Open(RequestBody),
    /// A rule answered it.
    Answered(Response),
}

impl<'v> Visit<'v> {
    /// A call comes in: whatever rules do before the service sees it happens here.
    pub(crate) async fn arrive(
        world: &'v World,
        connection: &'v Connection,
        host: &Host,
        inbound: &'v Inbound,
        mut body: RequestBody,
        entry: &mut Entry,
    ) -> Result<(Self, Passage), Severed> {
        let target = Target::of(host.service());
        let mut visit = Self {
            world,
            connection,
            inbound,
            target,
            subject: None,
        };
        if !world.trouble.is_about(target) {
            return Ok((visit, Passage::Open(body)));
        }
        // Whoever is too slow here is told so by the service, to which the body goes on.
        let within = if world.trouble.asks_for_content(target) {
            named_within(target)
        } else {
            0
        };
        let _ = timeout(BODY_TIME, body.look(within)).await;
        let subject = Subject::read(world, host, inbound, body.beginning());
        for blow in world.trouble.meet(&subject, |fault| !fault.what.is_of_body()) {
            entry.struck_by(&blow.id);
            let failure = match &blow.effect {
                Effect::Latency(latency) => {
                    visit.wait(Some(latency.drawn(blow.number))).await?;
                    continue;
                }
                Effect::Hang => {
                    // As long as the body is not read, nobody notices that the client has left.
                    while let Some(Ok(_)) = body.frame().await {}
                    visit.wait(None).await?;
                    continue;
                }
                Effect::Error(error) => Failure::of(error, target),
                Effect::Throttle(_) => Failure::throttled(target),
                _ => {
                    connection.close();
                    return Err(Severed);
                }
            };
            entry.call.action.clone_from(&subject.action);
            entry.call.account = subject.account.map(|account| account.to_string());
            entry.failed(&failure.code, &failure.message);
            let head = inbound.parts.method == Method::HEAD;
            let response = failure.answer(target, &entry.call.request_id, head);
            return Ok((visit, Passage::Answered(response)));
        }
        visit.subject = Some(subject);
        Ok((visit, Passage::Open(body)))
    }

    /// The answer goes out: what rules do to its body, and the network to it.
    pub(crate) async fn leave(self, mut response: Response, entry: &mut Entry) -> Result<Response, Severed> {
        let trouble = &self.world.trouble;
        if let Some((subject, part)) = self.subject.as_ref().zip(body::part(&response)) {
            let signature = (self.target == Target::LayerBucket)
                .then(|| Presented::from_query(self.inbound).ok())
                .flatten()
                .map(|presented| presented.signature);
            let events = |effect: &Effect| body::events(effect, &part, signature.as_deref());
            let blows = trouble.meet(subject, |fault| {
                fault.what.is_of_body() && !events(&fault.what).is_empty()
            });
            if !blows.is_empty() {
                blows.iter().for_each(|blow| entry.struck_by(&blow.id));
                let events = blows.iter().flat_map(|blow| events(&blow.effect)).collect();
                response = body::spoil(response, &part, events, self.connection, trouble);
            }
        }
        let network = trouble.network(self.target);
        if let Some(delay) = network.delay() {
            self.wait(Some(delay)).await?;
        }
        self.connection.begin_answer(network.rate());
        Ok(response)
    }

    async fn wait(&self, time: Option<std::time::Duration>) -> Result<(), Severed> {
        self.world
            .trouble
            .wait(time)
            .await
            .inspect_err(|_| self.connection.close())
    }
}

/// How many bytes of a request's body may have to be seen to know what it asks for.
fn named_within(target: Target) -> usize {
    match target {
        Target::Sts | Target::Iam => 1024 * 1024,
        // The parts of a layer are in the same document as the repository's name: 20 MiB at most, in Base64.
        Target::Ecr => 32 * 1024 * 1024,
        Target::Registry
        | Target::LayerBucket
        | Target::InstanceMetadata
        | Target::TaskCredentials
        | Target::PodIdentity
        | Target::Issuer => 0,
    }
}

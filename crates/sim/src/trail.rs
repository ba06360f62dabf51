use std::{
    collections::VecDeque,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::broadcast;

/// One call that reached this AWS, on whatever host. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Counts the calls since the start, from 1.
    pub number: u64,
    /// When the call came in.
    pub at: Timestamp,
    /// The id of the request; the answer's headers carry it where the protocol has a header for it.
    pub request_id: String,
    /// The service that the host name stands for.
    pub service: Service,
    /// The host name that was asked for.
    pub host: String,
    /// What was asked, in the terms of IAM where it has one (`ecr:BatchGetImage`), else the method and the path.
    pub action: String,
    /// The account that owns the resource.
    pub account: Option<String>,
    /// The ARN of who asked, once known.
    pub principal: Option<String>,
    /// The ARN of what was asked for.
    pub resource: Option<String>,
    /// The answer's HTTP status; none while the call is being answered, or where the client left before that.
    pub status: Option<u16>,
    /// AWS's error code, where the answer is an error.
    pub error: Option<String>,
    /// AWS's message, where the answer is an error: for a denial, its reason.
    pub message: Option<String>,
    /// The fault rule that struck the call; where several did, their ids with commas between them.
    pub fault: Option<String>,
    /// What the policies were asked on the way to the answer, and what they said; and where STS refuses a web identity
    /// before it asks them, without telling the client why, the reason.
    pub decisions: Vec<Decision>,
    /// How long it took to answer, the body of the answer apart.
    pub latency_micros: Option<u64>,
}

/// A decision by policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// With the service's prefix: `ecr:BatchGetImage`.
    pub action: String,
    /// An ARN, or `*`.
    pub resource: String,
    /// Whether it is allowed.
    pub allowed: bool,
    /// Which statement of which policy it rests on, or what is lacking: a policy that allows it, the role, the key.
    pub reason: String,
}

/// The decisions on one call, while it is being answered. The first of them are kept: a call may name a hundred
/// repositories.
#[derive(Debug, Default)]
pub(crate) struct Decisions(Mutex<Vec<Decision>>);

/// The services that are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Service {
    /// Security Token Service.
    Sts,
    /// Identity and Access Management.
    Iam,
    /// The API of the Elastic Container Registry.
    Ecr,
    /// The registry that clients push to and pull from.
    Registry,
    /// The bucket that the registry redirects blob downloads to.
    LayerBucket,
    /// The instance metadata service of an EC2 instance.
    InstanceMetadata,
    /// The credentials endpoint of an ECS task.
    TaskCredentials,
    /// The EKS Pod Identity Agent.
    PodIdentity,
}

/// All calls in the order in which they came in. The oldest are dropped beyond [`Trail::CAPACITY`], and still counted.
#[derive(Clone)]
pub(crate) struct Trail(Arc<Mutex<Record>>);

struct Record {
    calls: VecDeque<Call>,
    count: u64,
    /// Whoever wants to know of calls when they have been answered.
    followers: broadcast::Sender<Arc<Call>>,
}

/// A call that is being answered. It enters the trail when it comes in and is completed when this is dropped, so that a
/// client that leaves early is on record too.
pub(crate) struct Entry {
    trail: Trail,
    began: Instant,
    pub(crate) call: Call,
}

impl Call {
    /// Whether the call was answered without an error.
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status < 400)
    }
}

impl Decisions {
    const CAPACITY: usize = 16;

    pub(crate) fn note(&self, action: &str, resource: &str, allowed: bool, reason: &str) {
        let mut decisions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if decisions.len() < Self::CAPACITY {
            decisions.push(Decision {
                action: shortened(action),
                resource: shortened(resource),
                allowed,
                reason: shortened(reason),
            });
        }
    }

    pub(crate) fn take(&self) -> Vec<Decision> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Service {
    /// The name that IAM's actions begin with; `imds` where IAM has none.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Iam => "iam",
            Self::Ecr | Self::Registry => "ecr",
            Self::LayerBucket => "s3",
            Self::InstanceMetadata => "imds",
            Self::TaskCredentials => "ecs",
            Self::PodIdentity => "eks-auth",
        }
    }
}

impl Trail {
    /// How many calls are kept.
    pub(crate) const CAPACITY: usize = 16_384;

    /// Records that a call came in.
    pub(crate) fn begin(
        &self,
        at: Timestamp,
        request_id: String,
        service: Service,
        host: &str,
        action: String,
    ) -> Entry {
        let mut record = self.record();
        record.count += 1;
        let call = Call {
            number: record.count,
            at,
            request_id,
            service,
            host: host.to_owned(),
            action: shortened(&action),
            account: None,
            principal: None,
            resource: None,
            status: None,
            error: None,
            message: None,
            fault: None,
            decisions: Vec::new(),
            latency_micros: None,
        };
        if record.calls.len() == Self::CAPACITY {
            record.calls.pop_front();
        }
        record.calls.push_back(call.clone());
        Entry {
            trail: self.clone(),
            began: Instant::now(),
            call,
        }
    }

    /// The calls that have been answered, and from now on each one that will be. Whoever reads slower than calls come
    /// in misses some, and is told so.
    pub(crate) fn follow(&self) -> (Vec<Call>, broadcast::Receiver<Arc<Call>>) {
        let record = self.record();
        let answered = record.calls.iter().filter(|call| call.latency_micros.is_some());
        (answered.cloned().collect(), record.followers.subscribe())
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.record().calls.iter().cloned().collect()
    }

    pub(crate) fn count(&self) -> u64 {
        self.record().count
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Notes what is asked for, in a client's own words.
    pub(crate) fn asked_for(&mut self, resource: &str) {
        self.call.resource = Some(shortened(resource));
    }

    /// Notes the error that the answer is going to be.
    pub(crate) fn failed(&mut self, code: &str, message: &str) {
        self.call.error = Some(code.to_owned());
        self.call.message = Some(shortened(message));
    }

    /// Notes that a fault rule struck the call.
    pub(crate) fn struck_by(&mut self, id: &str) {
        let ids = match self.call.fault.take() {
            None => id.to_owned(),
            Some(others) => format!("{others},{id}"),
        };
        self.call.fault = Some(shortened(&ids));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let latency = self.began.elapsed().as_micros();
        self.call.latency_micros = Some(u64::try_from(latency).unwrap_or(u64::MAX));
        let mut record = self.trail.record();
        if record.followers.receiver_count() > 0 {
            // It fails where the last follower has just left.
            let _ = record.followers.send(Arc::new(self.call.clone()));
        }
        let first = record.calls.front().map_or(0, |call| call.number);
        let Some(position) = self.call.number.checked_sub(first) else {
            return;
        };
        if let Some(slot) = usize::try_from(position)
            .ok()
            .and_then(|position| record.calls.get_mut(position))
        {
            slot.clone_from(&self.call);
        }
    }
}

impl Default for Trail {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Record {
            calls: VecDeque::new(),
            count: 0,
            followers: broadcast::Sender::new(FOLLOWED),
        })))
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sts => "STS",
            Self::Iam => "IAM",
            Self::Ecr => "ECR API",
            Self::Registry => "ECR registry",
            Self::LayerBucket => "layer bucket",
            Self::InstanceMetadata => "instance metadata",
            Self::TaskCredentials => "ECS credentials",
            Self::PodIdentity => "EKS Pod Identity",
        })
    }
}

/// How many calls a follower may be late.
const FOLLOWED: usize = 4096;

/// Some of what is recorded is what clients sent, and the record must not grow by their leave.
fn shortened(text: &str) -> String {
    text.chars().take(1024).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(trail: &Trail, action: &str) -> Entry {
        trail.begin(
            Timestamp::UNIX_EPOCH,
            String::new(),
            Service::Sts,
            "sts.amazonaws.com",
            action.to_owned(),
        )
    }

    #[test]
    fn calls_stand_in_the_order_of_their_arrival() {
        let trail = Trail::default();
        let mut first = begin(&trail, "first");
        let second = begin(&trail, "second");
        drop(second);
        assert_eq!(trail.calls()[0].status, None);
        first.call.status = Some(200);
        drop(first);
        let actions = trail
            .calls()
            .into_iter()
            .map(|call| (call.action, call.status))
            .collect::<Vec<_>>();
        assert_eq!(actions, [("first".to_owned(), Some(200)), ("second".to_owned(), None)]);
    }

    #[test]
    fn a_follower_sees_each_answered_call_once() {
        let trail = Trail::default();
        drop(begin(&trail, "past"));
        let under_way = begin(&trail, "under way");
        let (past, mut coming) = trail.follow();
        assert_eq!(past.len(), 1);
        assert_eq!(past[0].action, "past");
        drop(under_way);
        assert_eq!(coming.try_recv().unwrap().action, "under way");
        assert!(coming.try_recv().is_err());
        for _ in 0..FOLLOWED + 1 {
            begin(&trail, "later");
        }
        assert_eq!(
            coming.try_recv().unwrap_err(),
            broadcast::error::TryRecvError::Lagged(1)
        );
    }

    #[test]
    fn of_many_decisions_on_one_call_the_first_are_kept() {
        let decisions = Decisions::default();
        for number in 0..100 {
            let resource = format!("arn:aws:ecr:us-east-1:111122223333:repository/{number}");
            decisions.note("ecr:DescribeRepositories", &resource, true, &"x".repeat(5000));
        }
        let kept = decisions.take();
        assert_eq!(kept.len(), Decisions::CAPACITY);
        assert!(kept[0].resource.ends_with("/0"));
        assert_eq!(kept[0].reason.len(), 1024);
        assert!(decisions.take().is_empty());
    }

    #[test]
    fn the_oldest_calls_make_room() {
        let trail = Trail::default();
        let oldest = begin(&trail, "oldest");
        for _ in 0..Trail::CAPACITY {
            begin(&trail, "later");
        }
        drop(oldest);
        assert_eq!(trail.count(), Trail::CAPACITY as u64 + 1);
        assert_eq!(trail.calls().len(), Trail::CAPACITY);
        assert!(trail.calls().iter().all(|call| call.action == "later"));
    }
}

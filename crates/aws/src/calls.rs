use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// What became of the calls to AWS's APIs, counted since the broker was made. Each attempt counts.
#[derive(Debug, Default)]
pub struct Calls([[AtomicU64; Reply::ALL.len()]; Operation::ALL.len()]);

/// What is asked of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `sts:AssumeRoleWithWebIdentity`.
    AssumeRoleWithWebIdentity,
    /// `sts:AssumeRole`.
    AssumeRole,
    /// `ecr:GetAuthorizationToken`, and that of ECR Public.
    GetAuthorizationToken,
    /// `ecr:GetRepositoryPolicy`, to explain a refusal.
    GetRepositoryPolicy,
    /// What is asked on the way to the machine's own identity.
    Other,
}

/// How AWS replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// 2xx.
    Success,
    /// 3xx and 4xx: it is not allowed, too often, or wrong.
    Refused,
    /// 5xx.
    Failed,
    /// There was none.
    Nothing,
    /// It was not asked: the last calls found that endpoint down.
    HeldBack,
}

impl Operation {
    /// All that there are.
    pub const ALL: &[Self] = &[
        Self::AssumeRoleWithWebIdentity,
        Self::AssumeRole,
        Self::GetAuthorizationToken,
        Self::GetRepositoryPolicy,
        Self::Other,
    ];

    /// Its name, as in a metric.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AssumeRoleWithWebIdentity => "assume_role_with_web_identity",
            Self::AssumeRole => "assume_role",
            Self::GetAuthorizationToken => "get_authorization_token",
            Self::GetRepositoryPolicy => "get_repository_policy",
            Self::Other => "other",
        }
    }

    fn by_action(action: &str) -> Self {
        match action {
            "AssumeRoleWithWebIdentity" => Self::AssumeRoleWithWebIdentity,
            "AssumeRole" => Self::AssumeRole,
            "GetAuthorizationToken" => Self::GetAuthorizationToken,
            "GetRepositoryPolicy" => Self::GetRepositoryPolicy,
            _ => Self::Other,
        }
    }

    /// ECR's API has the operation in a header, STS in a form.
    fn of(request: &HttpRequest) -> Self {
        let target = request.headers().get("x-amz-target");
        let action = match target.and_then(|target| target.rsplit('.').next()) {
            Some(action) => Some(action),
            None => request
                .body()
                .bytes()
                .and_then(|body| str::from_utf8(body).ok())
                .and_then(|form| form.split('&').find_map(|field| field.strip_prefix("Action="))),
        };
        action.map_or(Self::Other, Self::by_action)
    }
}

impl Reply {
    /// All that there are.
    pub const ALL: &[Self] = &[
        Self::Success,
        Self::Refused,
        Self::Failed,
        Self::Nothing,
        Self::HeldBack,
    ];

    /// Its name, as in a metric.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Nothing => "none",
            Self::HeldBack => "held_back",
        }
    }

    pub(crate) const fn of(status: u16) -> Self {
        match status {
            200..=299 => Self::Success,
            500.. => Self::Failed,
            _ => Self::Refused,
        }
    }
}

/// A call under way. Where it is given up, there was no reply.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    calls: &'a Calls,
    operation: Operation,
    reply: Reply,
}

impl Calls {
    /// How many calls had each reply.
    pub fn counts(&self) -> impl Iterator<Item = (Operation, Reply, u64)> {
        Operation::ALL.iter().flat_map(move |&operation| {
            let counts = &self.0[operation as usize];
            Reply::ALL
                .iter()
                .map(move |&reply| (operation, reply, counts[reply as usize].load(Relaxed)))
        })
    }

    pub(crate) fn begin(&self, request: &HttpRequest) -> Call<'_> {
        Call {
            calls: self,
            operation: Operation::of(request),
            reply: Reply::Nothing,
        }
    }
}

impl Call<'_> {
    pub(crate) fn end(mut self, reply: Reply) {
        self.reply = reply;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.calls.0[self.operation as usize][self.reply as usize].fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn asking(target: Option<&'static str>, body: &'static str) -> HttpRequest {
        let mut request = HttpRequest::new(SdkBody::from(body));
        if let Some(target) = target {
            request.headers_mut().insert("x-amz-target", target);
        }
        request
    }

    #[test]
    fn an_operation_is_known_by_header_or_form() {
        let ecr = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
        for (target, body, operation) in [
            (Some(ecr), "{}", Operation::GetAuthorizationToken),
            (
                Some("SpencerFrontendService.GetAuthorizationToken"),
                "{}",
                Operation::GetAuthorizationToken,
            ),
            (
                None,
                "Action=AssumeRole&Version=2011-06-15&RoleArn=a",
                Operation::AssumeRole,
            ),
            (
                None,
                "Version=2011-06-15&Action=AssumeRoleWithWebIdentity",
                Operation::AssumeRoleWithWebIdentity,
            ),
            (None, "Action=GetCallerIdentity", Operation::Other),
            (None, "", Operation::Other),
        ] {
            assert_eq!(Operation::of(&asking(target, body)), operation, "{body}");
        }
    }

    #[test]
    fn a_call_that_is_given_up_had_no_reply() {
        let calls = Calls::default();
        let request = asking(None, "Action=AssumeRole");
        calls.begin(&request).end(Reply::of(403));
        drop(calls.begin(&request));
        let counted: Vec<_> = calls.counts().filter(|(_, _, count)| *count > 0).collect();
        assert_eq!(
            counted,
            [
                (Operation::AssumeRole, Reply::Refused, 1),
                (Operation::AssumeRole, Reply::Nothing, 1),
            ]
        );
    }
}

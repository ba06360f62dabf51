use aws_sdk_sts::types::Tag;

use super::Exchange;
use crate::{
    AwsError, Caller, RegistryHost, Session, Source,
    explain::{self, Failure, hop::Attempt},
};

impl Exchange {
    /// A session of the role at this place of the chain, for whoever the session before is.
    pub(super) async fn hop(
        &self,
        before: &Session,
        caller: &Caller,
        at: usize,
        host: &RegistryHost,
    ) -> Result<Session, AwsError> {
        let hop = &caller.chain.hops[at];
        let is_last = at + 1 == caller.chain.hops.len();
        let attempt = Attempt {
            before,
            from: caller.role_before(at),
            hop,
            is_tagged: !caller.tags.is_empty(),
            has_source_identity: caller.source_identity.is_some(),
        };
        let explain = |failure| self.timed(explain::hop::refused(attempt, host, &failure));
        let config = self.sts(host).credentials_provider(before.credentials.clone()).build();
        let mut request = aws_sdk_sts::Client::from_conf(config)
            .assume_role()
            .role_arn(hop.role_arn.as_str())
            .role_session_name(hop.session_name.as_ref().unwrap_or(&caller.session_name).as_str())
            .set_external_id(hop.external_id.clone())
            .set_duration_seconds(hop.duration.and_then(|duration| duration.as_secs().try_into().ok()));
        if is_last {
            request = request.set_policy(caller.session_policy.as_deref().map(str::to_owned));
        }
        // What a token says stays with the sessions that follow; a key says nothing, so its first session is told.
        if at == 0 && !matches!(caller.chain.source, Source::WebIdentity(_)) {
            request = request.set_source_identity(caller.source_identity.clone());
            for (key, value) in &caller.tags {
                let tag = Tag::builder().key(key).value(value).build();
                request = request
                    .tags(tag.map_err(|_| explain(Failure::incomplete("a tag")))?)
                    .transitive_tag_keys(key);
            }
        }
        let answer = request.send().await.map_err(|error| explain(Failure::of(&error)))?;
        let missing = |what| explain(Failure::incomplete(what));
        let user = answer.assumed_role_user().ok_or_else(|| missing("AssumedRoleUser"))?;
        let credentials = answer.credentials().ok_or_else(|| missing("Credentials"))?;
        self.assumed(user.arn(), credentials, "AssumeRole")
            .ok_or_else(|| missing("Expiration"))
    }
}

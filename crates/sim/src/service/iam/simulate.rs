//! What policies would say, as the crate `iam` understands them.

mod answer;
mod input;
mod scenario;

use super::{
    Answer, Call,
    entity::{Holder, Kind},
    fault::invalid_input,
    names::ARN,
    permission::Ask,
};
use crate::{
    query::{Fault, Pattern},
    xml::Element,
};

use input::Input;
use scenario::Scenario;

/// How much policy text may be evaluated for one page. IAM may return fewer results than were asked for.
const MAX_WORK: usize = 8 * 1024 * 1024;

/// `SimulatePrincipalPolicy`: what a user or a role may do, with its policies and more.
pub(super) fn principal(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let source = check.required("PolicySourceArn", ARN, Pattern::ANY);
    let input = Input::read(call.params, &mut check, false);
    check.finish()?;
    call.authorize(&Ask::on(source))?;
    let input = input.parse()?;
    let (holder, name) = principal_of(call, source)?;
    let account = call.account();
    let scenario = call.world.read(|state| {
        let permissions = state
            .account(account)
            .filter(|known| holder.arn(known, account, &name).as_deref() == Some(source))
            .and_then(|known| holder.permissions(known, &name));
        let permissions = permissions.ok_or_else(|| holder.kind().missing(&name))?;
        Scenario::of_principal(state, holder, &name, source, permissions, input)
    })?;
    answer(scenario, "SimulatePrincipalPolicyResult")
}

/// `SimulateCustomPolicy`: what somebody with these policies might do.
pub(super) fn custom(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let input = Input::read(call.params, &mut check, true);
    check.finish()?;
    call.authorize(&Ask::on("*"))?;
    answer(
        Scenario::of_policies(call.account(), input.parse()?)?,
        "SimulateCustomPolicyResult",
    )
}

fn answer(scenario: Scenario<'_>, result: &'static str) -> Answer {
    let most = (MAX_WORK / scenario.text_size().max(1)).clamp(1, 1000);
    let pages = scenario.input.pages.at_most(most);
    let pairs = scenario.input.pairs().enumerate();
    let page = pages.cut(
        pairs.map(|(at, pair)| (format!("{at:06}"), pair)),
        |(action, resource)| scenario.evaluate(action, resource).element(action, resource),
    )?;
    Ok(Some(page.write(Element::new(result), "EvaluationResults")))
}

/// The user or the role that an ARN of this account names.
fn principal_of(call: &Call<'_>, arn: &str) -> Result<(Holder, String), Fault> {
    let unclear = || {
        invalid_input(format!(
            "Invalid Entity Arn: {arn} does not clearly define entity type and name."
        ))
    };
    let resource = arn
        .strip_prefix(&format!("arn:aws:iam::{}:", call.account()))
        .ok_or_else(unclear)?;
    let (kind, path_and_name) = resource.split_once('/').ok_or_else(unclear)?;
    let name = path_and_name.rsplit('/').next().unwrap_or_default();
    let holder = match kind {
        "user" => Holder::User,
        "role" => Holder::Role,
        "group" => return Err(Fault::not_simulated("groups", "groups")),
        _ => return Err(unclear()),
    };
    if name.is_empty() {
        return Err(unclear());
    }
    Ok((holder, name.to_owned()))
}

impl Holder {
    fn arn(self, account: &crate::world::Account, id: ::iam::AccountId, name: &str) -> Option<String> {
        match self.kind() {
            Kind::User => Some(account.user(name)?.arn(id)),
            _ => Some(account.role(name)?.arn(id)),
        }
    }
}

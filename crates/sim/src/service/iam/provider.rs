use std::collections::BTreeMap;

use ::iam::{AccountId, OidcProviderArn};
use http::StatusCode;

use super::{Call, provider_url::parse_url};
use crate::{
    clock::iso,
    query::{Fault, Pattern, Validation},
    world::Provider,
    xml::Element,
};

const MAX_PROVIDERS: usize = 100;
const MAX_CLIENT_IDS: usize = 100;
const MAX_THUMBPRINTS: usize = 5;

/// `CreateOpenIDConnectProvider`
pub(super) fn create(call: &mut Call<'_>) -> Result<Option<Element>, Fault> {
    let mut check = Validation::of(call.params);
    let url = check.required("Url", 1..=255, Pattern::ANY);
    let client_ids = call.params.list("ClientIDList");
    for id in &client_ids {
        check.check("clientIDList", id, 1..=255, Pattern::ANY);
    }
    check.finish()?;
    call.refuse("Tags", "tags of providers")?;
    let thumbprints = call.params.list("ThumbprintList");
    if thumbprints.len() > MAX_THUMBPRINTS {
        return Err(invalid("Thumbprint list must contain fewer than 5 entries."));
    }
    if thumbprints.iter().any(|thumbprint| thumbprint.chars().count() != 40) {
        return Err(invalid("Thumbprint must be exactly 40 characters."));
    }
    if client_ids.len() > MAX_CLIENT_IDS {
        return Err(quota("ClientIdsPerOpenIdConnectProvider", MAX_CLIENT_IDS));
    }
    let provider = Provider {
        url: parse_url(url)?,
        client_ids: client_ids.into_iter().map(str::to_owned).collect(),
        thumbprints: thumbprints.into_iter().map(str::to_ascii_lowercase).collect(),
        created: call.now,
        tags: BTreeMap::new(),
    };
    let account = call.account();
    let arn = provider.arn(account);
    call.authorize(&arn)?;
    call.world.write(|state| {
        let providers = &mut state.account_mut(account).providers;
        if providers.contains_key(&provider.url) {
            return Err(Fault::new(
                StatusCode::CONFLICT,
                "EntityAlreadyExists",
                format!("Provider with url https://{} already exists.", provider.url),
            ));
        }
        if providers.len() >= MAX_PROVIDERS {
            return Err(quota("OpenIdConnectProvidersPerAccount", MAX_PROVIDERS));
        }
        providers.insert(provider.url.clone(), provider);
        Ok(())
    })?;
    let result =
        Element::new("CreateOpenIDConnectProviderResult").child(Element::text("OpenIDConnectProviderArn", arn));
    Ok(Some(result))
}

/// `GetOpenIDConnectProvider`
pub(super) fn show(call: &mut Call<'_>) -> Result<Option<Element>, Fault> {
    let (account, arn) = named(call)?;
    let provider = call
        .world
        .read(|state| {
            let providers = &state.account(account)?.providers;
            providers
                .values()
                .find(|provider| provider.arn(account) == arn)
                .cloned()
        })
        .ok_or_else(|| {
            Fault::new(
                StatusCode::NOT_FOUND,
                "NoSuchEntity",
                format!("OpenIDConnect Provider not found for arn {arn}"),
            )
        })?;
    let members = |texts: Vec<String>| texts.into_iter().map(|text| Element::text("member", text));
    let result = Element::new("GetOpenIDConnectProviderResult")
        .child(Element::text("Url", provider.url))
        .child(Element::text("CreateDate", iso(provider.created)))
        .child(Element::new("ClientIDList").children(members(provider.client_ids)))
        .child(Element::new("ThumbprintList").children(members(provider.thumbprints)));
    Ok(Some(result))
}

/// `ListOpenIDConnectProviders`
pub(super) fn list(call: &mut Call<'_>) -> Result<Option<Element>, Fault> {
    call.authorize("*")?;
    let account = call.account();
    let arns = call.world.read(|state| {
        let providers = state.account(account).map(|account| account.providers.values());
        providers
            .into_iter()
            .flatten()
            .map(|provider| provider.arn(account))
            .collect::<Vec<_>>()
    });
    let entries = arns
        .into_iter()
        .map(|arn| Element::new("member").child(Element::text("Arn", arn)));
    let list = Element::new("OpenIDConnectProviderList").children(entries);
    Ok(Some(Element::new("ListOpenIDConnectProvidersResult").child(list)))
}

/// `DeleteOpenIDConnectProvider`, which succeeds for one that is not there as well.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Option<Element>, Fault> {
    let (account, arn) = named(call)?;
    call.world.write(|state| {
        let providers = &mut state.account_mut(account).providers;
        providers.retain(|_, provider| provider.arn(account) != arn);
    });
    Ok(None)
}

/// The provider that the call names, if the caller may do this to it.
fn named(call: &mut Call<'_>) -> Result<(AccountId, String), Fault> {
    let mut check = Validation::of(call.params);
    let arn = check.required("OpenIDConnectProviderArn", 20..=2048, Pattern::ANY);
    check.finish()?;
    let arn = arn
        .parse::<OidcProviderArn>()
        .map_err(|_| Fault::validation(format!("Invalid ARN: {arn}")))?
        .to_string();
    call.authorize(&arn)?;
    Ok((call.account(), arn))
}

fn invalid(message: &str) -> Fault {
    Fault::bad_request("InvalidInput", message)
}

fn quota(name: &str, limit: usize) -> Fault {
    Fault::new(
        StatusCode::CONFLICT,
        "LimitExceeded",
        format!("Cannot exceed quota for {name}: {limit}"),
    )
}

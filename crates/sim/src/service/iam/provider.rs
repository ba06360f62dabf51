use std::time::Duration;

use tokio::time::timeout;
use url::Url;

use super::{
    Answer, Call,
    entity::{Kind, Tags},
    fault::{already_exists, invalid_input, no_such_entity, quota},
    permission::Ask,
    provider_url::{host, parse_url},
    tags,
};
use crate::{
    clock::iso,
    query::{Fault, Pattern, Validation},
    world::{Account, Provider},
    xml::Element,
};

const MAX_PROVIDERS: usize = 100;
const MAX_CLIENT_IDS: usize = 100;
const MAX_THUMBPRINTS: usize = 5;

/// How long the host of a provider may take to show its certificates.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a call describes that creates a provider.
struct New {
    provider: Provider,
    arn: String,
}

/// `CreateOpenIDConnectProvider`. Without thumbprints IAM asks the provider's host for its certificates and takes the one
/// of the top authority.
pub(super) async fn create(call: &mut Call<'_>) -> Answer {
    let mut new = New::read(call)?;
    if new.provider.thumbprints.is_empty() {
        let thumbprint = top_thumbprint(call, &new.provider.url).await?;
        new.provider.thumbprints.push(thumbprint);
    }
    let result = Element::new("CreateOpenIDConnectProviderResult")
        .child(Element::text("OpenIDConnectProviderArn", new.arn))
        .maybe(tags::some_element(&new.provider.tags));
    let account = call.account();
    call.world.write(|state| {
        let known = state.account_mut(account);
        check_free(known, &new.provider.url)?;
        known.providers.insert(new.provider.url.clone(), new.provider);
        Ok::<_, Fault>(())
    })?;
    Ok(Some(result))
}

/// `GetOpenIDConnectProvider`
pub(super) fn show(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let arn = Kind::Provider.named(&mut check);
    check.finish()?;
    call.enter(Kind::Provider, arn)?;
    let account = call.account();
    let provider = call.seen(Kind::Provider, arn, |known| known.provider(account, arn).cloned())?;
    let members = |texts: Vec<String>| texts.into_iter().map(|text| Element::text("member", text));
    let result = Element::new("GetOpenIDConnectProviderResult")
        .child(Element::text("Url", provider.url))
        .child(Element::text("CreateDate", iso(provider.created)))
        .child(Element::new("ClientIDList").children(members(provider.client_ids)))
        .child(Element::new("ThumbprintList").children(members(provider.thumbprints)))
        .child(tags::element(&provider.tags));
    Ok(Some(result))
}

/// `ListOpenIDConnectProviders`
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let account = call.account();
    call.authorize(&Ask::on(format!("arn:aws:iam::{account}:oidc-provider/*")))?;
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

/// `DeleteOpenIDConnectProvider`, which fails for one that is not there, whatever the documentation says.
pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let arn = Kind::Provider.named(&mut check);
    check.finish()?;
    if !call.finds(Kind::Provider, arn, |ask| ask)? {
        return Err(no_such_entity(format!(
            "OpenId connect Provider {arn} cannot be found."
        )));
    }
    let account = call.account();
    call.change(Kind::Provider, arn, |known| {
        let url = known.provider(account, arn)?.url.clone();
        known.providers.remove(&url);
        Some(Ok(()))
    })?;
    Ok(None)
}

/// `AddClientIDToOpenIDConnectProvider`, which succeeds for one that is there already as well.
pub(super) fn add_client_id(call: &mut Call<'_>) -> Answer {
    change_client_ids(call, |client_ids, id| {
        if client_ids.iter().any(|known| known == id) {
            return Ok(());
        }
        if client_ids.len() >= MAX_CLIENT_IDS {
            return Err(quota("ClientIdsPerOpenIdConnectProvider", MAX_CLIENT_IDS));
        }
        client_ids.push(id.to_owned());
        Ok(())
    })
}

/// `RemoveClientIDFromOpenIDConnectProvider`, which succeeds for one that is not there as well.
pub(super) fn remove_client_id(call: &mut Call<'_>) -> Answer {
    change_client_ids(call, |client_ids, id| {
        client_ids.retain(|known| known != id);
        Ok(())
    })
}

/// `UpdateOpenIDConnectProviderThumbprint`: the new ones take the place of all others.
pub(super) fn update_thumbprints(call: &mut Call<'_>) -> Answer {
    let mut check = call.check();
    let arn = Kind::Provider.named(&mut check);
    check.present("ThumbprintList");
    let thumbprints = sent_thumbprints(&mut check);
    check.finish()?;
    call.enter(Kind::Provider, arn)?;
    let thumbprints = checked(thumbprints)?;
    let account = call.account();
    call.change(Kind::Provider, arn, |known| {
        known.provider_mut(account, arn)?.thumbprints = thumbprints;
        Some(Ok(()))
    })?;
    Ok(None)
}

impl New {
    fn read(call: &mut Call<'_>) -> Result<Self, Fault> {
        let mut check = call.check();
        let url = check.required("Url", 1..=255, Pattern::ANY);
        let client_ids = check.list("ClientIDList", usize::MAX, 1..=255, Pattern::ANY);
        let thumbprints = sent_thumbprints(&mut check);
        let tags = tags::read(call.params, &mut check);
        check.finish()?;
        let tags: Tags = tags.validated(Kind::Provider)?;
        let thumbprints = checked(thumbprints)?;
        if client_ids.len() > MAX_CLIENT_IDS {
            return Err(quota("ClientIdsPerOpenIdConnectProvider", MAX_CLIENT_IDS));
        }
        let provider = Provider {
            url: parse_url(url)?,
            client_ids: distinct(client_ids),
            thumbprints,
            created: call.now,
            tags,
        };
        let account = call.account();
        let arn = provider.arn(account);
        call.authorize_creation(Ask::on(&arn), &provider.tags, "iam:TagOpenIDConnectProvider")?;
        call.world.read(|state| match state.account(account) {
            Some(known) => check_free(known, &provider.url),
            None => Ok(()),
        })?;
        Ok(Self { provider, arn })
    }
}

/// The thumbprint of the top authority's certificate, as the provider's own host sends it.
async fn top_thumbprint(call: &Call<'_>, url: &str) -> Result<String, Fault> {
    let unreachable = || {
        tracing::debug!(url, "the certificates of an OIDC provider were not had");
        Fault::bad_request(
            "OpenIdIdpCommunicationError",
            "The request failed because IAM cannot connect to the OpenID Connect identity provider URL.",
        )
    };
    let discovery = format!("https://{}/.well-known/openid-configuration", url.trim_end_matches('/'));
    let discovery = Url::parse(&discovery).map_err(|_| unreachable())?;
    let fetch = async {
        call.world.trouble.meet_fetch(&discovery, |_| ()).await.ok()?;
        call.world.chains.of(host(url), 443).await.ok()
    };
    let chain = timeout(PATIENCE, fetch).await.ok().flatten().ok_or_else(unreachable)?;
    Ok(chain.top_thumbprint())
}

fn change_client_ids(call: &mut Call<'_>, change: impl FnOnce(&mut Vec<String>, &str) -> Result<(), Fault>) -> Answer {
    let mut check = call.check();
    let arn = Kind::Provider.named(&mut check);
    let id = check.required("ClientID", 1..=255, Pattern::ANY);
    check.finish()?;
    call.enter(Kind::Provider, arn)?;
    let account = call.account();
    call.change(Kind::Provider, arn, |known| {
        Some(change(&mut known.provider_mut(account, arn)?.client_ids, id))
    })?;
    Ok(None)
}

/// A client id that is named twice is one.
fn distinct(ids: Vec<&str>) -> Vec<String> {
    let mut distinct = Vec::<String>::new();
    for id in ids {
        if !distinct.iter().any(|known| known == id) {
            distinct.push(id.to_owned());
        }
    }
    distinct
}

fn sent_thumbprints<'p>(check: &mut Validation<'p>) -> Vec<&'p str> {
    check.list("ThumbprintList", usize::MAX, 40..=40, Pattern::ANY)
}

/// Thumbprints are kept in lower case.
fn checked(thumbprints: Vec<&str>) -> Result<Vec<String>, Fault> {
    if thumbprints.len() > MAX_THUMBPRINTS {
        // Five are taken all the same.
        return Err(invalid_input("Thumbprint list must contain fewer than 5 entries."));
    }
    // AWS's own words for this are not known.
    if thumbprints
        .iter()
        .any(|thumbprint| !thumbprint.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        return Err(invalid_input("Thumbprint must contain hexadecimal digits only."));
    }
    Ok(thumbprints.into_iter().map(str::to_ascii_lowercase).collect())
}

fn check_free(account: &Account, url: &str) -> Result<(), Fault> {
    if account.providers.contains_key(url) {
        return Err(already_exists(format!(
            "Provider with url https://{url} already exists."
        )));
    }
    if account.providers.len() >= MAX_PROVIDERS {
        return Err(quota("OpenIdConnectProvidersPerAccount", MAX_PROVIDERS));
    }
    Ok(())
}

//! Tags of users, roles, policies, providers and instance profiles.

use super::{
    Answer, Call,
    entity::{Kind, Tags},
    fault::{invalid_input, limit_exceeded},
    pages::Pages,
};
use crate::{
    query::{Fault, Params, Pattern, Validation},
    xml::Element,
};

const MAX_TAGS: usize = 50;

/// `TagRole` and its like.
pub(super) fn tag(call: &mut Call<'_>, kind: Kind) -> Answer {
    let mut check = call.check();
    let name = kind.named(&mut check);
    check.present("Tags");
    let tags = read(call.params, &mut check);
    check.finish()?;
    let tags = tags.validated(kind)?;
    call.enter_asking(kind, name, |ask| ask.with_tags(&tags))?;
    let account = call.account();
    call.change(kind, name, |found| {
        let kept = kind.tags_mut(found, account, name)?;
        Some(merge(kept, tags, kind))
    })?;
    Ok(None)
}

/// `UntagRole` and its like. Keys that the entity does not have are ignored.
pub(super) fn untag(call: &mut Call<'_>, kind: Kind) -> Answer {
    let mut check = call.check();
    let name = kind.named(&mut check);
    let keys = check.required_list("TagKeys", MAX_TAGS, 1..=128, Pattern::TAG_KEY);
    check.finish()?;
    call.enter_asking(kind, name, |ask| ask.with_tag_keys(keys.iter().copied()))?;
    let account = call.account();
    call.change(kind, name, |found| {
        let kept = kind.tags_mut(found, account, name)?;
        kept.retain(|kept, _| !keys.iter().any(|key| is_same(key, kept, kind)));
        Some(Ok(()))
    })?;
    Ok(None)
}

/// `ListRoleTags` and its like.
pub(super) fn list(call: &mut Call<'_>, kind: Kind, result: &'static str) -> Answer {
    let mut check = call.check();
    let name = kind.named(&mut check);
    let pages = Pages::read(&mut check);
    check.finish()?;
    call.enter(kind, name)?;
    let account = call.account();
    let page = call.seen(kind, name, |found| {
        let tags = kind.tags(found, account, name)?;
        // A key may be longer than a marker.
        let tags = tags.iter().enumerate();
        Some(
            pages.cut(tags.map(|(at, tag)| (format!("{at:02}"), tag)), |(key, value)| {
                member(key, value)
            }),
        )
    })??;
    Ok(Some(page.write(Element::new(result), "Tags")))
}

/// Tags as they were sent.
pub(super) struct SentTags<'p>(Vec<(&'p str, &'p str)>);

/// Reads the parameter `Tags`, which may be absent.
pub(super) fn read<'p>(params: &'p Params, check: &mut Validation<'p>) -> SentTags<'p> {
    let prefixes = params.structures("Tags");
    if prefixes.len() > MAX_TAGS {
        check.too_many("tags", MAX_TAGS);
    }
    let mut sent = Vec::new();
    for (number, prefix) in (1..).zip(prefixes.iter().take(MAX_TAGS)) {
        let mut part = |name: &str, length, pattern| {
            let at = format!("tags.{number}.member.{}", name.to_ascii_lowercase());
            let value = params.text(&format!("{prefix}{name}"));
            match value {
                Some(value) => check.check(&at, value, length, pattern),
                None => check.missing(&at),
            }
            value.unwrap_or_default()
        };
        sent.push((
            part("Key", 1..=128, Pattern::TAG_KEY),
            part("Value", 0..=256, Pattern::TAG_VALUE),
        ));
    }
    SentTags(sent)
}

impl SentTags<'_> {
    /// The tags, if an entity of this kind can have them together.
    pub(super) fn validated(self, kind: Kind) -> Result<Tags, Fault> {
        let mut tags = Tags::new();
        for (key, value) in self.0 {
            if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
                return Err(invalid_input(
                    "Caller is an end user and not allowed to mutate system tags",
                ));
            }
            if tags.keys().any(|known| is_same(key, known, kind)) {
                return Err(invalid_input(if kind.ignores_case_of_tags() {
                    "Duplicate tag keys found. Please note that Tag keys are case insensitive."
                } else {
                    "Duplicate tag keys found."
                }));
            }
            tags.insert(key.to_owned(), value.to_owned());
        }
        Ok(tags)
    }
}

/// The element of an entity's tags, be they none.
pub(super) fn element(tags: &Tags) -> Element {
    Element::new("Tags").children(tags.iter().map(|(key, value)| member(key, value)))
}

/// The element of an entity's tags, if it has any.
pub(super) fn some_element(tags: &Tags) -> Option<Element> {
    (!tags.is_empty()).then(|| element(tags))
}

/// Adds tags; one that is there already gets the new value, and where case does not matter also the new key.
fn merge(kept: &mut Tags, tags: Tags, kind: Kind) -> Result<(), Fault> {
    let mut merged = kept.clone();
    merged.retain(|kept, _| !tags.keys().any(|key| is_same(key, kept, kind)));
    merged.extend(tags);
    if merged.len() > MAX_TAGS {
        return Err(limit_exceeded("The number of tags has reached the maximum limit."));
    }
    *kept = merged;
    Ok(())
}

fn is_same(key: &str, other: &str, kind: Kind) -> bool {
    if kind.ignores_case_of_tags() {
        key.to_lowercase() == other.to_lowercase()
    } else {
        key == other
    }
}

fn member(key: &str, value: &str) -> Element {
    Element::new("member")
        .child(Element::text("Key", key))
        .child(Element::text("Value", value))
}

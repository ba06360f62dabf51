use std::{
    collections::HashMap,
    io::{self, Write},
};

use content::{Inventory, Item, KnownTag};
use oci::Digest;
use serde_json::json;

use super::{Failed, Format, Place, disk};
use crate::size::Size;

pub(super) fn run(place: &Place) -> Result<(), Failed> {
    let inventory = place.inventory()?;
    let items = inventory.items().map_err(disk)?;
    let names = names(&inventory)?;
    let max_size = place.config()?.cache.max_size;
    place.print(|out| match place.format {
        Format::Json => items.iter().try_for_each(|item| json_line(out, item, &names)),
        Format::Text => {
            for item in &items {
                line(out, item, &names)?;
            }
            let total: u64 = items.iter().map(|item| item.size).sum();
            let limit = max_size.map_or("no limit".to_owned(), |limit| format!("at most {limit}"));
            writeln!(out, "{} pieces of content, {} ({limit})", items.len(), Size(total))
        }
    })
}

fn line(out: &mut dyn Write, item: &Item, names: &HashMap<Digest, Vec<String>>) -> io::Result<()> {
    let pinned = if item.is_pinned { "pinned" } else { "" };
    let names = names.get(&item.digest).map(|names| names.join(" ")).unwrap_or_default();
    let (last, uses) = (item.usage.last().strftime("%Y-%m-%dT%H:%MZ"), item.usage.uses());
    let line = format!(
        "{}  {:>11}  {last}  {uses:>6.1}  {pinned:6}  {names}",
        item.digest,
        Size(item.size).to_string()
    );
    writeln!(out, "{}", line.trim_end())
}

fn json_line(out: &mut dyn Write, item: &Item, names: &HashMap<Digest, Vec<String>>) -> io::Result<()> {
    let line = json!({
        "digest": item.digest,
        "size": item.size,
        "lastUsed": item.usage.last(),
        "uses": (item.usage.uses() * 10.0).round() / 10.0,
        "pinned": item.is_pinned,
        "images": names.get(&item.digest).map(Vec::as_slice).unwrap_or_default(),
    });
    writeln!(out, "{line}")
}

/// What the tags say that content is.
fn names(inventory: &Inventory) -> Result<HashMap<Digest, Vec<String>>, Failed> {
    let mut names: HashMap<Digest, Vec<String>> = HashMap::new();
    for tag in inventory.tags().map_err(disk)? {
        let name = name(&tag);
        let names = names.entry(tag.digest).or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// The image by its registry, which is the third part of the gateway's scopes.
fn name(tag: &KnownTag) -> String {
    let registry = tag.scope.get(2).map_or("", String::as_str);
    format!("{registry}/{}:{}", tag.repository, tag.tag)
}

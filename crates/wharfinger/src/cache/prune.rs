use std::time::SystemTime;

use clap::ArgGroup;
use content::Item;
use jiff::Timestamp;
use serde_json::json;

use super::{Failed, Format, Place, age::Age, disk};
use crate::size::Size;

#[derive(Debug, clap::Args)]
#[command(
    group(ArgGroup::new("what").required(true).multiple(true)),
    after_help = "\
Examples:
  wharfinger cache prune --config wharfinger.toml --older-than 30d
  wharfinger cache prune --config wharfinger.toml --to-size 50GiB --dry-run

Pinned images stay, and what is being read is read to its end. The records of tags and memberships go with
--older-than, where they are older than that and than 30 days."
)]
pub(crate) struct Args {
    /// Remove what was not used for so long, such as 30d or 12h
    #[arg(long, value_name = "AGE", group = "what")]
    older_than: Option<Age>,
    /// Remove what is worth least until no more than this is left, such as 50GiB
    #[arg(long, value_name = "SIZE", group = "what")]
    to_size: Option<Size>,
    /// Say what would go, and remove nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &Args) -> Result<(), Failed> {
    let inventory = args.place.inventory()?;
    let items = inventory.items().map_err(disk)?;
    let mut going = choose(&items, args.older_than, args.to_size, Timestamp::now());
    let mut records = 0;
    if !args.dry_run {
        let mut pinned = inventory.pinned();
        let mut removed = Vec::with_capacity(going.len());
        for item in going {
            if inventory.remove_unless(&mut pinned, &item.digest).map_err(disk)? {
                removed.push(item);
            }
        }
        going = removed;
        if let Some(Age(age)) = args.older_than
            && let Some(time) = SystemTime::now().checked_sub(age.max(RECORDS_STAY.0))
        {
            records = inventory.remove_records(time).map_err(disk)?;
        }
    }
    let bytes: u64 = going.iter().map(|item| item.size).sum();
    let left: u64 = items.iter().map(|item| item.size).sum::<u64>() - bytes;
    args.place.print(|out| match args.place.format {
        Format::Json => {
            let digests: Vec<_> = going.iter().map(|item| &item.digest).collect();
            let summary = json!({
                "removed": digests, "bytes": bytes, "left": left, "records": records, "dryRun": args.dry_run,
            });
            writeln!(out, "{summary}")
        }
        Format::Text => {
            let verb = if args.dry_run { "would be removed" } else { "removed" };
            writeln!(
                out,
                "{} pieces of content {verb}, {}; {} left",
                going.len(),
                Size(bytes),
                Size(left)
            )
        }
    })
}

/// What goes of all, which are in the order of their worth.
fn choose(items: &[Item], older_than: Option<Age>, to_size: Option<Size>, now: Timestamp) -> Vec<&Item> {
    let mut left: u64 = items.iter().map(|item| item.size).sum();
    let mut going = Vec::new();
    for item in items.iter().filter(|item| !item.is_pinned) {
        let age = u64::try_from(now.duration_since(item.usage.last()).as_secs()).unwrap_or(0);
        let is_old = older_than.is_some_and(|Age(limit)| age >= limit.as_secs());
        let is_too_much = to_size.is_some_and(|Size(goal)| left > goal);
        if is_old || is_too_much {
            left -= item.size;
            going.push(item);
        }
    }
    going
}

/// How long a record stays in any case: it is small, and spares a question to the upstream.
const RECORDS_STAY: Age = Age(std::time::Duration::from_secs(30 * 24 * 3600));

#[cfg(test)]
mod tests {
    use content::Usage;
    use oci::Digest;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_is_old_goes_and_what_is_too_much_but_nothing_pinned() {
        let item = |second: i64, size, is_pinned| Item {
            digest: Digest::of(&second.to_be_bytes()),
            size,
            usage: Usage::first(at(second)),
            is_pinned,
        };
        let items = [
            item(100, 5, false),
            item(200, 7, true),
            item(300, 11, false),
            item(400, 13, false),
        ];
        let sizes = |older_than: Option<u64>, to_size: Option<u64>| {
            let older_than = older_than.map(|seconds| Age(std::time::Duration::from_secs(seconds)));
            let going = choose(&items, older_than, to_size.map(Size), at(500));
            going.iter().map(|item| item.size).collect::<Vec<_>>()
        };
        assert_eq!(sizes(Some(200), None), vec![5, 11_u64]);
        assert!(sizes(Some(1000), None).is_empty());
        assert!(sizes(None, Some(36)).is_empty());
        assert_eq!(sizes(None, Some(35)), vec![5_u64]);
        assert_eq!(sizes(None, Some(0)), vec![5, 11, 13_u64]);
        assert_eq!(sizes(Some(400), Some(20)), vec![5, 11_u64]);
    }
}

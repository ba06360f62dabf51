//! The table in docs/performance.md: what was measured now, and what earlier runs left of other measures.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::row::Row;

const BEGIN: &str = "<!-- cargo xtask bench pull: begin -->";
const END: &str = "<!-- cargo xtask bench pull: end -->";
const HEAD: &str = "| measure | what | Wharfinger | beside it | ratio | aim | met |\n|---|---|---|---|---|---|---|\n";

/// Puts the rows of these measures in place of their earlier ones. `order` is that of the table.
pub(crate) fn write(file: &Path, order: &[&str], measured: &[(&'static str, Vec<Row>)]) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let text = replaced(&text, order, measured)
        .with_context(|| format!("{} has no lines `{BEGIN}` and `{END}`", file.display()))?;
    fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
}

/// The lines of some measures.
pub(crate) fn lines(measured: &[(&'static str, Vec<Row>)]) -> String {
    let all = measured
        .iter()
        .flat_map(|(measure, rows)| rows.iter().map(move |row| format!("| {measure} | {row}\n")));
    all.collect()
}

fn replaced(text: &str, order: &[&str], measured: &[(&'static str, Vec<Row>)]) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (table, after) = rest.split_once(END)?;
    let mut kept: BTreeMap<&str, String> = BTreeMap::new();
    for line in table.lines() {
        let measure = line.split('|').nth(1).map(str::trim).unwrap_or_default();
        if order.contains(&measure) && !measured.iter().any(|(name, _)| *name == measure) {
            let lines = kept.entry(measure).or_default();
            lines.push_str(line);
            lines.push('\n');
        }
    }
    let mut rows = String::new();
    for measure in order {
        rows.push_str(kept.get(measure).map_or("", String::as_str));
        for one in measured.iter().filter(|(name, _)| name == measure) {
            rows.push_str(&lines(std::slice::from_ref(one)));
        }
    }
    Some(format!("{before}{BEGIN}\n{HEAD}{rows}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::super::row::Unit;
    use super::*;

    #[test]
    fn only_what_was_measured_again_is_replaced() {
        let text = format!("before\n{BEGIN}\n| a | 1 |\n| b | 2 |\n| b | 3 |\n| gone | 4 |\n{END}\nafter\n");
        let row = Row::alone("new", Unit::Count, &[5.0]);
        let replaced = replaced(&text, &["b", "a"], &[("a", vec![row])]).unwrap();
        assert_eq!(
            replaced,
            format!("before\n{BEGIN}\n{HEAD}| b | 2 |\n| b | 3 |\n| a | new | 5 |  |  |  |  |\n{END}\nafter\n")
        );
    }

    #[test]
    fn a_page_without_a_place_for_the_table_is_left_alone() {
        assert_eq!(replaced("nothing here", &["a"], &[]), None);
    }

    #[test]
    fn the_page_has_a_place_for_the_table() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
        let text = fs::read_to_string(page).unwrap();
        assert!(text.contains(BEGIN) && text.contains(END));
    }
}

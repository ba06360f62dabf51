//! A strict reader of OpenMetrics text (version 1.0), as far as counters and gauges go.

use std::collections::{BTreeMap, BTreeSet};

/// What an exposition says.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    pub(crate) families: BTreeMap<String, Family>,
}

#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    /// By the labels of the series, sorted.
    pub(crate) samples: BTreeMap<Vec<(String, String)>, u64>,
}

impl Exposition {
    /// # Panics
    /// Where the text breaks a rule.
    #[track_caller]
    pub(crate) fn read(text: &str) -> Self {
        let text = text.strip_suffix("# EOF\n").expect("it ends with an EOF");
        let mut exposition = Self::default();
        let (mut current, mut metadata) = (String::new(), BTreeSet::new());
        for line in text.strip_suffix('\n').expect("the last line ends").split('\n') {
            if let Some(comment) = line.strip_prefix("# ") {
                let [word, name, rest]: [&str; 3] = comment.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
                assert!(is_name(name) && !rest.is_empty(), "{line}");
                if name != current {
                    let is_new = !exposition.families.contains_key(name);
                    assert!(is_new, "the lines of a family stand together: {line}");
                    exposition.families.insert(name.to_owned(), Family::default());
                    (current, metadata) = (name.to_owned(), BTreeSet::new());
                }
                assert!(metadata.insert(word.to_owned()), "twice: {line}");
                let family = exposition.families.get_mut(name).unwrap();
                assert!(family.samples.is_empty(), "behind its samples: {line}");
                match word {
                    "HELP" => {}
                    "TYPE" => family.kind = rest.to_owned(),
                    "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{line}"),
                    _ => panic!("unknown: {line}"),
                }
                continue;
            }
            assert!(
                metadata.contains("HELP") && metadata.contains("TYPE"),
                "undescribed: {line}"
            );
            let (series, value) = line.rsplit_once(' ').expect("a series and its value");
            let value: u64 = value.parse().expect("a number of things");
            let (name, labels) = match series.split_once('{') {
                Some((name, labels)) => (name, labels_of(labels.strip_suffix('}').expect("a closing brace"))),
                None => (series, Vec::new()),
            };
            let family = exposition.families.get_mut(&current).unwrap();
            match family.kind.as_str() {
                "counter" => assert_eq!(name, format!("{current}_total")),
                "gauge" => assert_eq!(name, current),
                kind => panic!("{current} is a {kind}"),
            }
            assert!(family.samples.insert(labels, value).is_none(), "twice: {line}");
        }
        exposition
    }

    /// The value of a series: `cache_bytes`, or `pulls{kind=manifest,outcome=disk}`.
    #[track_caller]
    pub(crate) fn value(&self, series: &str) -> u64 {
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels
            .trim_end_matches('}')
            .split(',')
            .filter(|label| !label.is_empty());
        let labels = labels.map(|label| label.split_once('=').unwrap());
        let labels = labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let family = self.families.get(&format!("wharfinger_{name}"));
        let value = family.and_then(|family| family.samples.get::<Vec<_>>(&labels));
        *value.unwrap_or_else(|| panic!("there is no {series}"))
    }

    pub(crate) fn series(&self) -> usize {
        self.families.values().map(|family| family.samples.len()).sum()
    }
}

fn labels_of(text: &str) -> Vec<(String, String)> {
    let labels = text.split(',').map(|label| {
        let (name, value) = label.split_once('=').expect("a label and its value");
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let value = value.expect("a value in quotes");
        // Ours need no escapes.
        assert!(is_name(name) && is_name(value), "{label}");
        (name.to_owned(), value.to_owned())
    });
    let labels: Vec<_> = labels.collect();
    assert!(labels.is_sorted_by(|one, other| one.0 < other.0), "{text}");
    labels
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

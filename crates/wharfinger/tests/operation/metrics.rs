//! What the metrics say of what was done.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use tokio::time::timeout;

use crate::{exposition::Exposition, harbour::Harbour};

async fn scrape(harbour: &Harbour) -> Exposition {
    let url = format!("http://{}/metrics", harbour.admin());
    let text = text(&url).await;
    let token = harbour.token();
    assert!(!text.contains(&token) && !text.contains("team/app") && !text.contains("acme"));
    Exposition::read(&text)
}

async fn text(url: &str) -> String {
    let outgoing = net::Outgoing {
        resolve: net::Resolve::default(),
        roots: net::Roots::system(),
    };
    let answer = outgoing.client().unwrap().get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

/// The same when no download runs any more: the last bytes are handed out a moment before a file has its name.
async fn settled(harbour: &Harbour) -> Exposition {
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    let settling = async {
        loop {
            let exposition = scrape(harbour).await;
            if exposition.value("downloads") == 0 {
                return exposition;
            }
            pace.tick().await;
        }
    };
    timeout(Duration::from_secs(30), settling).await.expect("downloads end")
}

/// The digests of the image's blobs.
async fn blobs(harbour: &Harbour) -> Vec<String> {
    let manifest = harbour.ask("team/app/manifests/1").await.text;
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let layers = manifest["layers"].as_array().unwrap().iter();
    let all = layers.chain([&manifest["config"]]);
    all.map(|blob| blob["digest"].as_str().unwrap().to_owned()).collect()
}

async fn pull_blob(harbour: &Harbour, digest: &str) {
    let answer = harbour
        .request(&format!("team/app/blobs/{digest}"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    answer.bytes().await.unwrap();
}

#[tokio::test]
async fn the_values_change_by_what_is_done() {
    let harbour = Harbour::keyless().await;
    let before = scrape(&harbour).await;
    for series in ["cache_bytes", "cache_entries", "pulls{kind=manifest,outcome=upstream}"] {
        assert_eq!(before.value(series), 0, "{series}");
    }
    let blobs = blobs(&harbour).await;
    for _ in 0..3 {
        for digest in &blobs {
            pull_blob(&harbour, digest).await;
        }
    }
    assert_eq!(harbour.ask("team/app/manifests/none").await.status, 404);
    assert_eq!(harbour.ask("team/none/manifests/1").await.status, 404);

    let after = settled(&harbour).await;
    assert_eq!(after.value("cache_entries"), 1 + blobs.len() as u64);
    assert!(after.value("cache_bytes") >= 4096 * after.value("cache_entries"));
    assert_eq!(after.value("pulls{kind=manifest,outcome=upstream}"), 1);
    assert_eq!(after.value("pulls{kind=manifest,outcome=missing}"), 2);
    let of_blobs = |outcome| after.value(&format!("pulls{{kind=blob,outcome={outcome}}}"));
    assert_eq!(
        of_blobs("upstream") + of_blobs("disk") + of_blobs("memory"),
        3 * blobs.len() as u64
    );
    assert!(of_blobs("upstream") >= 1 && of_blobs("memory") >= 1);
    assert!(after.value("upstream_requests{peer=registry,reply=success}") >= 1);
    assert!(after.value("upstream_requests{peer=registry,reply=not_found}") >= 2);
    assert_eq!(
        after.value("upstream_requests{peer=bucket,reply=success}"),
        blobs.len() as u64
    );
    for operation in ["assume_role_with_web_identity", "get_authorization_token"] {
        let calls = |reply| after.value(&format!("aws_calls{{operation={operation},reply={reply}}}"));
        assert_eq!(
            (calls("success"), calls("refused"), calls("none")),
            (1, 0, 0),
            "{operation}"
        );
    }
    // TLS ends in this process, so the kernel sends nothing by itself.
    assert!(after.value("sent_bytes{by=process}") > before.value("sent_bytes{by=process}") + 1000);
    assert_eq!(after.value("sent_bytes{by=kernel}"), 0);
    assert!(after.value("connections_accepted") >= 1);
    assert!(after.value("connections_open") <= after.value("connections_accepted"));
    assert_eq!(after.value("cache_bypasses"), 0);
}

#[tokio::test]
async fn a_disk_that_takes_nothing_is_seen() {
    let harbour = Harbour::keyless().await;
    let blobs = blobs(&harbour).await;
    let before = scrape(&harbour).await;
    // A file where what is being downloaded lies: whoever runs this may be root, whom no permission stops.
    let staging = harbour.path("data/content/tmp");
    fs::remove_dir_all(&staging).unwrap();
    fs::write(&staging, "").unwrap();
    for digest in &blobs {
        pull_blob(&harbour, digest).await;
    }
    let after = scrape(&harbour).await;
    let more = |series| after.value(series) - before.value(series);
    assert!(more("cache_failed_writes") >= 1);
    assert!(more("cache_bypasses") >= 1);
    assert_eq!(more("cache_entries"), 0);
}

#[tokio::test]
async fn nothing_that_a_client_sends_makes_another_series() {
    let harbour = Harbour::keyless().await;
    let before = scrape(&harbour).await;
    for odd in 0..50 {
        for path in [
            format!("team/app{odd}/manifests/1"),
            format!("team/app/manifests/t{odd}"),
            format!("team/app/tags/list?n={odd}"),
            format!("team/app/odd{odd}"),
        ] {
            harbour.ask(&path).await;
        }
        let (method, path) = (format!("ODD{odd}"), format!("/odd{odd}/v2/%22%0a{odd}/manifests/1"));
        harbour.at(&method, &path).send().await.unwrap();
    }
    let after = scrape(&harbour).await;
    assert_eq!(after.series(), before.series());
    assert!(after.value("pulls{kind=manifest,outcome=missing}") >= 50);
}

/// The rows of the table in docs/serving.md: name, type, and the words of the labels.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/serving.md");
    let page = fs::read_to_string(page).unwrap();
    let words = |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let rows = page.lines().filter(|line| line.starts_with("| `wharfinger_"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, meaning] = cells[..] else {
            panic!("{row}")
        };
        assert!(!meaning.is_empty(), "{row}");
        let name = words(name).pop_first().unwrap();
        (name, (kind.to_owned(), words(labels)))
    })
    .collect()
}

#[tokio::test]
async fn the_table_of_the_metrics_is_complete_and_right() {
    let harbour = Harbour::keyless().await;
    let exposition = scrape(&harbour).await;
    let exposed = exposition.families.iter().map(|(name, family)| {
        let name = match family.kind.as_str() {
            "counter" => format!("{name}_total"),
            _ => name.clone(),
        };
        let labels = family.samples.keys().flatten();
        let words = labels.flat_map(|(name, value)| [name.clone(), value.clone()]).collect();
        (name, (family.kind.clone(), words))
    });
    assert_eq!(exposed.collect::<BTreeMap<_, _>>(), documented());
    assert_eq!(exposition.value("cache_limit_bytes"), 1 << 30);
}

use sim::{Fault, FaultsError, Network, StartError};

use crate::stage::{ACCOUNT, Stage};

const HALF: &str = r#"{"id":"half","when":{"service":"sts"},"probability":0.5,"what":{"error":{"status":500}}}"#;

/// Which of some calls fail.
async fn series(stage: &Stage) -> Vec<bool> {
    let root = stage.root(ACCOUNT);
    let mut failed = Vec::new();
    for _ in 0..24 {
        let answer = stage.query("sts", &[("Action", "GetCallerIdentity")], &root).await;
        failed.push(answer.status == 500);
    }
    failed
}

async fn stage(seed: u64) -> Stage {
    Stage::with(|builder| builder.seed(seed).fault(HALF.parse().unwrap())).await
}

#[tokio::test]
async fn the_same_seed_strikes_the_same_calls() {
    let (first, second, other) = (stage(7).await, stage(7).await, stage(8).await);
    let struck = series(&first).await;
    // What another rule does on other calls has no part in it.
    second.trouble(r#"{"id":"other","when":{"service":"iam"},"probability":0.5,"what":"unreachable"}"#);
    assert_eq!(struck, series(&second).await);
    assert_ne!(struck, series(&other).await);
    assert!(struck.contains(&true) && struck.contains(&false));
    first.sim.trouble().set_seed(7);
    assert_eq!(struck, series(&first).await, "the seed begins the series anew");
}

#[tokio::test]
async fn first_calls_are_left_alone_and_a_spent_rule_leaves_all_alone() {
    let stage = Stage::new().await;
    stage.trouble(r#"{"id":"a","when":{"service":"sts"},"skip":2,"times":3,"what":{"error":{"status":500}}}"#);
    let failed = series(&stage).await;
    let expected = (0..24).map(|call| (2..5).contains(&call)).collect::<Vec<_>>();
    assert_eq!(failed, expected);
    let status = stage.sim.faults().pop().unwrap();
    assert_eq!((status.matched, status.struck, status.spent), (24, 3, true));
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!((&json["fault"]["id"], &json["struck"]), (&"a".into(), &3.into()));
}

#[tokio::test]
async fn rules_can_be_taken_back() {
    let stage = stage(7).await;
    stage.sim.clear_faults();
    assert!(!series(&stage).await.contains(&true));
    stage.sim.set_faults(vec![HALF.parse().unwrap()]).unwrap();
    assert!(series(&stage).await.contains(&true));
    let twice = vec![HALF.parse::<Fault>().unwrap(); 2];
    assert_eq!(stage.sim.set_faults(twice), Err(FaultsError::SameId("half".to_owned())));
}

#[tokio::test]
async fn rules_that_cannot_be_together_do_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let fault = HALF.parse::<Fault>().unwrap();
    let builder = sim::Sim::builder().data_dir(dir.path());
    let error = builder.fault(fault.clone()).fault(fault).start().await.unwrap_err();
    assert!(matches!(error, StartError::Faults(_)));
    assert!(error.to_string().contains("two faults are named `half`"), "{error}");
}

#[test]
fn the_examples_of_the_readme_are_rules() {
    let readme = include_str!("../../../README.md");
    let (_, section) = readme.split_once("## Trouble on demand").unwrap();
    let mut blocks = section
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let faults = Fault::list(blocks.next().unwrap()).unwrap();
    assert!(faults.len() > 3);
    blocks.next().unwrap().parse::<Network>().unwrap();
}

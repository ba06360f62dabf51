//! The server ends: when it is asked to, and when it is not.

use rustix::process::Signal;

use crate::flood_gate::FloodGate;
use crate::installation::Installation;
use crate::skopeo;

#[test]
fn the_server_ends_in_good_order_when_it_is_asked_to() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut installation = Installation::new();
        skopeo::pull(&installation.pull()).unwrap();
        installation.server().signal(signal);
        let (status, _) = installation.server().end();
        assert_eq!(status.code(), Some(0), "{signal:?}: {status}");
        assert_eq!(installation.unfinished(), 0);
    }
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_a_pull_begins_anew() {
    let mut gate = None;
    let mut installation = Installation::with_configuration(&[8 << 20], |runtime, stage, configuration| {
        let aws = stage.aws().unwrap().addr();
        let gate = gate.insert(runtime.block_on(FloodGate::new(aws, 4 << 20)));
        configuration.replace(&aws.to_string(), &gate.address().to_string())
    });
    let gate = gate.expect("the configuration was made");
    let pull = installation.pull();

    std::thread::scope(|scope| {
        let client = scope.spawn(|| skopeo::pull(&pull));
        installation.block_on(gate.reached());
        installation.crash(|killed| {
            client.join().unwrap().unwrap_err();
            assert_ne!(killed.unfinished(), 0, "it was killed in the middle");
        });
    });

    gate.open();
    assert_eq!(installation.unfinished(), 0, "what was begun is cleared away");
    assert_eq!(skopeo::pull(&pull), Ok(installation.digest()));
    assert_eq!(installation.unfinished(), 0);
}

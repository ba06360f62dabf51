//! An endpoint that is known to be down is asked by one call from time to time, and by no other.

use std::time::Duration;

use aws::{Broker, Kind, Operation, RegistryHost, Reply, Settings};
use jiff::Timestamp;
use tokio::time::{Instant, advance};

use crate::nowhere::{Nowhere, caller, client};

const HOST: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";

#[tokio::test(start_paused = true)]
async fn a_call_of_an_endpoint_that_is_down_fails_at_once_and_is_not_tried_again() {
    let nowhere = Nowhere::default();
    let broker = Broker::new(Settings::default(), client(nowhere.clone()), Timestamp::now);
    let (caller, host) = (caller(Vec::new()), HOST.parse::<RegistryHost>().unwrap());
    // The SDK tries three times. The fifth failure in a row is the second of the second login.
    for (tries, is_known) in [(3, false), (5, true)] {
        let error = broker.login(&caller, &host).await.unwrap_err();
        assert_eq!(nowhere.names().len(), tries);
        assert_eq!(error.to_string().contains("the last 5 calls"), is_known, "{error}");
    }

    for _ in 0..3 {
        let begun = Instant::now();
        let error = broker.login(&caller, &host).await.unwrap_err();
        assert_eq!(begun.elapsed(), Duration::ZERO, "nobody waits for another try");
        assert_eq!(error.kind, Kind::Unavailable);
        let down = "api.ecr.us-east-1.amazonaws.com did not answer the last 5 calls";
        assert!(error.to_string().contains(down), "{error}");
    }
    assert_eq!(nowhere.names().len(), 5);

    // One call looks whether the endpoint is back, and does not look again either.
    advance(Duration::from_secs(2)).await;
    let error = broker.login(&caller, &host).await.unwrap_err();
    assert!(error.to_string().contains("the last 6 calls"), "{error}");
    assert_eq!(nowhere.names().len(), 6);
    let calls = broker.calls();
    let counted: Vec<_> = calls.counts().filter(|(_, _, count)| *count > 0).collect();
    let operation = Operation::GetAuthorizationToken;
    assert_eq!(
        counted,
        [(operation, Reply::Nothing, 6), (operation, Reply::HeldBack, 5)],
        "the third try of the second login, three logins, and the second try of the last one"
    );
}

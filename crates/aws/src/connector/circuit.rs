use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Which endpoints are down. Calls of those fail at once, but one from time to time that looks whether they are back:
/// else everybody who asks would wait for the same timeout, and the endpoint would come back under all of it.
#[derive(Debug, Default)]
pub(super) struct Circuits(Mutex<HashMap<String, Arc<Mutex<Circuit>>>>);

#[derive(Debug, Default)]
struct Circuit {
    /// How many calls in a row found it down.
    failures: u32,
    /// When the next call may look, once it counts as down.
    next: Option<Instant>,
}

/// The endpoint counts as down.
#[derive(Debug, thiserror::Error)]
#[error("{endpoint} did not answer the last {failures} calls, and is tried again in {} ms", wait.as_millis())]
pub(super) struct Down {
    endpoint: String,
    failures: u32,
    wait: Duration,
}

/// A call that may be made, and whose end has to be told. Where it is given up, how long it took tells.
#[derive(Debug)]
pub(super) struct Pass {
    circuit: Arc<Mutex<Circuit>>,
    since: Instant,
    is_told: bool,
}

impl Circuits {
    pub(super) fn enter(&self, endpoint: &str) -> Result<Pass, Down> {
        let circuit = {
            let mut circuits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if circuits.len() >= MAX_ENDPOINTS && !circuits.contains_key(endpoint) {
                circuits.clear();
            }
            circuits.entry(endpoint.to_owned()).or_default().clone()
        };
        {
            let mut circuit = circuit.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            if let Some(next) = circuit.next {
                let wait = next.saturating_duration_since(now);
                if !wait.is_zero() {
                    return Err(Down {
                        endpoint: endpoint.to_owned(),
                        failures: circuit.failures,
                        wait,
                    });
                }
                // This call looks; the others wait for what it finds, or for the next turn where it is given up.
                circuit.next = Some(now + PAUSE);
            }
        }
        Ok(Pass {
            circuit,
            since: Instant::now(),
            is_told: false,
        })
    }
}

impl Pass {
    /// The endpoint answered.
    pub(super) fn up(mut self) {
        self.is_told = true;
        *self.circuit() = Circuit::default();
    }

    /// It did not, or said that it is in trouble.
    pub(super) fn down(mut self) {
        self.fail();
    }

    fn fail(&mut self) {
        self.is_told = true;
        let mut circuit = self.circuit();
        circuit.failures = circuit.failures.saturating_add(1);
        if circuit.failures >= TOLERATED {
            circuit.next = Some(Instant::now() + PAUSE);
        }
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The SDK drops a call whose time is up: an endpoint that never answers is known by that alone. Whoever asked may also
/// have left, which says nothing.
impl Drop for Pass {
    fn drop(&mut self) {
        if !self.is_told && self.since.elapsed() >= LONG {
            self.fail();
        }
    }
}

/// Two exchanges of three tries each, less one.
const TOLERATED: u32 = 5;
/// How long after a call that found an endpoint down the next one looks.
const PAUSE: Duration = Duration::from_secs(2);
/// How long a call that is given up has to have waited to count as one that found the endpoint down: less than a try of
/// the SDK may take.
const LONG: Duration = Duration::from_secs(5);
/// More than there are regions.
const MAX_ENDPOINTS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_few_failures_close_an_endpoint_and_one_answer_opens_it() {
        let circuits = Circuits::default();
        for _ in 0..TOLERATED {
            circuits.enter("sts").unwrap().down();
        }
        let down = circuits.enter("sts").unwrap_err().to_string();
        assert!(down.contains("sts did not answer the last 5 calls"), "{down}");
        assert!(circuits.enter("ecr").is_ok(), "each endpoint for itself");

        tokio::time::advance(PAUSE).await;
        let probe = circuits.enter("sts").unwrap();
        assert!(circuits.enter("sts").is_err(), "one call looks");
        probe.down();
        assert!(circuits.enter("sts").is_err());

        tokio::time::advance(PAUSE).await;
        circuits.enter("sts").unwrap().up();
        assert!(circuits.enter("sts").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_is_given_up_does_not_close_for_ever() {
        let circuits = Circuits::default();
        for _ in 0..TOLERATED {
            circuits.enter("sts").unwrap().down();
        }
        tokio::time::advance(PAUSE).await;
        drop(circuits.enter("sts").unwrap());
        assert!(circuits.enter("sts").is_err());
        tokio::time::advance(PAUSE).await;
        assert!(circuits.enter("sts").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_given_up_after_long_counts_as_one_without_an_answer() {
        let circuits = Circuits::default();
        for _ in 0..TOLERATED {
            drop(circuits.enter("sts").unwrap());
        }
        for _ in 0..TOLERATED {
            let call = circuits.enter("sts").unwrap();
            tokio::time::advance(LONG).await;
            drop(call);
        }
        assert!(circuits.enter("sts").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_between_counts() {
        let circuits = Circuits::default();
        for _ in 0..20 {
            circuits.enter("sts").unwrap().down();
            circuits.enter("sts").unwrap().up();
        }
        assert!(circuits.enter("sts").is_ok());
    }
}

//! Faults made on purpose, so that a client can be tested against them: off unless asked for.
//!
//! What happens to a call follows from the plan, its seed and the number of the call alone: the same calls in the same
//! order meet the same faults.

mod fault;
mod plan;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use fault::Fault;
pub use plan::{FaultSpecError, Faults, Often};

use crate::error::{ApiError, ErrorKind};

/// Why a record was rejected on purpose.
pub(crate) const REJECTED: &str = "The record was rejected on purpose (fault injection).";

/// A handle to change the faults of a server while it runs. Clones belong to the same server.
#[derive(Clone, Default)]
pub struct FaultHandle(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    plan: Faults,
    /// The random numbers of each kind. Each has its own, so that one kind does not change the sequence of another.
    random: [u64; Fault::ALL.len()],
    made: [u64; Fault::ALL.len()],
}

/// What is to happen to a call.
#[derive(Debug, PartialEq)]
pub(crate) struct Decision {
    pub(crate) delay: Option<Duration>,
    pub(crate) fate: Fate,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Fate {
    Handle,
    Fail(ApiError),
    Drop,
    HandleThenDrop,
}

impl FaultHandle {
    /// Ends the current plan and starts another from its seed.
    pub fn set(&self, plan: Faults) {
        let mut state = self.state();
        for (fault, random) in Fault::ALL.into_iter().zip(&mut state.random) {
            *random = plan.seed ^ (fault as u64 + 1).wrapping_mul(0xD1B5_4A32_D192_ED03);
        }
        state.plan = plan;
    }

    /// Ends all faults. The counts stay.
    pub fn clear(&self) {
        self.set(Faults::default());
    }

    /// How many faults of a kind were made since the server's start: records for [`Fault::Reject`], else calls.
    pub fn made(&self, fault: Fault) -> u64 {
        self.state().made[fault as usize]
    }

    /// What is to happen to a call.
    pub(crate) fn decide(&self, operation: &str) -> Decision {
        let mut state = self.state();
        if !state.plan.concerns(operation) {
            return Decision { delay: None, fate: Fate::Handle };
        }
        let delay = state.strikes(Fault::Delay).then_some(state.plan.delay);
        let fail = |kind, message| Fate::Fail(ApiError::new(kind, format!("{message} (fault injection)")));
        let fate = if state.strikes(Fault::Drop) {
            Fate::Drop
        } else if state.strikes(Fault::Throttle) {
            fail(ErrorKind::Throttling, "Rate exceeded")
        } else if state.strikes(Fault::Error) {
            fail(ErrorKind::InternalServer, "An internal server error occurred")
        } else if state.strikes(Fault::Endpoint) {
            fail(ErrorKind::InvalidEndpoint, "The endpoint is not valid; discover it again")
        } else if state.strikes(Fault::Validation) {
            fail(ErrorKind::Validation, "The call is not valid")
        } else if state.strikes(Fault::DropAfter) {
            Fate::HandleThenDrop
        } else {
            Fate::Handle
        };
        Decision { delay, fate }
    }

    /// The places of the records, out of `count`, that are to be rejected.
    pub(crate) fn rejections(&self, count: usize) -> Vec<usize> {
        let mut state = self.state();
        if !state.plan.concerns("WriteRecords") {
            return Vec::new();
        }
        (0..count).filter(|_| state.strikes(Fault::Reject)).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn strikes(&mut self, fault: Fault) -> bool {
        let place = fault as usize;
        let strikes = match &mut self.plan.often[place] {
            Often::Never => false,
            Often::Rate(rate) => next(&mut self.random[place]) < *rate,
            Often::Next(0) => false,
            Often::Next(left) => {
                *left -= 1;
                true
            }
        };
        self.made[place] += u64::from(strikes);
        strikes
    }
}

/// The next number from 0 to 1 of a SplitMix64 sequence.
fn next(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(plan: &str, calls: usize) -> Vec<Fate> {
        let handle = FaultHandle::default();
        handle.set(plan.parse().unwrap());
        (0..calls).map(|_| handle.decide("Query").fate).collect()
    }

    #[test]
    fn without_a_plan_nothing_happens() {
        let handle = FaultHandle::default();
        assert_eq!(handle.decide("Query"), Decision { delay: None, fate: Fate::Handle });
        assert!(handle.rejections(100).is_empty());
    }

    #[test]
    fn a_count_is_spent_and_then_over() {
        let fates = fates("drop=2x", 4);
        assert_eq!(fates, [Fate::Drop, Fate::Drop, Fate::Handle, Fate::Handle]);
    }

    #[test]
    fn a_rate_is_kept_and_follows_from_the_seed() {
        let of_seed = |seed| fates(&format!("drop=0.1,seed={seed}"), 10_000);
        let count = of_seed(7).iter().filter(|fate| **fate == Fate::Drop).count();
        assert!((800..1200).contains(&count), "{count}");
        assert!(of_seed(7) == of_seed(7));
        assert!(of_seed(7) != of_seed(8));
    }

    #[test]
    fn one_kind_does_not_move_another() {
        let drops = |plan| fates(plan, 500).iter().map(|fate| *fate == Fate::Drop).collect::<Vec<_>>();
        assert_eq!(drops("drop=0.2,seed=3"), drops("drop=0.2,throttle=0.5,delay=1ms@0.1,seed=3"));
    }

    #[test]
    fn only_the_operations_that_were_named() {
        let handle = FaultHandle::default();
        handle.set("throttle=1,reject=1,only=WriteRecords".parse().unwrap());
        assert_eq!(handle.decide("Query").fate, Fate::Handle);
        assert!(matches!(handle.decide("WriteRecords").fate, Fate::Fail(_)));
        assert_eq!(handle.rejections(3), [0, 1, 2]);
        handle.clear();
        assert_eq!(handle.decide("WriteRecords").fate, Fate::Handle);
        assert_eq!((handle.made(Fault::Throttle), handle.made(Fault::Reject)), (1, 3));
    }
}

//! The places for connections. When all are taken, connections that do nothing are closed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::activity::{Activity, Rank, Usefulness};

/// How often to look for a place while every connection is at work.
const RETRY: Duration = Duration::from_millis(50);
/// The share of all places that connections without any request give up at once, so that a flood of them costs little.
const BATCH_SHARE: usize = 16;

/// All places.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    places: Arc<Semaphore>,
    batch: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    activities: HashMap<u64, Arc<Activity>>,
}

/// A place for one connection, free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Connections,
    number: Option<u64>,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    pub(super) fn new(max: usize) -> Self {
        Connections { places: Arc::new(Semaphore::new(max)), batch: (max / BATCH_SHARE).max(1), open: Arc::default() }
    }

    /// Waits for a place, and makes room if there is none.
    pub(super) async fn place(&self) -> Place {
        loop {
            let permit = match self.places.clone().try_acquire_owned() {
                Ok(permit) => Some(permit),
                Err(_) => {
                    self.make_room();
                    let permit = tokio::time::timeout(RETRY, self.places.clone().acquire_owned()).await;
                    permit.ok().and_then(Result::ok)
                }
            };
            if let Some(_permit) = permit {
                return Place { connections: self.clone(), number: None, _permit };
            }
        }
    }

    /// Closes connections that never sent a request, the oldest first; if there are none, one that has been idle or slow
    /// the longest.
    pub(super) fn make_room(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let ranked = open.activities.values().filter(|activity| !activity.evicted.is_cancelled());
        let mut ranked: Vec<(Rank, &Arc<Activity>)> =
            ranked.filter_map(|activity| activity.rank().map(|rank| (rank, activity))).collect();
        ranked.sort_unstable_by_key(|(rank, _)| *rank);
        let unproven = ranked.iter().take_while(|((usefulness, _), _)| *usefulness == Usefulness::Unproven).count();
        // The younger half may be about to send their first request.
        for (_, activity) in ranked.iter().take(unproven.div_ceil(2).clamp(1, self.batch)) {
            activity.evicted.cancel();
        }
    }
}

impl Place {
    /// Says which connection has the place.
    pub(super) fn take(&mut self, activity: Arc<Activity>) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.next += 1;
        let number = open.next;
        open.activities.insert(number, activity);
        self.number = Some(number);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.connections.open.lock().unwrap_or_else(PoisonError::into_inner).activities.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::activity::Patience;
    use super::*;

    fn activity() -> Arc<Activity> {
        let long = Duration::from_secs(60);
        Arc::new(Activity::new(Patience { head: long, idle: long, answer: long }))
    }

    #[tokio::test]
    async fn when_all_places_are_taken_the_least_useful_gives_way() {
        let connections = Connections::new(3);
        let activities: Vec<_> = (0..3).map(|_| activity()).collect();
        activities[0].request_begins();
        activities[1].request_begins();
        activities[1].request_ends();
        let mut places = Vec::new();
        for activity in &activities {
            let mut place = connections.place().await;
            place.take(activity.clone());
            places.push(place);
        }
        for evicted in [2, 1] {
            connections.make_room();
            assert!(activities[evicted].evicted.is_cancelled(), "{evicted}");
            assert!(activities[..evicted].iter().all(|activity| !activity.evicted.is_cancelled()));
        }
        connections.make_room();
        assert!(!activities[0].evicted.is_cancelled(), "it is at work");
        assert!(tokio::time::timeout(RETRY * 3, connections.place()).await.is_err());
        places.pop();
        connections.place().await;
    }
}

//! Which replica of each cluster is listened to.
//!
//! The first replica that is heard of a cluster is elected. It stays so until it has been silent for the failover
//! time-out and another one is heard. All of this is the memory of one process.
//!
//! What the others send is only left out as far as the elected one has stored its own samples, and for the time-out
//! beyond that. So when Timestream fails, or the elected replica is far behind, the others keep what they have, and
//! one of them can take over without a longer gap.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::telemetry::metrics::{ElectedReplica, Total};
use crate::telemetry::rate_limit::RateLimit;

/// Clusters of a caller that are remembered. Beyond, the one whose elected replica is silent the longest is forgotten,
/// and its next request elects anew.
const MAX_CLUSTERS: usize = 256;
/// Callers that are remembered, as many as have clients.
const MAX_CALLERS: usize = 1024;
/// A cluster that is silent for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(60 * 60);

/// A caller, by the digest of its keys; `None` where all requests use the same ones.
type Caller = Option<[u8; 32]>;

/// The replica that a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The value of the cluster label.
    pub cluster: &'a str,
    /// The value of the replica label.
    pub replica: &'a str,
}

/// What becomes of the samples of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It is elected. Its samples later than `after`, in milliseconds since 1970, are stored. Those before were stored
    /// from the replica that it took over from.
    Elected {
        /// The time of the last sample of the replica before; `i64::MIN` if there was none, or long ago.
        after: i64,
    },
    /// Another replica is elected, and has stored its own.
    Other,
    /// This replica is elected, but has not stored its samples up to there.
    Behind {
        /// Its name.
        elected: String,
    },
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// None of its samples will be sent again.
    Done {
        /// Timestream has stored some of them.
        has_stored: bool,
    },
    /// The sender will send it again.
    ComesAgain,
}

/// The elected replica of a cluster.
#[derive(Debug)]
struct Elected {
    replica: Box<str>,
    /// When it took over.
    since: Instant,
    heard: Instant,
    /// The time of the newest sample that was stored of the cluster.
    newest: i64,
    after: i64,
}

/// The elected replicas of all clusters.
#[derive(Debug)]
pub struct Elections {
    failover_timeout: Duration,
    callers: Mutex<LruCache<Caller, Clusters>>,
    changes: Total,
    forgotten: RateLimit,
}

/// Those whose elected replica is silent the longest go first.
type Clusters = LruCache<Box<str>, Elected>;

impl Elections {
    /// Elections in which a replica that is silent for `failover_timeout` can be replaced. `changes` counts when that
    /// happens.
    pub fn new(failover_timeout: Duration, changes: Total) -> Self {
        let callers = Mutex::new(LruCache::unbounded());
        Elections { failover_timeout, callers, changes, forgotten: RateLimit::default() }
    }

    /// Notes that a replica has sent samples, the newest of them of the time `newest` in milliseconds since 1970, and
    /// tells what becomes of them. A caller with keys of its own elects once Timestream has taken samples with them:
    /// anybody can invent keys.
    pub fn hear(&self, caller: Caller, pair: Pair<'_>, newest: i64, now: Instant) -> Heard {
        let Pair { cluster, replica } = pair;
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let clusters = match caller {
            None => callers.get_or_insert_mut(caller, LruCache::unbounded),
            Some(_) => match callers.get_mut(&caller) {
                Some(clusters) => clusters,
                None => return Heard::Elected { after: i64::MIN },
            },
        };
        let Some(elected) = clusters.peek_mut(cluster) else {
            let elected =
                Elected { replica: replica.into(), since: now, heard: now, newest: i64::MIN, after: i64::MIN };
            self.insert(clusters, cluster, elected);
            return Heard::Elected { after: i64::MIN };
        };
        if *elected.replica != *replica {
            let silent = now.saturating_duration_since(elected.heard);
            if silent < self.failover_timeout {
                return match self.covers(elected.newest, newest) {
                    true => Heard::Other,
                    false => Heard::Behind { elected: elected.replica.to_string() },
                };
            }
            let before = std::mem::replace(&mut elected.replica, replica.into());
            (elected.since, elected.after) = (now, elected.newest);
            self.changes.increment(1);
            info!(cluster, replica, before, silent_seconds = silent.as_secs(), "another replica is elected");
        }
        elected.heard = now;
        // A replica that was far behind would lose all of that. Some times may then be covered twice.
        let is_new = now.saturating_duration_since(elected.since) < self.failover_timeout;
        let after = if is_new { elected.after } else { i64::MIN };
        clusters.promote(cluster);
        Heard::Elected { after }
    }

    /// Whether another replica's samples up to `time` may be left out where the elected one has stored its own up to
    /// `newest`.
    pub fn covers(&self, newest: i64, time: i64) -> bool {
        let timeout = i64::try_from(self.failover_timeout.as_millis()).unwrap_or(i64::MAX);
        time <= newest.saturating_add(timeout)
    }

    /// Notes how a request of an elected replica ended. `newest` is the time of its newest sample, which must not lie ahead
    /// of the clock.
    pub fn settle(&self, caller: Caller, pair: Pair<'_>, newest: i64, end: Ended, now: Instant) {
        let Pair { cluster, replica } = pair;
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let has_stored = end == Ended::Done { has_stored: true };
        if callers.peek(&caller).is_none() && !has_stored {
            return;
        }
        let clusters = callers.get_or_insert_mut(caller, LruCache::unbounded);
        match clusters.peek_mut(cluster) {
            Some(elected) if *elected.replica == *replica => {
                elected.heard = now;
                if end != Ended::ComesAgain {
                    elected.newest = elected.newest.max(newest);
                }
            }
            None if has_stored => {
                let elected = Elected { replica: replica.into(), since: now, heard: now, newest, after: i64::MIN };
                self.insert(clusters, cluster, elected);
            }
            _ => {}
        }
        if callers.len() > MAX_CALLERS {
            callers.pop_lru();
        }
    }

    fn insert(&self, clusters: &mut Clusters, cluster: &str, elected: Elected) {
        info!(cluster, replica = elected.replica, "a replica is elected");
        clusters.put(cluster.into(), elected);
        if clusters.len() > MAX_CLUSTERS
            && let Some((cluster, _)) = clusters.pop_lru()
            && let Some(suppressed) = self.forgotten.check()
        {
            warn!(cluster, suppressed, "more than {MAX_CLUSTERS} clusters of HA pairs: one is forgotten");
        }
    }

    /// The elected replicas, by cluster. Clusters that are gone are forgotten.
    pub fn elected(&self, now: Instant) -> Vec<ElectedReplica> {
        let silent = |elected: &Elected| now.saturating_duration_since(elected.heard);
        let mut all: Vec<ElectedReplica> = Vec::new();
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, clusters) in callers.iter_mut() {
            while clusters.peek_lru().is_some_and(|(_, elected)| silent(elected) >= GONE_AFTER) {
                clusters.pop_lru();
            }
            all.extend(clusters.iter().map(|(cluster, elected)| ElectedReplica {
                cluster: cluster.to_string(),
                replica: elected.replica.to_string(),
                callers: 1,
                silent: silent(elected),
            }));
        }
        drop(callers);
        all.sort_unstable_by(|one, other| (&one.cluster, &one.replica).cmp(&(&other.cluster, &other.replica)));
        all.dedup_by(|next, first| {
            let same = (&next.cluster, &next.replica) == (&first.cluster, &first.replica);
            if same {
                first.callers += 1;
                first.silent = first.silent.min(next.silent);
            }
            same
        });
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    const ME: Caller = None;
    const TIMEOUT: Duration = Duration::from_secs(30);

    fn elections() -> (Elections, Total) {
        let changes = Metrics::new().elected_changes;
        (Elections::new(TIMEOUT, changes.clone()), changes)
    }

    fn pair<'a>(cluster: &'a str, replica: &'a str) -> Pair<'a> {
        Pair { cluster, replica }
    }

    const A: Pair<'_> = Pair { cluster: "c", replica: "a" };
    const B: Pair<'_> = Pair { cluster: "c", replica: "b" };
    const FIRST: Heard = Heard::Elected { after: i64::MIN };
    const STORED: Ended = Ended::Done { has_stored: true };

    fn behind(elected: &str) -> Heard {
        Heard::Behind { elected: elected.to_owned() }
    }

    /// A replica sends a sample, which is stored if it is elected.
    fn send(elections: &Elections, pair: Pair<'_>, time: i64, now: Instant) -> Heard {
        let heard = elections.hear(ME, pair, time, now);
        if matches!(heard, Heard::Elected { .. }) {
            elections.settle(ME, pair, time, STORED, now);
        }
        heard
    }

    #[test]
    fn the_first_is_elected_until_it_is_silent_for_the_timeout() {
        let (elections, changes) = elections();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(send(&elections, A, 1_000, at(0)), FIRST);
        assert_eq!(send(&elections, B, 2_000, at(1)), Heard::Other);
        // Samples may come in any order.
        assert_eq!(send(&elections, A, 9_000, at(10)), FIRST);
        assert_eq!(send(&elections, A, 8_000, at(10)), FIRST);
        assert_eq!(send(&elections, B, 39_000, at(39)), Heard::Other);
        assert_eq!(changes.get(), 0);
        // From here on the samples of b are stored, later than those of a.
        assert_eq!(send(&elections, B, 40_000, at(40)), Heard::Elected { after: 9_000 });
        assert_eq!(send(&elections, A, 41_000, at(41)), Heard::Other);
        assert_eq!(send(&elections, B, 45_000, at(45)), Heard::Elected { after: 9_000 });
        assert_eq!(changes.get(), 1);
        assert_eq!(send(&elections, A, 10_000, at(75)), Heard::Elected { after: 45_000 });
        assert_eq!(changes.get(), 2);
        // What is older than that comes late and is not lost for ever.
        assert_eq!(send(&elections, A, 44_000, at(104)), Heard::Elected { after: 45_000 });
        assert_eq!(send(&elections, A, 44_000, at(105)), FIRST);
    }

    #[test]
    fn the_others_keep_what_the_elected_one_has_not_stored() {
        let (elections, changes) = elections();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(elections.hear(ME, A, 1_000, at(0)), FIRST);
        assert_eq!(elections.hear(ME, B, 1_500, at(0)), behind("a"));
        elections.settle(ME, A, 1_000, STORED, at(1));
        assert_eq!(elections.hear(ME, B, 1_500, at(1)), Heard::Other);
        // Timestream fails for a minute, and requests end and come again.
        for second in 2..60 {
            assert_eq!(elections.hear(ME, A, 2_000, at(second)), FIRST);
            elections.settle(ME, A, 2_000, Ended::ComesAgain, at(second));
            assert_eq!(elections.hear(ME, B, 31_000, at(second)), Heard::Other);
            assert_eq!(elections.hear(ME, B, 31_001, at(second)), behind("a"));
        }
        // Then a dies, and what b has kept is stored.
        assert_eq!(elections.hear(ME, B, 31_001, at(88)), behind("a"));
        assert_eq!(elections.hear(ME, B, 31_001, at(89)), Heard::Elected { after: 1_000 });
        assert_eq!(elections.hear(ME, A, 31_001, at(90)), behind("b"));
        assert_eq!(changes.get(), 1);
    }

    #[test]
    fn clusters_and_callers_have_elections_of_their_own() {
        let (elections, _) = elections();
        let now = Instant::now();
        assert_eq!(send(&elections, A, 0, now), FIRST);
        assert_eq!(send(&elections, pair("d", "b"), 0, now), FIRST);
        for caller in [Some([2; 32]), Some([3; 32])] {
            // Nobody knows yet whether these keys are good.
            assert_eq!(elections.hear(caller, A, 0, now), FIRST);
            for end in [Ended::ComesAgain, Ended::Done { has_stored: false }] {
                elections.settle(caller, A, 0, end, now);
            }
            assert_eq!(elections.hear(caller, B, 0, now), FIRST);
            elections.settle(caller, B, 0, STORED, now);
            assert_eq!(elections.hear(caller, A, 0, now), Heard::Other);
        }
        let shown: Vec<_> =
            elections.elected(now).into_iter().map(|one| (one.cluster, one.replica, one.callers)).collect();
        let row = |cluster: &str, replica: &str, callers| (cluster.to_owned(), replica.to_owned(), callers);
        assert_eq!(shown, [row("c", "a", 1), row("c", "b", 2), row("d", "b", 1)]);
        assert_eq!(elections.elected(now + GONE_AFTER), []);
    }

    #[test]
    fn at_the_limits_the_most_silent_is_forgotten() {
        let (elections, _) = elections();
        let start = Instant::now();
        for number in 0..MAX_CLUSTERS as u64 {
            send(&elections, pair(&number.to_string(), "a"), 0, start + Duration::from_millis(number));
        }
        let now = start + Duration::from_millis(MAX_CLUSTERS as u64);
        // It is not the most silent any more.
        assert_eq!(send(&elections, pair("0", "a"), 0, now), FIRST);
        assert_eq!(send(&elections, pair("new", "a"), 0, now), FIRST);
        assert_eq!(elections.elected(now).len(), MAX_CLUSTERS);
        assert_eq!(send(&elections, pair("0", "b"), 0, now), Heard::Other);
        assert_eq!(send(&elections, pair("1", "b"), 0, now), FIRST, "it was forgotten");
        assert_eq!(send(&elections, pair("3", "b"), 0, now), Heard::Other);
        let caller = |number: usize| {
            let mut caller = [0; 32];
            caller[..8].copy_from_slice(&(number as u64).to_le_bytes());
            Some(caller)
        };
        (0..2 * MAX_CALLERS).for_each(|number| elections.settle(caller(number), A, 0, STORED, now));
        let callers: Vec<u64> = elections.elected(now).iter().map(|one| one.callers).collect();
        assert_eq!(callers, [MAX_CALLERS as u64], "the first caller is forgotten, too");
    }
}

//! Which replica of each cluster is listened to.
//!
//! The first replica that is heard of a cluster is elected. It stays so until it has been silent for the failover
//! time-out and another one is heard. All of this is the memory of one process.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::telemetry::metrics::{ElectedReplica, Total};
use crate::telemetry::rate_limit::RateLimit;

/// Clusters of all callers that are remembered. Beyond, the one that is silent the longest is forgotten, and its next
/// request elects anew.
const MAX_CLUSTERS: usize = 10_000;
/// A cluster that is silent for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(60 * 60);

/// A caller, by the digest of its keys.
type CallerDigest = [u8; 32];

/// The replica that a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The value of the cluster label.
    pub cluster: &'a str,
    /// The value of the replica label.
    pub replica: &'a str,
}

/// What becomes of the samples of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It is elected. Its samples later than `after`, in milliseconds since 1970, are stored. Those before were stored
    /// from the replica that it took over from.
    Elected {
        /// The time of the last sample of the replica before; `i64::MIN` if there was none.
        after: i64,
    },
    /// Another replica is elected.
    Other,
}

/// A cluster of a caller.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Cluster {
    caller: CallerDigest,
    name: Box<str>,
}

/// The elected replica of a cluster.
#[derive(Debug)]
struct Elected {
    replica: Box<str>,
    heard: Instant,
    /// The time of its newest sample.
    newest: i64,
    after: i64,
}

/// The elected replicas of all clusters.
#[derive(Debug)]
pub struct Elections {
    failover_timeout: Duration,
    /// Those that are silent the longest go first.
    clusters: Mutex<LruCache<Cluster, Elected>>,
    changes: Total,
    forgotten: RateLimit,
}

impl Elections {
    /// Elections in which a replica that is silent for `failover_timeout` can be replaced. `changes` counts when that
    /// happens.
    pub fn new(failover_timeout: Duration, changes: Total) -> Self {
        let clusters = Mutex::new(LruCache::unbounded());
        Elections { failover_timeout, clusters, changes, forgotten: RateLimit::default() }
    }

    /// Notes that a replica has sent samples, the newest of them of the time `newest` in milliseconds since 1970, and
    /// tells what becomes of them. `newest` must not lie ahead of the clock, since only newer samples are taken from the
    /// replica that takes over.
    pub fn hear(&self, caller: CallerDigest, pair: Pair<'_>, newest: i64, now: Instant) -> Heard {
        let Pair { cluster, replica } = pair;
        let key = Cluster { caller, name: cluster.into() };
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(elected) = clusters.peek_mut(&key) {
            if *elected.replica != *replica {
                let silent = now.saturating_duration_since(elected.heard);
                if silent < self.failover_timeout {
                    return Heard::Other;
                }
                let before = std::mem::replace(&mut elected.replica, replica.into());
                elected.after = elected.newest;
                self.changes.increment(1);
                info!(cluster, replica, before, silent_seconds = silent.as_secs(), "another replica is elected");
            }
            elected.heard = now;
            elected.newest = elected.newest.max(newest);
            let after = elected.after;
            clusters.promote(&key);
            return Heard::Elected { after };
        }
        clusters.put(key, Elected { replica: replica.into(), heard: now, newest, after: i64::MIN });
        let forgotten = if clusters.len() > MAX_CLUSTERS { clusters.pop_lru() } else { None };
        drop(clusters);
        debug!(cluster, replica, "a replica is elected");
        if let Some((Cluster { name, .. }, _)) = forgotten
            && let Some(suppressed) = self.forgotten.check()
        {
            warn!(
                cluster = name,
                suppressed, "there are more than {MAX_CLUSTERS} clusters of HA pairs; one is forgotten"
            );
        }
        Heard::Elected { after: i64::MIN }
    }

    /// The elected replicas, by cluster. Clusters that are gone are forgotten.
    pub fn elected(&self, now: Instant) -> Vec<ElectedReplica> {
        let silent = |elected: &Elected| now.saturating_duration_since(elected.heard);
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        while clusters.peek_lru().is_some_and(|(_, elected)| silent(elected) >= GONE_AFTER) {
            clusters.pop_lru();
        }
        let shown = |(cluster, elected): (&Cluster, &Elected)| ElectedReplica {
            cluster: cluster.name.to_string(),
            replica: elected.replica.to_string(),
            callers: 1,
            silent: silent(elected),
        };
        let mut all: Vec<ElectedReplica> = clusters.iter().map(shown).collect();
        drop(clusters);
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

    const ME: CallerDigest = [1; 32];
    const TIMEOUT: Duration = Duration::from_secs(30);

    fn elections() -> (Elections, Total) {
        let changes = Metrics::new().elected_changes;
        (Elections::new(TIMEOUT, changes.clone()), changes)
    }

    fn pair<'a>(cluster: &'a str, replica: &'a str) -> Pair<'a> {
        Pair { cluster, replica }
    }

    const FIRST: Heard = Heard::Elected { after: i64::MIN };

    #[test]
    fn the_first_is_elected_until_it_is_silent_for_the_timeout() {
        let (elections, changes) = elections();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let (a, b) = (pair("c", "a"), pair("c", "b"));
        assert_eq!(elections.hear(ME, a, 1_000, at(0)), FIRST);
        assert_eq!(elections.hear(ME, b, 2_000, at(1)), Heard::Other);
        // Samples may come in any order.
        assert_eq!(elections.hear(ME, a, 9_000, at(10)), FIRST);
        assert_eq!(elections.hear(ME, a, 8_000, at(10)), FIRST);
        assert_eq!(elections.hear(ME, b, 39_000, at(39)), Heard::Other);
        assert_eq!(changes.get(), 0);
        // From here on the samples of b are stored, later than those of a.
        assert_eq!(elections.hear(ME, b, 40_000, at(40)), Heard::Elected { after: 9_000 });
        assert_eq!(elections.hear(ME, a, 41_000, at(41)), Heard::Other);
        assert_eq!(elections.hear(ME, b, 45_000, at(45)), Heard::Elected { after: 9_000 });
        assert_eq!(changes.get(), 1);
        assert_eq!(elections.hear(ME, a, 10_000, at(75)), Heard::Elected { after: 45_000 });
        assert_eq!(changes.get(), 2);
    }

    #[test]
    fn clusters_and_callers_have_elections_of_their_own() {
        let (elections, _) = elections();
        let now = Instant::now();
        assert_eq!(elections.hear(ME, pair("c", "a"), 0, now), FIRST);
        assert_eq!(elections.hear(ME, pair("d", "b"), 0, now), FIRST);
        assert_eq!(elections.hear([2; 32], pair("c", "b"), 0, now), FIRST);
        assert_eq!(elections.hear([3; 32], pair("c", "b"), 0, now), FIRST);
        let shown: Vec<_> =
            elections.elected(now).into_iter().map(|one| (one.cluster, one.replica, one.callers)).collect();
        let row = |cluster: &str, replica: &str, callers| (cluster.to_owned(), replica.to_owned(), callers);
        assert_eq!(shown, [row("c", "a", 1), row("c", "b", 2), row("d", "b", 1)]);
        assert_eq!(elections.elected(now + GONE_AFTER), []);
    }

    #[test]
    fn at_the_limit_the_most_silent_is_forgotten() {
        let (elections, _) = elections();
        let start = Instant::now();
        for number in 0..MAX_CLUSTERS as u64 {
            let (caller, cluster) = ([(number % 7) as u8; 32], number.to_string());
            elections.hear(caller, pair(&cluster, "a"), 0, start + Duration::from_millis(number));
        }
        let now = start + Duration::from_millis(MAX_CLUSTERS as u64);
        // It is not the most silent any more.
        assert_eq!(elections.hear([0; 32], pair("0", "a"), 0, now), FIRST);
        assert_eq!(elections.hear(ME, pair("new", "a"), 0, now), FIRST);
        let count = |now| elections.elected(now).len();
        assert_eq!(count(now), MAX_CLUSTERS);
        assert_eq!(elections.hear([0; 32], pair("0", "b"), 0, now), Heard::Other);
        assert_eq!(elections.hear([1; 32], pair("1", "b"), 0, now), FIRST, "it was forgotten");
        assert_eq!(elections.hear([3; 32], pair("3", "b"), 0, now), Heard::Other);
        assert_eq!(count(now), MAX_CLUSTERS);
    }
}

//! The elected replicas of HA pairs. Their labels come and go, which the exporter's gauges can't, so they are written
//! here.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::definitions::ELECTED;

/// Replicas that are shown, so that a scrape stays small.
const MAX_SHOWN: usize = 1000;

/// A replica that is listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElectedReplica {
    /// The value of the cluster label.
    pub cluster: String,
    /// The value of the replica label.
    pub replica: String,
    /// Callers in whose cluster of this name it is elected.
    pub callers: u64,
    /// How long it has been silent.
    pub silent: Duration,
}

/// The replicas that the next rendering shows.
#[derive(Debug, Default)]
pub struct ElectedReplicas(Mutex<Vec<ElectedReplica>>);

impl ElectedReplicas {
    /// Takes the replicas to show, by cluster.
    pub fn set(&self, replicas: Vec<ElectedReplica>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = replicas;
    }

    /// Those that were last taken, by cluster, as many as are shown.
    pub fn shown(&self) -> Vec<ElectedReplica> {
        let replicas = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        replicas.iter().take(MAX_SHOWN).cloned().collect()
    }

    pub(super) fn render(&self, text: &mut String) {
        // Writing to a String never fails.
        let _ = writeln!(text, "# HELP {} {}\n# TYPE {} gauge", ELECTED.name, ELECTED.help, ELECTED.name);
        for ElectedReplica { cluster, replica, callers, .. } in self.shown() {
            let (cluster, replica) = (escaped(&cluster), escaped(&replica));
            let _ = writeln!(text, "{}{{cluster=\"{cluster}\",replica=\"{replica}\"}} {callers}", ELECTED.name);
        }
        text.push('\n');
    }
}

/// A label value in Prometheus' text format.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_a_scrape_stays_small() {
        let replica = |cluster: &str| ElectedReplica {
            cluster: cluster.to_owned(),
            replica: "a\nb".to_owned(),
            callers: 2,
            silent: Duration::ZERO,
        };
        let replicas = ElectedReplicas::default();
        let rendered = || {
            let mut text = String::new();
            replicas.render(&mut text);
            text
        };
        replicas.set(vec![replica("c\"\\")]);
        let line = "\ntimestream_connector_ha_elected{cluster=\"c\\\"\\\\\",replica=\"a\\nb\"} 2\n";
        assert!(rendered().contains(line), "{}", rendered());
        replicas.set(vec![replica("c"); 2 * MAX_SHOWN]);
        assert_eq!(rendered().lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count(), MAX_SHOWN);
    }
}

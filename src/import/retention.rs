//! Which times a table takes. What it would certainly refuse is not sent, and is told before.

use aws_sdk_timestreamwrite::types::Table;

use crate::error::{Error, Kind};
use crate::sink::caller_clients::CallerClients;
use crate::sink::destination::Destination;
use crate::sink::service_error;
use crate::units::rfc3339;

/// How far ahead a sample may be (developer guide, "Quotas").
const MAX_AHEAD_MS: i64 = 15 * 60 * 1000;
const HOUR_MS: i64 = 3_600_000;

/// The times that a table takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retention {
    /// The caller may not ask for it.
    Unknown,
    /// As the table is configured.
    Of(Stores),
}

/// How long a table keeps records, and whether it takes old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stores {
    memory_hours: i64,
    magnetic_days: i64,
    takes_old: bool,
}

/// Why a sample can't be stored for its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Over 15 minutes ahead.
    Ahead,
    /// Before 1970.
    BeforeEpoch,
    /// Older than the memory store's retention, and the table takes no such samples.
    NeedsMagneticWrites,
    /// Older than both stores keep.
    Expired,
}

/// How a note to the user is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// To know.
    Info,
    /// To act upon.
    Warning,
}

impl Refused {
    /// The reason in words, to be followed by a sample.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Refused::Ahead => "over 15 minutes ahead, which Timestream refuses",
            Refused::BeforeEpoch => "before 1970, which Timestream can't store",
            Refused::NeedsMagneticWrites => {
                "older than the memory store's retention, and the table's magnetic store writes are off"
            }
            Refused::Expired => "older than the table's retention",
        }
    }
}

/// Asks for the table's retention, and for what tells it from a table of the same name in another account or another time.
/// A caller who may not is not stopped.
///
/// # Errors
/// What DescribeTable answers, but for a refusal of the permission.
pub(super) async fn ask(
    caller: &CallerClients,
    destination: &Destination,
) -> Result<(Retention, Option<String>), Error> {
    let (client, _) = caller.write().await?;
    let Destination { database, table } = destination;
    let asked = client.sdk.describe_table().database_name(database).table_name(table).send().await;
    match asked {
        Ok(answer) => {
            let retention = answer.table().and_then(stores).map_or(Retention::Unknown, Retention::Of);
            Ok((retention, answer.table().map(which)))
        }
        Err(error) => match service_error::from_sdk(&error) {
            error if error.kind() == Kind::Forbidden => Ok((Retention::Unknown, None)),
            error => Err(error),
        },
    }
}

fn which(table: &Table) -> String {
    let created = table.creation_time().and_then(|time| time.to_millis().ok()).map(rfc3339);
    format!("{} made {}", table.arn().unwrap_or_default(), created.unwrap_or_default())
}

fn stores(table: &Table) -> Option<Stores> {
    let kept = table.retention_properties()?;
    let takes_old = table.magnetic_store_write_properties().is_some_and(|writes| writes.enable_magnetic_store_writes());
    Some(Stores {
        memory_hours: kept.memory_store_retention_period_in_hours(),
        magnetic_days: kept.magnetic_store_retention_period_in_days(),
        takes_old,
    })
}

impl Retention {
    /// Why a sample of this time, in milliseconds, would certainly be refused now, if it would.
    pub(super) fn refuses(self, timestamp: i64, now: i64) -> Option<Refused> {
        if timestamp > now.saturating_add(MAX_AHEAD_MS) {
            return Some(Refused::Ahead);
        }
        if timestamp < 0 {
            return Some(Refused::BeforeEpoch);
        }
        let Retention::Of(stores) = self else { return None };
        if timestamp >= stores.oldest_in_memory(now) {
            None
        } else if !stores.takes_old {
            Some(Refused::NeedsMagneticWrites)
        } else {
            (timestamp < stores.oldest(now)).then_some(Refused::Expired)
        }
    }

    /// What the user should know before anything is sent.
    pub(super) fn notes(self, now: i64, destination: &Destination, is_billed: bool) -> Vec<(Weight, String)> {
        let Retention::Of(stores) = self else {
            let note = "the credentials may not call timestream:DescribeTable, so what is older than the table's retention \
                        is not known before it is sent";
            return vec![(Weight::Warning, note.to_owned())];
        };
        let (in_memory, oldest) = (rfc3339(stores.oldest_in_memory(now)), rfc3339(stores.oldest(now)));
        let latest = rfc3339(now.saturating_add(MAX_AHEAD_MS));
        let Destination { database, table } = destination;
        if !stores.takes_old {
            let note = format!(
                "{database}.{table} takes samples from {in_memory} to {latest}; older ones are rejected, since its magnetic \
                 store writes are off. To have them taken: aws timestream-write update-table --database-name {database} \
                 --table-name {table} --magnetic-store-write-properties EnableMagneticStoreWrites=true"
            );
            return vec![(Weight::Warning, note)];
        }
        let mut notes = vec![(
            Weight::Info,
            format!("{database}.{table} takes samples from {oldest} to {latest}; others are rejected"),
        )];
        if is_billed {
            let note = format!(
                "samples before {in_memory} go to the magnetic store: each write is billed, they can be queried within six \
                 hours, and at 250 active partitions of a database Timestream throttles, for up to six hours. Few series \
                 and a short time at once take fewer partitions"
            );
            notes.push((Weight::Info, note));
        }
        notes
    }
}

impl Stores {
    fn oldest_in_memory(self, now: i64) -> i64 {
        now.saturating_sub(self.memory_hours.saturating_mul(HOUR_MS)).max(0)
    }

    /// Records move to the magnetic store when the memory store's time is over, so the two add up (developer guide,
    /// "Storage").
    fn oldest(self, now: i64) -> i64 {
        let kept = self.magnetic_days.saturating_mul(24).saturating_add(self.memory_hours);
        now.saturating_sub(kept.saturating_mul(HOUR_MS)).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn of(takes_old: bool) -> Retention {
        Retention::Of(Stores { memory_hours: 2, magnetic_days: 1, takes_old })
    }

    #[test]
    fn what_is_certainly_refused_is_known_by_its_time() {
        let minute = 60_000;
        for (age, without, with) in [
            (-16 * minute, Some(Refused::Ahead), Some(Refused::Ahead)),
            (-15 * minute, None, None),
            (120 * minute, None, None),
            (121 * minute, Some(Refused::NeedsMagneticWrites), None),
            (26 * 60 * minute, Some(Refused::NeedsMagneticWrites), None),
            (26 * 60 * minute + 1, Some(Refused::NeedsMagneticWrites), Some(Refused::Expired)),
        ] {
            let refused = [of(false), of(true)].map(|retention| retention.refuses(NOW - age, NOW));
            assert_eq!(refused, [without, with], "{age}");
        }
        assert_eq!(Retention::Unknown.refuses(-1, NOW), Some(Refused::BeforeEpoch));
        assert_eq!(Retention::Unknown.refuses(i64::MAX, NOW), Some(Refused::Ahead));
        assert_eq!(Retention::Unknown.refuses(0, NOW), None);
        assert_eq!(of(true).refuses(i64::MIN, i64::MIN), Some(Refused::BeforeEpoch));
    }

    #[test]
    fn the_user_is_told_what_is_taken_and_what_it_means() {
        let destination = Destination { database: "dat".to_owned(), table: "tab".to_owned() };
        let notes = |retention: Retention, is_billed| retention.notes(NOW, &destination, is_billed);
        let told = |notes: &[(Weight, String)], what: &str| notes.iter().any(|(_, note)| note.contains(what));
        assert!(told(&notes(Retention::Unknown, true), "timestream:DescribeTable"));
        let off = notes(of(false), true);
        assert!(
            off[0].0 == Weight::Warning && told(&off, "from 2023-11-14T20:13:20Z to 2023-11-14T22:28:20Z"),
            "{off:?}"
        );
        assert!(told(&off, "EnableMagneticStoreWrites=true"));
        let on = notes(of(true), true);
        assert!(told(&on, "from 2023-11-13T20:13:20Z") && told(&on, "samples before 2023-11-14T20:13:20Z"), "{on:?}");
        assert!(!told(&notes(of(true), false), "billed"));
    }
}

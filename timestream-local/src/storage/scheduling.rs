//! Changes of scheduled queries.

use super::catalog::Catalog;
use super::failure::{Failure, conflict, no_scheduled_query, quota};
use super::resources::{self, change_scheduled_query as changed};
use super::scheduled::{Run, ScheduledQuery, UnderWay};
use super::tagging::check_tags;
use crate::calendar::HOUR;
use crate::error::ApiError;
use rusqlite::Connection;
use std::sync::Arc;

/// Most scheduled queries (quotas of the developer guide).
const MAX_SCHEDULED_QUERIES: usize = 10_000;
/// How long a ClientToken stands for one request, in nanoseconds (service model, member ClientToken).
const TOKEN_LIFE: i64 = 8 * HOUR;

/// A change of the scheduled queries.
#[derive(Debug, Clone)]
pub(crate) enum ScheduleChange {
    /// A new one. If the same request made it before, nothing changes.
    Create { id: String, query: Box<ScheduledQuery> },
    /// It is to run by its schedule, the next time at `next`, or no longer.
    Switch { id: String, enabled: bool, next: Option<i64> },
    /// It is about to run by its schedule, and the next time at `next`. Refused if it is disabled.
    Begin { id: String, run: UnderWay, next: Option<i64> },
    /// A run by hand is ordered. Refused if it is disabled.
    Order { id: String, run: UnderWay },
    /// It missed its time, and runs at `next`.
    Skip { id: String, next: Option<i64> },
    /// A run has ended. After some, no other is to begin.
    End { id: String, run: Box<Run>, disables: bool },
    /// The end of one.
    Delete { id: String },
}

impl ScheduleChange {
    /// Makes the change in the open transaction and in `catalog`.
    ///
    /// # Errors
    /// After one, `catalog` may have a part of the change, and must not be used.
    pub(super) fn apply(&self, connection: &Connection, catalog: &mut Catalog) -> Result<(), Failure> {
        match self {
            ScheduleChange::Create { id, query } => create(connection, catalog, id, query),
            ScheduleChange::Switch { id, enabled, next } => changed(connection, catalog, id, |query| {
                // One that is enabled already keeps its time: it may have run meanwhile.
                (query.enabled, query.next) = (*enabled, if *enabled { query.next.or(*next) } else { None });
                Ok(())
            }),
            ScheduleChange::Begin { id, run, next } => changed(connection, catalog, id, |query| {
                check_enabled(id, query)?;
                (query.previous, query.next) = (Some(run.invocation), *next);
                query.under_way.push(*run);
                Ok(())
            }),
            ScheduleChange::Order { id, run } => changed(connection, catalog, id, |query| {
                check_enabled(id, query)?;
                query.under_way.push(*run);
                Ok(())
            }),
            ScheduleChange::Skip { id, next } => changed(connection, catalog, id, |query| {
                query.next = next.filter(|_| query.enabled);
                Ok(())
            }),
            ScheduleChange::End { id, run, disables } => changed(connection, catalog, id, |query| {
                query.note(run);
                if *disables {
                    (query.enabled, query.next) = (false, None);
                }
                Ok(())
            }),
            ScheduleChange::Delete { id } => {
                let removed = Arc::make_mut(&mut catalog.scheduled).remove(id);
                removed.ok_or_else(|| Failure::Refused(no_scheduled_query(id)))?;
                resources::delete_scheduled_query(connection, id)
            }
        }
    }
}

fn check_enabled(id: &str, query: &ScheduledQuery) -> Result<(), ApiError> {
    match query.enabled {
        true => Ok(()),
        false => Err(ApiError::validation(format!("The scheduled query {id} is disabled."))),
    }
}

fn create(connection: &Connection, catalog: &mut Catalog, id: &str, query: &ScheduledQuery) -> Result<(), Failure> {
    let name = &query.definition.name;
    let token = query.client_token.as_ref();
    let is_recent = |other: &ScheduledQuery| query.created.saturating_sub(other.created) < TOKEN_LIFE;
    let mut others = catalog.scheduled.values();
    if let Some(other) =
        others.find(|other| token.is_some() && other.client_token.as_ref() == token && is_recent(other))
    {
        return match other.definition == query.definition {
            true => Ok(()),
            false => Err(Failure::Refused(ApiError::validation(
                "The ClientToken was used for another scheduled query within the last eight hours.",
            ))),
        };
    }
    if catalog.scheduled.values().any(|other| other.definition.name == *name) {
        return Err(conflict(format!("Scheduled query {name} already exists.")));
    }
    if catalog.scheduled.len() >= MAX_SCHEDULED_QUERIES {
        return Err(quota(format!("An account can have at most {MAX_SCHEDULED_QUERIES} scheduled queries.")));
    }
    check_tags(&query.tags)?;
    resources::save_scheduled_query(connection, id, query)?;
    Arc::make_mut(&mut catalog.scheduled).insert(id.to_owned(), Arc::new(query.clone()));
    Ok(())
}

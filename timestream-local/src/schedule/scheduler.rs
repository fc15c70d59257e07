//! The task that starts runs: by their schedules, and those ordered by hand.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{Id, JoinSet};

use super::context::Context;
use super::expression::Expression;
use super::run::{self, Order, PAUSE, Trigger};
use crate::error::{ApiError, ErrorKind};
use crate::storage::{Change, ScheduleChange, ScheduledQuery, UnderWay};

/// Runs at once, by schedules and by hand each. Further ones wait.
const MAX_RUNS: usize = 4;
/// Runs by hand that may wait.
const MAX_WAITING: usize = 64;
/// How long to sleep at most, since the system's clock may be set.
const MAX_SLEEP: Duration = Duration::from_secs(30);
/// How long runs may take to finish on shutdown.
const SHUTDOWN_TIME: Duration = Duration::from_secs(10);

/// Orders of runs by hand, and news of what has changed.
#[derive(Clone)]
pub(crate) struct Orders {
    context: Context,
    manual: mpsc::Sender<Order>,
    changed: Arc<Notify>,
}

impl Orders {
    /// Orders a run for the time `invocation`, in nanoseconds since 1970. It begins soon, and is kept on disk until it
    /// has ended.
    ///
    /// # Errors
    /// A ThrottlingException when too many wait, and a ValidationException for a query that is disabled.
    pub(crate) async fn execute(
        &self,
        id: String,
        query: Arc<ScheduledQuery>,
        invocation: i64,
        with_insights: bool,
    ) -> Result<(), ApiError> {
        let place = self.manual.clone().try_reserve_owned().map_err(|_| {
            let message = format!("{MAX_WAITING} runs of scheduled queries wait. Try again later.");
            ApiError::new(ErrorKind::Throttling, message)
        })?;
        let Context { storage, clock, .. } = self.context.clone();
        // To its end, even if the caller hangs up: what is kept has to run.
        let ordered = tokio::spawn(async move {
            let run = UnderWay { invocation, trigger: clock.now_ns(), is_manual: true };
            storage.change(Change::Schedule(ScheduleChange::Order { id: id.clone(), run })).await?;
            place.send(Order { id, query, invocation, trigger: Trigger::Manual { with_insights } });
            Ok(())
        });
        ordered.await.map_err(|error| ApiError::internal(error.to_string()))?
    }

    /// Says that a schedule has come, changed or gone.
    pub(crate) fn schedules_changed(&self) {
        self.changed.notify_one();
    }
}

/// Starts runs until it is stopped.
pub(crate) struct Scheduler {
    context: Context,
    manual: mpsc::Receiver<Order>,
    changed: Arc<Notify>,
    /// Runs by schedules that are under way.
    auto_runs: JoinSet<()>,
    running: HashMap<Id, String>,
    manual_runs: JoinSet<()>,
}

impl Scheduler {
    /// A scheduler, and the way to give it orders.
    pub(crate) fn new(context: Context) -> (Scheduler, Orders) {
        let (orders, manual) = mpsc::channel(MAX_WAITING);
        let changed = Arc::new(Notify::new());
        let (auto_runs, manual_runs, running) = (JoinSet::new(), JoinSet::new(), HashMap::new());
        let orders = Orders { context: context.clone(), manual: orders, changed: Arc::clone(&changed) };
        (Scheduler { context, manual, changed, auto_runs, running, manual_runs }, orders)
    }

    /// Works until `stopped` changes. Then what runs may finish for ten seconds.
    pub(crate) async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let mut ahead = self.context.clock.changes();
        self.skip_missed().await;
        loop {
            let sleep = self.start_due().await;
            tokio::select! {
                () = tokio::time::sleep(sleep) => {}
                _ = ahead.changed() => {}
                () = self.changed.notified() => {}
                Some(order) = self.manual.recv(), if self.manual_runs.len() < MAX_RUNS => {
                    let context = self.context.clone();
                    self.manual_runs.spawn(async move { run::run(&context, &order).await });
                }
                Some(ended) = self.auto_runs.join_next_with_id() => {
                    let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                    self.running.remove(&id);
                }
                Some(_) = self.manual_runs.join_next() => {}
                _ = stopped.changed() => break,
            }
        }
        let all = async {
            while self.auto_runs.join_next().await.is_some() {}
            while self.manual_runs.join_next().await.is_some() {}
        };
        // What is left is aborted with the sets.
        let _ = tokio::time::timeout(SHUTDOWN_TIME, all).await;
    }

    /// Leaves out the runs that were due while no server ran.
    async fn skip_missed(&self) {
        let now = self.context.clock.now_ns();
        for (id, query) in self.context.storage.catalog().scheduled.iter() {
            if query.next.is_some_and(|next| next <= now) {
                let change = ScheduleChange::Skip { id: id.clone(), next: next_time(query, now) };
                if let Err(error) = self.context.storage.change(Change::Schedule(change)).await {
                    tracing::error!(query = %id, %error, "a missed run of a scheduled query can't be left out");
                }
            }
        }
    }

    /// Starts what is due, as far as there is room. Returns how long to sleep.
    async fn start_due(&mut self) -> Duration {
        let now = self.context.clock.now_ns();
        let catalog = self.context.storage.catalog();
        let under_way: HashSet<&String> = self.running.values().collect();
        let waiting = catalog.scheduled.iter().filter(|(id, _)| !under_way.contains(id));
        let mut times: Vec<(i64, &String, &Arc<ScheduledQuery>)> =
            waiting.filter_map(|(id, query)| Some((query.next?, id, query))).collect();
        times.sort_unstable_by_key(|(next, id, _)| (*next, *id));
        let room = MAX_RUNS.saturating_sub(self.auto_runs.len());
        let due: Vec<_> = times.iter().take_while(|(next, ..)| *next <= now).take(room).copied().collect();
        let (mut started, mut failed) = (Vec::new(), false);
        for (due, id, query) in due {
            match self.begin(id, query, due, now).await {
                Ok(order) => started.extend(order),
                Err(error) => {
                    tracing::error!(query = %id, %error, "a run of a scheduled query can't begin");
                    failed = true;
                }
            }
        }
        for order in started {
            let (context, id) = (self.context.clone(), order.id.clone());
            let handle = self.auto_runs.spawn(async move { run::run(&context, &order).await });
            self.running.insert(handle.id(), id);
        }
        let next = times.iter().map(|(next, ..)| *next).find(|next| *next > now);
        let until = next.map_or(MAX_SLEEP, |next| Duration::from_nanos(next.saturating_sub(now).unsigned_abs()));
        if failed { PAUSE } else { until.min(MAX_SLEEP) }
    }

    /// Notes that a query is about to run. Of several times that have passed, it runs for the last.
    async fn begin(
        &self,
        id: &str,
        query: &Arc<ScheduledQuery>,
        due: i64,
        now: i64,
    ) -> Result<Option<Order>, ApiError> {
        let expression = Expression::parse(&query.definition.schedule_expression)?;
        let invocation = expression.latest(due, now, query.created);
        let next = next_time(query, now);
        let run = UnderWay { invocation, trigger: now, is_manual: false };
        let change = ScheduleChange::Begin { id: id.to_owned(), run, next };
        match self.context.storage.change(Change::Schedule(change)).await {
            Ok(_) => {
                Ok(Some(Order { id: id.to_owned(), query: Arc::clone(query), invocation, trigger: Trigger::Auto }))
            }
            // It was deleted or disabled meanwhile.
            Err(error) if matches!(error.kind, ErrorKind::ResourceNotFound | ErrorKind::Validation) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// When a query runs after a time.
fn next_time(query: &ScheduledQuery, time: i64) -> Option<i64> {
    let expression = Expression::parse(&query.definition.schedule_expression).ok()?;
    expression.after(time, query.created)
}

//! What a connection is busy with, so that idle and stalled ones can be told from those that work.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// A connection whose body takes longer than this to arrive may lose its place.
const PROMPT: Duration = Duration::from_secs(1);
const SHORTEST_TICK: Duration = Duration::from_millis(10);
const LONGEST_TICK: Duration = Duration::from_secs(1);

/// Time limits of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For a head to arrive, from its first byte.
    pub(super) head: Duration,
    /// For the next request.
    pub(super) idle: Duration,
    /// For a client to take some of its answer.
    pub(super) answer: Duration,
}

/// Why the connector closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// No request for too long.
    Idle,
    /// A head did not arrive in time.
    SlowHead,
    /// The client does not read its answer.
    SlowReader,
    /// Its place is needed.
    Evicted,
}

/// In which order connections give up their places: by state, and then by when the state began.
pub(super) type Rank = (Usefulness, Instant);

/// The state of a connection without a whole request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Usefulness {
    /// It never sent a request.
    Unproven,
    /// It waits for its next request.
    Idle,
    /// Its requests are slow to arrive.
    Slow,
}

/// The activity of one connection.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
    patience: Patience,
    /// Cancelled when its place is needed.
    pub(super) evicted: CancellationToken,
    /// Notified when it has had as many requests as a connection may have.
    pub(super) spent: Notify,
}

#[derive(Debug)]
struct State {
    idle_since: Instant,
    head_since: Option<Instant>,
    is_http2: bool,
    requests: usize,
    in_flight: usize,
    receiving: usize,
    receiving_since: Instant,
    answers_untaken: usize,
    taken_at: Instant,
    write_blocked_since: Option<Instant>,
    /// Whether the current request is dropped when its client closes its side.
    hang_up_cancels: bool,
    /// The task that waits to hear that the client has closed its side.
    held_end: Option<Waker>,
    /// The task that waits for more of a body.
    wants_body: Option<Waker>,
    /// Whether a body was waited for in vain after the client had closed its side.
    body_is_cut: bool,
}

impl Activity {
    pub(super) fn new(patience: Patience) -> Self {
        let now = Instant::now();
        let state = State {
            idle_since: now,
            head_since: None,
            is_http2: false,
            requests: 0,
            in_flight: 0,
            receiving: 0,
            receiving_since: now,
            answers_untaken: 0,
            taken_at: now,
            write_blocked_since: None,
            hang_up_cancels: false,
            held_end: None,
            wants_body: None,
            body_is_cut: false,
        };
        Activity { state: Mutex::new(state), patience, evicted: CancellationToken::new(), spent: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on bytes do not begin a head: HTTP/2 has frames that are not requests.
    pub(super) fn set_http2(&self) {
        let mut state = self.state();
        state.is_http2 = true;
        state.head_since = None;
    }

    pub(super) fn is_http2(&self) -> bool {
        self.state().is_http2
    }

    pub(super) fn bytes_read(&self) {
        let mut state = self.state();
        if state.in_flight == 0 && !state.is_http2 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
    }

    pub(super) fn bytes_written(&self, blocked: bool) {
        let mut state = self.state();
        if !blocked {
            state.write_blocked_since = None;
        } else if state.write_blocked_since.is_none() {
            state.write_blocked_since = Some(Instant::now());
        }
    }

    /// Notes that a request's head is there. Gives the number of requests so far.
    pub(super) fn request_begins(&self) -> usize {
        let mut state = self.state();
        state.head_since = None;
        state.in_flight += 1;
        state.requests = state.requests.saturating_add(1);
        state.hang_up_cancels = false;
        state.requests
    }

    /// The current request is to be dropped when its client closes its side.
    pub(super) fn hang_up_cancels(&self) {
        let mut state = self.state();
        state.hang_up_cancels = true;
        state.held_end.take().into_iter().for_each(Waker::wake);
    }

    /// Whether to hide from the connection that its client has closed its side, because a request is still to be
    /// answered. `waker` is woken when that may have changed.
    ///
    /// hyper hears of it while the last bytes of a body wait to be taken. So whoever reads the body is woken, and only
    /// if nothing is there for them was the body cut short.
    pub(super) fn holds_end(&self, waker: &Waker) -> bool {
        let mut state = self.state();
        let is_cut = state.receiving > 0 && state.body_is_cut;
        let holds = !state.is_http2 && state.in_flight > 0 && !is_cut && !state.hang_up_cancels;
        if holds {
            state.held_end = Some(waker.clone());
            state.wants_body.take().into_iter().for_each(Waker::wake);
        }
        holds
    }

    pub(super) fn body_begins(&self) {
        let mut state = self.state();
        if state.receiving == 0 {
            state.receiving_since = Instant::now();
        }
        state.receiving += 1;
        state.body_is_cut = false;
    }

    /// There is nothing more of a body for now.
    pub(super) fn body_waits(&self, waker: &Waker) {
        let mut state = self.state();
        if let Some(held) = state.held_end.take() {
            state.body_is_cut = true;
            held.wake();
        } else if !state.is_http2 {
            state.wants_body = Some(waker.clone());
        }
    }

    pub(super) fn body_ends(&self) {
        let mut state = self.state();
        state.receiving -= 1;
        state.wants_body = None;
    }

    /// Some of an answer waits for the client to take it.
    pub(super) fn answer_waits(&self) {
        let mut state = self.state();
        state.answers_untaken += 1;
        state.taken_at = Instant::now();
    }

    pub(super) fn answer_taken(&self) {
        let mut state = self.state();
        state.answers_untaken -= 1;
        state.taken_at = Instant::now();
    }

    pub(super) fn request_ends(&self) {
        let mut state = self.state();
        state.in_flight -= 1;
        state.idle_since = Instant::now();
        state.held_end.take().into_iter().for_each(Waker::wake);
    }

    /// Whether it has never sent a byte of a request.
    pub(super) fn is_untouched(&self) -> bool {
        let state = self.state();
        state.requests == 0 && state.head_since.is_none()
    }

    /// Its rank for giving up its place; `None` while one of its requests is handled.
    pub(super) fn rank(&self) -> Option<Rank> {
        let state = self.state();
        match (state.in_flight, state.requests) {
            (0, 0) => Some((Usefulness::Unproven, state.idle_since)),
            (0, _) => Some((Usefulness::Idle, state.idle_since)),
            (in_flight, _) => (state.receiving == in_flight && state.receiving_since.elapsed() > PROMPT)
                .then_some((Usefulness::Slow, state.receiving_since)),
        }
    }

    fn overdue(&self) -> Option<Cut> {
        let state = self.state();
        let is_over = |since: Instant, patience: Duration| since.elapsed() > patience;
        let Patience { head, idle, answer } = self.patience;
        let untaken = state.answers_untaken > 0 && is_over(state.taken_at, answer);
        if untaken || state.write_blocked_since.is_some_and(|since| is_over(since, answer)) {
            Some(Cut::SlowReader)
        } else if state.in_flight > 0 {
            None
        } else if state.head_since.is_some_and(|since| is_over(since, head)) {
            Some(Cut::SlowHead)
        } else {
            is_over(state.idle_since, idle).then_some(Cut::Idle)
        }
    }

    /// Waits until the connection is to be closed.
    pub(super) async fn cut(&self) -> Cut {
        let Patience { head, idle, answer } = self.patience;
        let tick = (head.min(idle).min(answer) / 4).clamp(SHORTEST_TICK, LONGEST_TICK);
        loop {
            tokio::select! {
                () = self.evicted.cancelled() => return Cut::Evicted,
                () = tokio::time::sleep(tick) => if let Some(cut) = self.overdue() {
                    return cut;
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Patience = Patience {
        head: Duration::from_millis(20),
        idle: Duration::from_millis(60),
        answer: Duration::from_millis(40),
    };

    #[tokio::test]
    async fn what_makes_a_connection_wait_is_told_apart() {
        let activity = Activity::new(SOON);
        assert_eq!(activity.cut().await, Cut::Idle);
        let activity = Activity::new(SOON);
        activity.bytes_read();
        assert_eq!(activity.cut().await, Cut::SlowHead);
        let activity = Activity::new(SOON);
        activity.request_begins();
        activity.answer_waits();
        assert_eq!(activity.cut().await, Cut::SlowReader);
        let activity = Activity::new(SOON);
        activity.request_begins();
        activity.bytes_written(true);
        assert_eq!(activity.cut().await, Cut::SlowReader);
        let activity = Activity::new(SOON);
        activity.evicted.cancel();
        assert_eq!(activity.cut().await, Cut::Evicted);
    }

    #[tokio::test]
    async fn a_request_that_is_handled_may_take_its_time() {
        let activity = Activity::new(SOON);
        activity.bytes_read();
        activity.request_begins();
        assert!(tokio::time::timeout(SOON.idle * 3, activity.cut()).await.is_err());
        activity.request_ends();
        assert_eq!(activity.cut().await, Cut::Idle);
    }

    #[test]
    fn who_never_sent_a_request_gives_way_first_and_who_works_not_at_all() {
        let [unproven, idle, working] = [(); 3].map(|()| Activity::new(SOON));
        idle.request_begins();
        idle.request_ends();
        working.request_begins();
        working.body_begins();
        assert!(unproven.rank() < idle.rank() && idle.rank().is_some());
        assert_eq!(working.rank(), None, "its body may still come promptly");
    }
}

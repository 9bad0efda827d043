//! A running call: what its two ends share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tidegate_bindings::gateway::tidegate::gateway::calls::{Error, Event, Outcome};
use tidegate_bindings::types::event::{ClientFeatures, Message, Progress};
use tokio::sync::Notify;

/// Progress reports reach the client at most this often: a tool that reports in every turn of a tight loop would
/// otherwise cost its client more than the work does.
const PROGRESS_PERIOD: Duration = Duration::from_millis(10);

/// Events that wait for a reader. Beyond, the oldest progress or message is dropped: a client that does not read must
/// not fill the host's memory.
const EVENTS: usize = 256;

/// What the caller and the called share while a call runs.
pub(crate) struct Live {
    inner: Mutex<Inner>,
    /// Wakes the reader of events.
    ready: Notify,
    cancelled: AtomicBool,
    /// Wakes whoever waits for cancellation.
    cancellation: Notify,
    client: ClientFeatures,
    deadline: Instant,
}

#[derive(Default)]
struct Inner {
    events: VecDeque<Event>,
    /// Bytes that events may still take.
    budget: usize,
    /// The highest progress so far, and when a report last went out.
    progress: Option<(f64, Instant)>,
    /// A report that waits for its turn; replaced by later ones.
    held: Option<Progress>,
    done: bool,
}

impl Live {
    /// A call that has just started. `budget`: bytes that its events may take while they wait.
    #[must_use]
    pub(crate) fn new(client: ClientFeatures, deadline: Instant, budget: usize) -> Self {
        Self {
            inner: Mutex::new(Inner { budget, ..Inner::default() }),
            ready: Notify::new(),
            cancelled: AtomicBool::new(false),
            cancellation: Notify::new(),
            client,
            deadline,
        }
    }

    /// What the client can answer.
    #[must_use]
    pub(crate) fn client(&self) -> ClientFeatures {
        self.client
    }

    /// Time until the deadline; zero when it has passed.
    #[must_use]
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Says that nobody wants the result any more. Idempotent.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.cancellation.notify_waiters();
    }

    /// Whether the call was cancelled.
    #[must_use]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Waits for cancellation.
    pub(crate) async fn cancelled(&self) {
        let mut notified = std::pin::pin!(self.cancellation.notified());
        loop {
            // Registered before the look at the flag, so that a cancellation in between is not missed.
            notified.as_mut().enable();
            if self.is_cancelled() {
                return;
            }
            notified.as_mut().await;
            notified.set(self.cancellation.notified());
        }
    }

    /// Takes a progress report. Reports that do not grow are dropped.
    pub(crate) fn progress(&self, report: Progress) {
        let mut inner = self.lock();
        let now = Instant::now();
        let (highest, sent) = match inner.progress {
            Some((highest, sent)) => (highest, Some(sent)),
            None => (f64::NEG_INFINITY, None),
        };
        let grows = report.progress.partial_cmp(&highest) == Some(std::cmp::Ordering::Greater);
        if inner.done || !grows {
            return;
        }
        let due = sent.is_none_or(|sent| now.duration_since(sent) >= PROGRESS_PERIOD);
        if due {
            inner.progress = Some((report.progress, now));
            inner.held = None;
            inner.push(Event::Progress(report));
        } else {
            inner.progress = Some((report.progress, sent.unwrap_or(now)));
            inner.held = Some(report);
        }
        drop(inner);
        self.ready.notify_one();
    }

    /// Takes a message.
    pub(crate) fn message(&self, message: Message) {
        let mut inner = self.lock();
        if !inner.done {
            inner.push(Event::Message(message));
        }
        drop(inner);
        self.ready.notify_one();
    }

    /// Takes the end. Later events and ends are dropped.
    pub(crate) fn finish(&self, end: Result<Outcome, Error>) {
        let mut inner = self.lock();
        if inner.done {
            return;
        }
        if let Some(report) = inner.held.take() {
            inner.push(Event::Progress(report));
        }
        inner.done = true;
        inner.events.push_back(Event::Done(end));
        drop(inner);
        self.ready.notify_one();
    }

    /// The next event, if one waits.
    pub(crate) fn next(&self) -> Option<Event> {
        let mut inner = self.lock();
        if inner.events.is_empty() && inner.held_is_due() {
            inner.release();
        }
        let event = inner.events.pop_front()?;
        inner.budget = inner.budget.saturating_add(size(&event));
        Some(event)
    }

    /// Waits until an event waits.
    pub(crate) async fn wait(&self) {
        loop {
            let until = {
                let inner = self.lock();
                if !inner.events.is_empty() {
                    return;
                }
                inner.held.as_ref().and(inner.progress).map(|(_, sent)| sent + PROGRESS_PERIOD)
            };
            match until {
                None => self.ready.notified().await,
                Some(until) if until <= Instant::now() => return,
                Some(until) => {
                    tokio::select! {
                        () = self.ready.notified() => {}
                        () = tokio::time::sleep_until(until.into()) => {}
                    }
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(&mut self, event: Event) {
        let size = size(&event);
        while self.budget < size || self.events.len() >= EVENTS {
            let Some(oldest) = self.events.pop_front() else { return };
            self.budget = self.budget.saturating_add(self::size(&oldest));
        }
        self.budget -= size;
        self.events.push_back(event);
    }

    fn held_is_due(&self) -> bool {
        self.held.is_some() && self.progress.is_some_and(|(_, sent)| sent.elapsed() >= PROGRESS_PERIOD)
    }

    fn release(&mut self) {
        if let Some(report) = self.held.take() {
            self.progress = Some((report.progress, Instant::now()));
            self.push(Event::Progress(report));
        }
    }
}

/// Bytes that an event holds while it waits; its end is bounded elsewhere.
fn size(event: &Event) -> usize {
    const FRAME: usize = 64;
    match event {
        Event::Progress(report) => FRAME + report.message.as_ref().map_or(0, String::len),
        Event::Message(message) => FRAME + message.data.len() + message.logger.as_ref().map_or(0, String::len),
        Event::Done(_) => 0,
    }
}

#[cfg(test)]
mod tests;

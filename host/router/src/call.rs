//! One round of a call, from its start to its end.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use tidegate_bindings::gateway::tidegate::gateway::calls::{Error, Event, Outcome, Request};
use tidegate_grant::Principal;

use crate::Router;
use crate::dispatch::{self, Plan};
use crate::live::Live;
use crate::quota::Turn;

/// A call. It runs from the first [`Call::wait`], [`Call::poll_event`] or [`Call::finish`] on; dropping it cancels it.
pub struct Call {
    router: Router,
    live: Arc<Live>,
    /// What is to be run; taken when it starts. An error: there is nothing to run.
    plan: Option<Result<Plan, Error>>,
    /// What it takes of the client's share, if it is a request of its own; given back with it.
    #[allow(dead_code, reason = "held, not read")]
    turn: Option<Turn>,
}

impl Call {
    pub(crate) fn new(router: Router, principal: &Principal, request: Request) -> Self {
        let client = request.client;
        let plan = dispatch::plan(&router, principal, request);
        let (deadline, budget) = match &plan {
            Ok(plan) => (plan.deadline(), usize::try_from(plan.output()).unwrap_or(usize::MAX)),
            Err(_) => (Instant::now(), 0),
        };
        Self { router, live: Arc::new(Live::new(client, deadline, budget)), plan: Some(plan), turn: None }
    }

    /// A call that counts as a request of the client's.
    pub(crate) fn asked(router: Router, principal: &Principal, request: Request) -> Self {
        match router.quotas().begin(principal) {
            Ok(turn) => {
                let mut call = Self::new(router, principal, request);
                call.turn = Some(turn);
                call
            }
            Err(excess) => {
                let live = Arc::new(Live::new(request.client, Instant::now(), 0));
                Self { router, live, plan: Some(Err(Error::Busy(excess.to_string()))), turn: None }
            }
        }
    }

    /// Starts it in a task of its own, if it has not started.
    fn start(&mut self) {
        match self.plan.take() {
            None => {}
            Some(Err(error)) => self.live.finish(Err(error)),
            Some(Ok(plan)) => {
                let (router, live) = (self.router.clone(), Arc::clone(&self.live));
                tokio::spawn(async move {
                    let end = dispatch::run(&router, &live, plan).await;
                    live.finish(end);
                });
            }
        }
    }

    /// Waits until an event waits.
    pub async fn wait(&mut self) {
        self.start();
        self.live.wait().await;
    }

    /// The next event, if one waits; [`Event::Done`] is the last.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.start();
        self.live.next()
    }

    /// Waits for the end and gives it; events on the way are dropped. Runs in the caller's task if the call has not
    /// started yet, which saves a change of tasks.
    ///
    /// # Errors
    /// As the call ended.
    pub async fn finish(&mut self) -> Result<Outcome, Error> {
        match self.plan.take() {
            Some(Ok(plan)) => dispatch::run(&self.router, &self.live, plan).await,
            Some(Err(error)) => Err(error),
            None => loop {
                match self.live.next() {
                    Some(Event::Done(end)) => return end,
                    Some(_) => {}
                    None => self.live.wait().await,
                }
            },
        }
    }

    /// As [`Call::finish`], but cancels the call when `gone` comes first.
    ///
    /// # Errors
    /// As the call ended.
    pub async fn attend(&mut self, gone: impl Future<Output = ()>) -> Result<Outcome, Error> {
        let live = Arc::clone(&self.live);
        let finish = self.finish();
        tokio::pin!(finish, gone);
        tokio::select! {
            biased;
            end = &mut finish => end,
            () = gone => {
                live.cancel();
                finish.await
            }
        }
    }

    /// Cancels it. Idempotent; the end still comes.
    pub fn cancel(&mut self) {
        self.live.cancel();
        self.plan = None;
        self.live.finish(Err(Error::Cancelled));
    }

    /// What its two ends share, for who waits without holding the call.
    pub(crate) fn live(&mut self) -> Arc<Live> {
        self.start();
        Arc::clone(&self.live)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.live.cancel();
    }
}

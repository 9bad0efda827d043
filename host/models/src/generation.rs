//! A text in the making: one task works on it, step by step, and somebody reads.

use std::sync::Arc;
use std::time::Instant;

use tidegate_bindings::model_backend::tidegate::model::types::{Error, GenerateRequest, Step};
use tokio::sync::mpsc;
use wasmtime::component::ResourceAny;
use wasmtime_wasi_io::async_trait;
use wasmtime_wasi_io::poll::Pollable;

use crate::known::Known;
use crate::request::{Asker, Work};
use crate::stop::{Stop, Waiting};
use crate::{Failure, Generated, Models};

/// Steps that wait for who reads; then the model waits too.
const STEPS: usize = 256;

/// A text in the making. Dropping it cancels it.
pub struct Generation {
    steps: mpsc::Receiver<Result<Step, Failure>>,
    next: Option<Result<Step, Failure>>,
    last: Option<Result<Step, Failure>>,
    stop: Waiting,
}

impl Models {
    /// Begins a text, or gives one that failed at once.
    pub(crate) fn generate(
        &self,
        found: Result<Arc<Known>, Failure>,
        asker: Asker,
        request: GenerateRequest,
    ) -> Generation {
        let known = match found {
            Ok(known) => known,
            Err(failure) => return Generation::failed(failure),
        };
        let (sender, steps) = mpsc::channel(STEPS);
        let stop = Stop::new();
        let waiting = Waiting(Arc::clone(&stop));
        let models = self.clone();
        tokio::spawn(async move {
            let began = Instant::now();
            let ended = models.steps(&known, &stop, request, &sender).await;
            models.used_by(&known, &asker, began, &ended);
            if let Err(failure) = ended {
                let _ = sender.send(Err(failure)).await;
            }
        });
        Generation { steps, next: None, last: None, stop: waiting }
    }

    /// Has the model's turn until the text is at its end, nobody reads any more, or something fails.
    async fn steps(
        &self,
        known: &Arc<Known>,
        stop: &Arc<Stop>,
        request: GenerateRequest,
        sender: &mpsc::Sender<Result<Step, Failure>>,
    ) -> Result<(), Failure> {
        let (_permit, mut place) = self.turn(known, stop).await?;
        let begin: Work<ResourceAny> = Box::new(move |store, guest, model| {
            Box::pin(
                async move { guest.tidegate_model_backend().model().call_generate(&mut *store, model, &request).await },
            )
        });
        let text = self.work(known, &mut place, stop, begin).await?;
        let result = loop {
            if stop.is_cancelled() {
                break Err(Failure::Refused(Error::Cancelled));
            }
            let step: Work<Step> = Box::new(move |store, guest, _| {
                Box::pin(async move { guest.tidegate_model_backend().generation().call_next(&mut *store, text).await })
            });
            let step = match self.work(known, &mut place, stop, step).await {
                Ok(step) => step,
                Err(failure) => break Err(failure),
            };
            let done = matches!(step, Step::Done(_));
            let sent = tokio::select! {
                sent = sender.send(Ok(step)) => sent.is_ok(),
                () = stop.cancelled() => false,
            };
            if done {
                break Ok(());
            }
            if !sent {
                break Err(Failure::Refused(Error::Cancelled));
            }
        };
        if place.is_some() {
            // The flag of this text does not concern putting it away.
            let end: Work<()> = Box::new(move |store, _, _| {
                Box::pin(async move { text.resource_drop_async(&mut *store).await.map(Ok) })
            });
            let _ = self.work(known, &mut place, &Stop::new(), end).await;
        }
        result
    }
}

impl Generation {
    /// One that failed at once.
    pub(crate) fn failed(failure: Failure) -> Self {
        let (sender, steps) = mpsc::channel(1);
        let _ = sender.try_send(Err(failure));
        Self { steps, next: None, last: None, stop: Waiting(Stop::new()) }
    }

    /// Waits until [`Generation::poll`] has something.
    pub async fn ready(&mut self) {
        if self.next.is_none() && self.last.is_none() {
            self.next = Some(self.receive().await);
        }
    }

    /// The next step, if one waits. The last one comes again when asked again.
    pub fn poll(&mut self) -> Option<Result<Step, Failure>> {
        let next = match self.next.take() {
            Some(next) => next,
            None => match &self.last {
                Some(last) => return Some(last.clone()),
                None => match self.steps.try_recv() {
                    Ok(next) => next,
                    Err(mpsc::error::TryRecvError::Empty) => return None,
                    Err(mpsc::error::TryRecvError::Disconnected) => Err(gone()),
                },
            },
        };
        if matches!(next, Ok(Step::Done(_)) | Err(_)) {
            self.last = Some(next.clone());
        }
        Some(next)
    }

    /// Waits for the end, and gives the text that [`Generation::poll`] did not give.
    ///
    /// # Errors
    /// As [`Failure`] says.
    pub async fn finish(&mut self) -> Result<Generated, Failure> {
        let mut text = String::new();
        loop {
            self.ready().await;
            match self.poll() {
                Some(Ok(Step::Chunk(chunk))) => text.push_str(&chunk.text),
                Some(Ok(Step::Done(completion))) => return Ok(Generated { text, completion }),
                Some(Err(failure)) => return Err(failure),
                Some(Ok(Step::Prompt(_))) | None => {}
            }
        }
    }

    /// Cancels. The end still comes.
    pub fn cancel(&self) {
        self.stop.0.cancel();
    }

    async fn receive(&mut self) -> Result<Step, Failure> {
        self.steps.recv().await.unwrap_or_else(|| Err(gone()))
    }
}

fn gone() -> Failure {
    Failure::Failed("the host failed to run the request".to_owned())
}

#[async_trait]
impl Pollable for Generation {
    async fn ready(&mut self) {
        Generation::ready(self).await;
    }
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation").finish_non_exhaustive()
    }
}

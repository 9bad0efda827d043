//! One request to a model: its turn, its instance, its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tidegate_audit::Event;
use tidegate_bindings::model_backend::ModelBackend;
use tidegate_bindings::model_backend::exports::tidegate::model::backend::LoadOptions;
use tidegate_bindings::model_backend::tidegate::model::types::{Description, Error, Shortage};
use tidegate_capability::Ctx;
use tidegate_grant::Principal;
use tidegate_supervisor::{Body, Component, TimeLimit};
use tokio::sync::OwnedMutexGuard;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::choose::what_would_fit;
use crate::failure::{broken, end};
use crate::known::{Chosen, Known, Loaded};
use crate::stop::{Bounds, GRACE, Stop, Waiting};
use crate::weights::{Files, Source};
use crate::{Failure, Models};

/// What a request does with a loaded model: the runtime's failure outside, the backend's error inside.
pub(crate) type Work<R> =
    Box<dyn for<'a> FnOnce(&'a mut Store<Ctx>, &'a ModelBackend, ResourceAny) -> Body<'a, Result<R, Error>> + Send>;

/// The place of a model, while a request has its turn.
pub(crate) type Place = OwnedMutexGuard<Option<Loaded>>;

/// Who asks, for the audit log.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    /// The component.
    pub(crate) component: String,
    /// The client that it works for, where it is one's protocol.
    pub(crate) principal: Option<Principal>,
    /// What it wants: `embed`.
    pub(crate) what: &'static str,
}

impl Models {
    /// What a model is, by the backend's word: reads the head of its file, the first time.
    ///
    /// # Errors
    /// As [`Failure`] says.
    pub async fn describe(&self, known: &Arc<Known>) -> Result<Description, Failure> {
        let backend = self.backend(known).await?;
        Ok(self.choose(known, &backend).await?.description)
    }

    /// Runs one request, in a task of its own: who waits may go away, which cancels it and keeps the instance, if it stops
    /// in time.
    pub(crate) async fn request<R: Send + 'static>(
        &self,
        known: &Arc<Known>,
        asker: Asker,
        work: Work<R>,
    ) -> Result<R, Failure> {
        let stop = Stop::new();
        let _waiting = Waiting(Arc::clone(&stop));
        let (models, known) = (self.clone(), Arc::clone(known));
        let task = tokio::spawn(async move {
            let began = Instant::now();
            let result = models.in_turn(&known, &stop, work).await;
            models.used_by(&known, &asker, began, &result);
            result
        });
        task.await.unwrap_or_else(|_| Err(Failure::Failed("the host failed to run the request".to_owned())))
    }

    /// Writes a request to the audit log.
    pub(crate) fn used_by<R>(&self, known: &Known, asker: &Asker, began: Instant, result: &Result<R, Failure>) {
        self.inner.audit.emit(Event::ModelUsed {
            principal: asker.principal.as_ref().map(|principal| principal.name().to_owned()),
            tenant: asker.principal.as_ref().and_then(|principal| principal.tenant().map(str::to_owned)),
            component: asker.component.clone(),
            model: known.model.reference().to_string(),
            request: asker.what.to_owned(),
            end: end(result),
            microseconds: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        });
    }

    async fn in_turn<R: Send + 'static>(
        &self,
        known: &Arc<Known>,
        stop: &Arc<Stop>,
        work: Work<R>,
    ) -> Result<R, Failure> {
        let (_permit, mut place) = self.turn(known, stop).await?;
        self.work(known, &mut place, stop, work).await
    }

    /// Waits for the model's turn, and loads it if need be.
    pub(crate) async fn turn(
        &self,
        known: &Arc<Known>,
        stop: &Arc<Stop>,
    ) -> Result<(tidegate_supervisor::Permit, Place), Failure> {
        let backend = self.backend(known).await?;
        let until = Instant::now() + backend.limits().deadline;
        let waiting = async {
            let permit = backend.admit().await.map_err(|busy| Failure::Busy(busy.to_string()))?;
            Ok((permit, Arc::clone(&known.place).lock_owned().await))
        };
        let (permit, mut place) = tokio::select! {
            biased;
            turn = waiting => turn?,
            () = stop.cancelled() => return Err(Failure::Refused(Error::Cancelled)),
            () = tokio::time::sleep_until(until.into()) => return Err(Failure::Refused(Error::Deadline)),
        };
        if place.as_ref().is_some_and(|loaded| loaded.backend.digest() != backend.digest()) {
            *place = None;
            self.unloaded(known, "its backend was replaced");
        }
        if place.is_none() {
            let loaded = self.load(known, &backend, stop).await;
            if loaded.is_err() {
                known.memory.store(0, Ordering::Release);
            }
            *place = Some(loaded?);
        }
        Ok((permit, place))
    }

    /// Works with the loaded model in `place`, which is empty afterwards if the instance was lost.
    pub(crate) async fn work<R: Send + 'static>(
        &self,
        known: &Known,
        place: &mut Place,
        stop: &Arc<Stop>,
        work: Work<R>,
    ) -> Result<R, Failure> {
        let lost = || Failure::Failed("the model is not loaded any more: try again".to_owned());
        let Loaded { held, model, backend } = place.take().ok_or_else(lost)?;
        let deadline = Instant::now() + backend.limits().deadline;
        let bounds = Bounds { stop: Arc::clone(stop), deadline };
        let running = backend.run_held(
            held,
            TimeLimit::Until(deadline + GRACE),
            |ctx| ctx.slots.insert(bounds),
            move |store, instance, exports| {
                Box::pin(async move {
                    let indices = exports.model.as_ref().ok_or_else(no_backend)?;
                    let guest = indices.load(&mut *store, instance)?;
                    work(store, &guest, model).await
                })
            },
        );
        let ran = tokio::select! {
            biased;
            ran = running => ran,
            () = stop.given_up() => {
                self.unloaded(known, "it did not stop when it was cancelled");
                return Err(Failure::Refused(Error::Cancelled));
            }
        };
        match ran {
            Ok((result, held)) => {
                let loaded = Loaded { held, model, backend };
                self.settle(known, &loaded);
                **place = Some(loaded);
                result.map_err(Failure::Refused)
            }
            Err(error) => {
                self.unloaded(known, &error.to_string());
                Err(broken(backend.name(), &error))
            }
        }
    }

    /// Loads a model into an instance of its own.
    async fn load(&self, known: &Arc<Known>, backend: &Arc<Component>, stop: &Arc<Stop>) -> Result<Loaded, Failure> {
        let began = Instant::now();
        let chosen = self.choose(known, backend).await?;
        let source = self.source(known, &chosen.candidate.variant).await?;
        // Its instance may grow up to the whole budget: others make room when it does.
        self.make_room(known, chosen.description.memory).await?;
        let deadline = Instant::now() + backend.limits().deadline;
        let bounds = Bounds { stop: Arc::clone(stop), deadline };
        let holding = backend.hold(
            self.inner.memory,
            TimeLimit::Until(deadline + GRACE),
            |ctx| ctx.slots.insert(bounds),
            move |store, instance, exports| {
                Box::pin(async move {
                    let indices = exports.model.as_ref().ok_or_else(no_backend)?;
                    let guest = indices.load(&mut *store, instance)?;
                    let handle = source.give(store.data_mut())?;
                    let model = guest.tidegate_model_backend().model();
                    model.call_load(&mut *store, handle, options()).await
                })
            },
        );
        let held = tokio::select! {
            biased;
            held = holding => held,
            () = stop.given_up() => return Err(Failure::Refused(Error::Cancelled)),
        };
        let (model, held) = held.map_err(|error| broken(backend.name(), &error))?;
        let model = model.map_err(Failure::Refused)?;
        let loaded = Loaded { held, model, backend: Arc::clone(backend) };
        self.settle(known, &loaded);
        self.inner.audit.emit(Event::ModelLoaded {
            model: known.model.reference().to_string(),
            digest: known.model.digest().to_string(),
            variant: chosen.candidate.variant,
            backend: backend.reference().to_string(),
            bytes: known.memory(),
            microseconds: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        });
        Ok(loaded)
    }

    /// The largest variant that fits, by the backend's word.
    async fn choose(&self, known: &Arc<Known>, backend: &Arc<Component>) -> Result<Chosen, Failure> {
        if let Some(chosen) = known.chosen(Some(backend.digest())) {
            return Ok(chosen);
        }
        let available = self.inner.memory.min(backend.limits().memory);
        let mut candidates = known.candidates.clone();
        for candidate in &mut candidates {
            if candidate.least > available {
                continue;
            }
            let description = self.inspect(known, backend, &candidate.variant).await?;
            if description.memory <= available {
                let chosen = Chosen { backend: *backend.digest(), candidate: candidate.clone(), description };
                known.choose(chosen.clone());
                return Ok(chosen);
            }
            candidate.needs = description.memory;
        }
        let needed = candidates.iter().map(|candidate| candidate.needs).min().unwrap_or(0);
        self.inner.audit.emit(Event::Refused {
            component: known.model.reference().to_string(),
            digest: Some(known.model.digest().to_string()),
            reason: what_would_fit(&candidates, available),
        });
        Err(Failure::DoesNotFit(Shortage { needed, available }))
    }

    async fn inspect(
        &self,
        known: &Arc<Known>,
        backend: &Arc<Component>,
        variant: &str,
    ) -> Result<Description, Failure> {
        let source = self.source(known, variant).await?;
        let time = TimeLimit::Until(Instant::now() + backend.limits().deadline);
        let asked = backend.run(
            time,
            |_| (),
            move |store, instance, exports| {
                Box::pin(async move {
                    let indices = exports.model.as_ref().ok_or_else(no_backend)?;
                    let guest = indices.load(&mut *store, instance)?;
                    let handle = source.give(store.data_mut())?;
                    guest.tidegate_model_backend().call_inspect(&mut *store, handle, options()).await
                })
            },
        );
        let described = asked.await.map_err(|error| broken(backend.name(), &error))?;
        described.map_err(Failure::Refused)
    }

    /// The files of a variant, opened and hashed: once while the host runs.
    async fn source(&self, known: &Arc<Known>, variant: &str) -> Result<Source, Failure> {
        let opened = |known: &Known| {
            let sources = known.sources.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            sources.iter().find(|(name, _)| name == variant).map(|(_, source)| source.clone())
        };
        if let Some(source) = opened(known) {
            return Ok(source);
        }
        let (inner, model) = (Arc::clone(&self.inner), Arc::clone(known));
        let wanted = variant.to_owned();
        let open = tokio::task::spawn_blocking(move || {
            let manifest = model.model.manifest();
            let parts = manifest.variants.iter().find(|variant| variant.name == wanted);
            let mut opened = Vec::new();
            for file in parts.map(|variant| manifest.parts(variant)).unwrap_or_default() {
                let Some(digest) = model.model.files().get(file) else { continue };
                let blob = inner.store.open_blob(digest).map_err(|error| error.to_string())?;
                opened.push((file.to_owned(), Arc::new(blob)));
            }
            let settings = serde_json::Value::Object(manifest.settings.clone()).to_string();
            let (name, format) = (manifest.name.to_string(), manifest.format.clone());
            Ok::<_, String>(Source(Arc::new(Files { name, format, settings, parts: opened })))
        });
        let source = match open.await {
            Ok(source) => source.map_err(Failure::Failed)?,
            Err(_) => return Err(Failure::Failed("the host failed to read the model".to_owned())),
        };
        let mut sources = known.sources.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        sources.push((variant.to_owned(), source.clone()));
        Ok(source)
    }
}

/// Options of every load: the model's own context, or what fits.
const fn options() -> LoadOptions {
    LoadOptions { context_length: None }
}

fn no_backend() -> wasmtime::Error {
    wasmtime::format_err!("the component exports no backend")
}

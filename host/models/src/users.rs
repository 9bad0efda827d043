//! `tidegate:model/models`: models for components that use them.

use std::sync::Arc;

use tidegate_audit::Event;
use tidegate_bindings::model_backend::tidegate::model::types::{
    Classification, Description, EmbedOptions, Embeddings, GenerateRequest, Inference, Step, Subject, Tensor,
};
use tidegate_bindings::models::tidegate::model::models::{
    Failure, Generated, Generation as Handle, Host, HostGeneration, Summary,
};
use tidegate_capability::{Ctx, Denials, Slots};
use tidegate_grant::{Grant, Item, ItemKind, Principal, Use};
use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi_io::poll::{DynPollable, subscribe};

use crate::known::Known;
use crate::manager::WeakModels;
use crate::request::{Asker, Work};
use crate::{Generation, Models};

type Outcome<T> = Result<T, Failure>;

/// A component that may use models.
pub(crate) struct User {
    /// Weakly: a loaded model has its backend, which is a component like this one and has this too.
    pub(crate) models: WeakModels,
    pub(crate) name: Arc<str>,
    pub(crate) grant: Arc<Grant>,
    pub(crate) denials: Denials,
}

pub(crate) struct View<'a> {
    table: &'a mut ResourceTable,
    slots: &'a mut Slots,
}

pub(crate) struct Has;

impl HasData for Has {
    type Data<'a> = View<'a>;
}

pub(crate) fn of(ctx: &mut Ctx) -> View<'_> {
    View { table: &mut ctx.table, slots: &mut ctx.slots }
}

/// A component that asks now, and for whom.
struct Asking {
    user: Arc<User>,
    /// The client, where the component is its protocol. What a tool uses is the tool's own.
    principal: Option<Principal>,
}

impl Asking {
    /// Whether the client, if there is one, may use a model through this component.
    fn permits(&self, model: &str) -> Use {
        let item = Item { kind: ItemKind::Model, component: &self.user.name, name: model };
        self.principal.as_ref().map_or(Use::Allowed, |principal| principal.may_use(&item))
    }

    /// A model that it may use. One that it may not looks like one that is not there.
    fn find(&self, model: &str) -> Outcome<Arc<Known>> {
        let models = self.user.models.get()?;
        let shown: String = model.chars().take(80).flat_map(char::escape_debug).collect();
        let found = self.user.grant.model(model).and_then(|_| models.get(model));
        let Some(known) = found else {
            let reason = format!(
                "this component has no model `{shown}`: either the node does not have it (`tidegate model list`), or policy \
                 does not grant it; this line in the component's `[[grant]]` would: models = [\"{shown}\"]"
            );
            self.user.denials.write("tidegate:model/models", &format!("model `{shown}`"), &reason);
            return Err(Failure::NotFound(reason));
        };
        let scopes = match self.permits(known.name()) {
            Use::Allowed => return Ok(known),
            Use::WithScopes(scopes) => scopes,
            Use::Denied => Vec::new(),
        };
        let component = self.user.name.to_string();
        let reason = format!(
            "this client may not use the model `{shown}`; this line in its `[[client]]` would permit it: \
             models = [\"{component}/{shown}\"]"
        );
        if let Some(principal) = &self.principal {
            models.inner.audit.emit(Event::Forbidden {
                principal: principal.name().to_owned(),
                tenant: principal.tenant().map(str::to_owned),
                component,
                target: format!("model {shown}"),
                scopes,
            });
        }
        Err(Failure::NotFound(reason))
    }

    fn asker(&self, what: &'static str) -> Asker {
        Asker { component: self.user.name.to_string(), principal: self.principal.clone(), what }
    }

    async fn request<R: Send + 'static>(&self, model: &str, what: &'static str, work: Work<R>) -> Outcome<R> {
        let known = self.find(model)?;
        self.user.models.get()?.request(&known, self.asker(what), work).await
    }
}

impl Models {
    /// A model as its users see it.
    #[must_use]
    pub fn summary(&self, known: &Known) -> Summary {
        let manifest = known.model.manifest();
        let chosen = known.chosen(None).map(|chosen| chosen.candidate);
        // Before a backend was asked: what its manifest lets expect.
        let expected = || known.candidates.iter().find(|candidate| candidate.least <= self.budget());
        let candidate = chosen.or_else(|| expected().or(known.candidates.last()).cloned());
        Summary {
            name: manifest.name.to_string(),
            version: manifest.version.to_string(),
            format: manifest.format.clone(),
            description: Some(manifest.description.clone()).filter(|text| !text.is_empty()),
            licence: manifest.licence.clone(),
            variant: candidate.as_ref().map(|candidate| candidate.variant.clone()).unwrap_or_default(),
            size: candidate.map_or(0, |candidate| candidate.size),
            labels: manifest.labels.iter().map(|(key, label)| (key.clone(), label.clone())).collect(),
            loaded: known.memory() > 0,
        }
    }
}

impl View<'_> {
    fn asking(&self) -> wasmtime::Result<Asking> {
        let user = self.slots.get::<Arc<User>>();
        let user = user.cloned().ok_or_else(|| wasmtime::format_err!("the component was granted no model"))?;
        Ok(Asking { user, principal: self.slots.get::<Principal>().cloned() })
    }

    fn generation(&mut self, handle: &Resource<Handle>) -> wasmtime::Result<&mut Generation> {
        Ok(self.table.get_mut(&Resource::<Generation>::new_borrow(handle.rep()))?)
    }
}

impl Host for View<'_> {
    async fn list(&mut self) -> wasmtime::Result<Vec<Summary>> {
        let asking = self.asking()?;
        let user = &asking.user;
        let Ok(models) = user.models.get() else { return Ok(Vec::new()) };
        let all = models.all();
        let granted = all.iter().filter(|known| user.grant.model(known.name()).is_some());
        let granted = granted.filter(|known| asking.permits(known.name()) == Use::Allowed);
        Ok(granted.map(|known| models.summary(known)).collect())
    }

    async fn describe(&mut self, model: String) -> wasmtime::Result<Outcome<Description>> {
        let asking = self.asking()?;
        Ok(match asking.user.models.get().and_then(|models| Ok((models, asking.find(&model)?))) {
            Ok((models, known)) => models.describe(&known).await,
            Err(failure) => Err(failure),
        })
    }

    async fn infer(
        &mut self,
        model: String,
        inputs: Vec<Tensor>,
        outputs: Vec<String>,
    ) -> wasmtime::Result<Outcome<Inference>> {
        let work: Work<Inference> = Box::new(move |store, guest, model| {
            Box::pin(async move {
                guest.tidegate_model_backend().model().call_infer(&mut *store, model, &inputs, &outputs).await
            })
        });
        Ok(self.asking()?.request(&model, "infer", work).await)
    }

    async fn embed(
        &mut self,
        model: String,
        texts: Vec<String>,
        options: EmbedOptions,
    ) -> wasmtime::Result<Outcome<Embeddings>> {
        let work: Work<Embeddings> = Box::new(move |store, guest, model| {
            Box::pin(async move {
                guest.tidegate_model_backend().model().call_embed(&mut *store, model, &texts, options).await
            })
        });
        Ok(self.asking()?.request(&model, "embed", work).await)
    }

    async fn classify(
        &mut self,
        model: String,
        subject: Subject,
        top: u32,
    ) -> wasmtime::Result<Outcome<Classification>> {
        let work: Work<Classification> = Box::new(move |store, guest, model| {
            Box::pin(async move {
                guest.tidegate_model_backend().model().call_classify(&mut *store, model, &subject, top).await
            })
        });
        Ok(self.asking()?.request(&model, "classify", work).await)
    }

    async fn tokenize(&mut self, model: String, text: String, special: bool) -> wasmtime::Result<Outcome<Vec<u32>>> {
        let work: Work<Vec<u32>> = Box::new(move |store, guest, model| {
            Box::pin(async move {
                guest.tidegate_model_backend().model().call_tokenize(&mut *store, model, &text, special).await
            })
        });
        Ok(self.asking()?.request(&model, "tokenize", work).await)
    }

    async fn detokenize(&mut self, model: String, tokens: Vec<u32>) -> wasmtime::Result<Outcome<String>> {
        let work: Work<String> = Box::new(move |store, guest, model| {
            Box::pin(async move {
                guest.tidegate_model_backend().model().call_detokenize(&mut *store, model, &tokens).await
            })
        });
        Ok(self.asking()?.request(&model, "detokenize", work).await)
    }
}

impl HostGeneration for View<'_> {
    fn new(&mut self, model: String, request: GenerateRequest) -> wasmtime::Result<Resource<Handle>> {
        let asking = self.asking()?;
        let generation = match asking.user.models.get() {
            Ok(models) => models.generate(asking.find(&model), asking.asker("generate"), request),
            Err(failure) => Generation::failed(failure),
        };
        let generation = self.table.push(generation)?;
        Ok(Resource::new_own(generation.rep()))
    }

    fn subscribe(&mut self, handle: Resource<Handle>) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, Resource::<Generation>::new_borrow(handle.rep()))
    }

    fn next(&mut self, handle: Resource<Handle>) -> wasmtime::Result<Option<Outcome<Step>>> {
        Ok(self.generation(&handle)?.poll())
    }

    async fn finish(&mut self, handle: Resource<Handle>) -> wasmtime::Result<Outcome<Generated>> {
        Ok(self.generation(&handle)?.finish().await)
    }

    fn cancel(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        self.generation(&handle)?.cancel();
        Ok(())
    }

    async fn drop(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Generation>::new_own(handle.rep()))?;
        Ok(())
    }
}

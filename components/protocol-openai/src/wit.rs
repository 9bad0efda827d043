//! The models of the real world: WIT imports behind the traits of `models.rs`.

use std::time::Duration;

use crate::bindings::tidegate::gateway::client;
use crate::bindings::tidegate::model::models::{self, Generation};
use crate::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use crate::bindings::wasi::io::poll;
use crate::bindings::wasi::random::random;
use crate::models::{
    Description, EmbedOptions, Embeddings, Failure, GenerateRequest, Models, Step, Summary, Text, Woken,
};

/// The host.
#[derive(Clone, Copy, Default)]
pub(crate) struct Host;

impl Models for Host {
    type Text = Generation;

    fn list(&self) -> Vec<Summary> {
        models::list()
    }

    fn describe(&self, model: &str) -> Result<Description, Failure> {
        models::describe(model)
    }

    fn embed(&self, model: &str, texts: &[String], options: EmbedOptions) -> Result<Embeddings, Failure> {
        models::embed(model, texts, options)
    }

    fn tokenize(&self, model: &str, text: &str, special: bool) -> Result<Vec<u32>, Failure> {
        models::tokenize(model, text, special)
    }

    fn detokenize(&self, model: &str, tokens: &[u32]) -> Result<String, Failure> {
        models::detokenize(model, tokens)
    }

    fn generate(&self, model: &str, request: GenerateRequest) -> Generation {
        Generation::new(model, &request)
    }

    fn wait(&self, text: &Generation, limit: Duration) -> Woken {
        let nanoseconds = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let (step, gone) = (text.subscribe(), client::closed());
        let time = monotonic_clock::subscribe_duration(nanoseconds);
        let ready = poll::poll(&[&gone, &step, &time]);
        match ready.first() {
            Some(0) => Woken::Gone,
            Some(1) => Woken::Step,
            _ => Woken::Time,
        }
    }

    fn is_closed(&self) -> bool {
        client::is_closed()
    }

    fn now(&self) -> u64 {
        wall_clock::now().seconds
    }

    fn random(&self) -> u64 {
        random::get_random_u64()
    }
}

impl Text for Generation {
    fn next(&self) -> Option<Result<Step, Failure>> {
        Generation::next(self)
    }
}

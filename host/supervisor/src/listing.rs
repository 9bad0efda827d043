//! Asks a component what it offers.

use std::time::Instant;

use wasmtime::Store;
use wasmtime::component::Instance;

use tidegate_capability::Ctx;
use tidegate_engine::TimeLimit;

use crate::component::RunError;
use crate::{Component, Definitions, DefinitionsError, Exports};

/// What a list function answered: the runtime's failure outside, the component's error inside.
type Listed<T, E> = wasmtime::Result<Result<T, E>>;

impl Component {
    /// Asks the component what it offers, checks it, and offers that from now on. True if it changed.
    ///
    /// # Errors
    /// When the component cannot say, or says what cannot be served; then it offers what it did before.
    pub async fn refresh(&self) -> Result<bool, DefinitionsError> {
        let definitions = match &self.exports.foreign {
            Some(reflected) => Definitions::foreign(reflected),
            None if self.exports.tools.is_none()
                && self.exports.resources.is_none()
                && self.exports.prompts.is_none() =>
            {
                Definitions { completes: self.exports.completion.is_some(), ..Definitions::default() }
            }
            None => self.ask().await?,
        };
        let mut schemas = definitions.check()?;
        if let Some(guard) = self.guard.get() {
            guard(&definitions).map_err(DefinitionsError::NotApproved)?;
        }
        if self.exports.foreign.is_some() {
            // The host makes both, schema and result, from the same type.
            schemas.clear();
        }
        let changed = format!("{definitions:?}") != format!("{:?}", self.definitions());
        self.set_definitions(definitions, schemas);
        Ok(changed)
    }

    async fn ask(&self) -> Result<Definitions, DefinitionsError> {
        let time = TimeLimit::Until(Instant::now() + self.limits().deadline);
        let asked = self.run(time, |_| (), |store, instance, exports| Box::pin(ask(store, instance, exports)));
        asked
            .await
            .map_err(|error: RunError| DefinitionsError::Failed { what: "definitions", problem: error.to_string() })?
    }
}

async fn ask(
    store: &mut Store<Ctx>,
    instance: &Instance,
    exports: &Exports,
) -> wasmtime::Result<Result<Definitions, DefinitionsError>> {
    let mut definitions = Definitions { completes: exports.completion.is_some(), ..Definitions::default() };
    if let Some(tools) = &exports.tools {
        let tools = tools.load(&mut *store, instance)?;
        let listed = tools.tidegate_tool_tools().call_list_tools(&mut *store).await;
        match answer("tools", listed)? {
            Ok(tools) => definitions.tools = tools,
            Err(error) => return Ok(Err(error)),
        }
    }
    if let Some(resources) = &exports.resources {
        let resources = resources.load(&mut *store, instance)?;
        let listed = resources.tidegate_tool_resources().call_list_resources(&mut *store).await;
        match answer("resources", listed)? {
            Ok(resources) => definitions.resources = resources,
            Err(error) => return Ok(Err(error)),
        }
        let listed = resources.tidegate_tool_resources().call_list_templates(&mut *store).await;
        match answer("resource templates", listed)? {
            Ok(templates) => definitions.templates = templates,
            Err(error) => return Ok(Err(error)),
        }
    }
    if let Some(prompts) = &exports.prompts {
        let prompts = prompts.load(&mut *store, instance)?;
        let listed = prompts.tidegate_tool_prompts().call_list_prompts(&mut *store).await;
        match answer("prompts", listed)? {
            Ok(prompts) => definitions.prompts = prompts,
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(definitions))
}

fn answer<T, E: std::fmt::Debug>(
    what: &'static str,
    listed: Listed<T, E>,
) -> wasmtime::Result<Result<T, DefinitionsError>> {
    Ok(listed?.map_err(|error| DefinitionsError::Failed { what, problem: format!("{error:?}") }))
}

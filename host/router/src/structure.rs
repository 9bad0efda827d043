//! Structured results against the schemas that components declare for them.

use tidegate_bindings::gateway::tidegate::gateway::calls::{Error, Outcome};
use tidegate_supervisor::Component;

/// Bytes that are checked on the thread of the call: a few milliseconds at most. What is longer is checked beside it.
const AT_ONCE: usize = 64 << 10;

/// Lets a tool's outcome pass if its structured result fits the schema that the tool declares.
pub(crate) async fn check(component: &Component, tool: &str, outcome: Outcome) -> Result<Outcome, Error> {
    let Outcome::Tool(output) = &outcome else { return Ok(outcome) };
    let schemas = component.output_schemas();
    let Some(schema) = schemas.get(tool) else { return Ok(outcome) };
    let verdict = match &output.structured {
        // What went wrong need not have the structure of what went well.
        None if output.is_error => Ok(()),
        None => Err("there is none".to_owned()),
        Some(json) if json.len() <= AT_ONCE => schema.check(json),
        Some(json) => {
            let (json, tool, schemas) = (json.clone(), tool.to_owned(), schemas.clone());
            let check = move || schemas.get(&tool).map_or(Ok(()), |schema| schema.check(&json));
            tokio::task::spawn_blocking(check).await.unwrap_or_else(|_| Err("it could not be checked".to_owned()))
        }
    };
    verdict.map(|()| outcome).map_err(|problem| {
        Error::Failed(format!(
            "`{}` is at fault: the structured result of `{tool}` does not fit the output schema that it declares: \
             {problem}",
            component.name()
        ))
    })
}

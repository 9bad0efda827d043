//! Calls as an embedding application sees them.

use tidegate_bindings::types::event::{Message, Progress};
use tidegate_bindings::types::tools::Output;
use tidegate_router::{Call, CallError, Event, Outcome};

/// A tool call. It runs from the first [`ToolCall::next`] or [`ToolCall::finish`] on; dropping it cancels it.
pub struct ToolCall {
    call: Call,
    ended: bool,
}

/// What happens in a call; [`CallEvent::Done`] is the last.
#[derive(Debug, Clone)]
pub enum CallEvent {
    /// How far it is.
    Progress(Progress),
    /// What it says.
    Message(Message),
    /// How it ended.
    Done(Result<Output, CallError>),
}

impl ToolCall {
    pub(crate) fn new(call: Call) -> Self {
        Self { call, ended: false }
    }

    /// Waits for the next event; nothing after the end.
    pub async fn next(&mut self) -> Option<CallEvent> {
        while !self.ended {
            match self.call.poll_event() {
                Some(Event::Progress(progress)) => return Some(CallEvent::Progress(progress)),
                Some(Event::Message(message)) => return Some(CallEvent::Message(message)),
                Some(Event::Done(end)) => {
                    self.ended = true;
                    return Some(CallEvent::Done(end.and_then(output)));
                }
                None => self.call.wait().await,
            }
        }
        None
    }

    /// Waits for the end; events on the way are dropped.
    ///
    /// # Errors
    /// As the call ended. A tool that says of itself that it failed is no error: see `Output::is_error`.
    pub async fn finish(mut self) -> Result<Output, CallError> {
        self.call.finish().await.and_then(output)
    }

    /// Cancels it; the end still comes.
    pub fn cancel(&mut self) {
        self.call.cancel();
    }
}

fn output(outcome: Outcome) -> Result<Output, CallError> {
    match outcome {
        Outcome::Tool(output) => Ok(output),
        Outcome::InputRequired(_) => {
            Err(CallError::Failed("it asks the caller for input, and this caller gives none".to_owned()))
        }
        _ => Err(CallError::Failed("it answered with something else than a tool's output".to_owned())),
    }
}

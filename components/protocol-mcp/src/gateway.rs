//! What the core needs of the world around it, as traits: the WIT imports implement them in the component (`wit.rs`),
//! a double does in native tests (`double.rs`).

use std::time::Duration;

pub(crate) use crate::bindings::tidegate::gateway::catalog::{PromptEntry, ToolEntry};
use crate::bindings::tidegate::gateway::{calls, catalog, mailboxes, seal};
use crate::bindings::tidegate::types::content::{ResourceEntry, Severity};
use crate::bindings::tidegate::types::event::Change;
use crate::bindings::tidegate::types::resources::Template;

/// The gateway and the little else that the host gives.
pub(crate) trait Gateway {
    /// A running call; dropping it cancels it.
    type Call: Call;
    /// Memory between requests.
    type Mailbox: Mailbox;
    /// Eyes on the catalog.
    type Watch: Watch;

    /// The catalog's size.
    fn overview(&self) -> catalog::Overview;
    /// Tools of the catalog.
    fn tools(&self, range: catalog::Range) -> Vec<catalog::ToolEntry>;
    /// A tool of the catalog.
    fn tool(&self, name: &str) -> Option<catalog::ToolEntry>;
    /// Resources of the catalog.
    fn resources(&self, range: catalog::Range) -> Vec<ResourceEntry>;
    /// Resource templates of the catalog.
    fn templates(&self, range: catalog::Range) -> Vec<Template>;
    /// Prompts of the catalog.
    fn prompts(&self, range: catalog::Range) -> Vec<catalog::PromptEntry>;
    /// Starts a call.
    fn start(&self, request: calls::Request) -> Self::Call;
    /// Starts to watch the catalog.
    fn watch(&self) -> Self::Watch;
    /// Makes a mailbox.
    fn make(&self, options: mailboxes::Options, first: &[u8]) -> Result<Self::Mailbox, mailboxes::Error>;
    /// Opens a mailbox.
    fn open(&self, id: &str) -> Result<Self::Mailbox, mailboxes::Error>;
    /// Ids of the client's durable mailboxes after that one, in order.
    fn mailboxes(&self, after: Option<&str>, limit: u32) -> Result<Vec<String>, mailboxes::Error>;
    /// A setting from the policy file.
    fn setting(&self, key: &str) -> Option<String>;
    /// Sixty-four random bits.
    fn random(&self) -> u64;
    /// Milliseconds since 1970.
    fn now(&self) -> u64;
    /// Seals a value that passes through the client, for that long.
    fn seal(&self, value: &[u8], context: &[u8], seconds: u32) -> Result<Vec<u8>, seal::Error>;
    /// Opens it again.
    fn unseal(&self, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, seal::Error>;
    /// Whether the client of this HTTP request has gone.
    fn is_closed(&self) -> bool;
    /// A line for the node's log.
    fn log(&self, severity: Severity, line: &str);
    /// Waits until one of `sources` has something, or until `limit`; `false` when it was the limit.
    fn wait(&self, sources: &[Source<'_, Self>], limit: Option<Duration>) -> bool;
}

/// Something to wait for.
pub(crate) enum Source<'a, G: Gateway + ?Sized> {
    /// An event of a call.
    Call(&'a G::Call),
    /// A message after that number.
    Mailbox(&'a G::Mailbox, u64),
    /// A change of the catalog.
    Watch(&'a G::Watch),
    /// The client of this HTTP request has gone.
    Closed,
    /// Bytes from the client (byte streams only).
    Input,
}

/// As `calls.call`.
pub(crate) trait Call {
    /// The next event, if one waits.
    fn next(&self) -> Option<calls::Event>;
    /// Waits for the end.
    fn finish(&self) -> Result<calls::Outcome, calls::Error>;
    /// Waits for the end; cancels when the client of this HTTP request goes before.
    fn attend(&self) -> Result<calls::Outcome, calls::Error>;
    /// Cancels; the `done` event still comes.
    fn cancel(&self);
}

/// As `mailboxes.mailbox`.
pub(crate) trait Mailbox {
    /// Its id.
    fn id(&self) -> String;
    /// The number of its newest message when the host started.
    fn inherited(&self) -> u64;
    /// Adds a message.
    fn post(&self, body: &[u8]) -> Result<u64, mailboxes::Error>;
    /// Messages after number `after`.
    fn read(&self, after: u64, limit: u32) -> Result<Vec<mailboxes::Message>, mailboxes::Error>;
    /// Forgets it.
    fn close(&self);
}

/// As `catalog.watch`.
pub(crate) trait Watch {
    /// Changes since the last call.
    fn next(&self) -> Vec<Change>;
}

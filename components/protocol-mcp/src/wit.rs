//! The gateway of the real world: WIT imports behind the traits of `gateway.rs`.

use std::time::Duration;

use crate::bindings::tidegate::gateway::{calls, catalog, client, mailboxes, seal};
use crate::bindings::tidegate::host::{config, log};
use crate::bindings::tidegate::types::content::{ResourceEntry, Severity};
use crate::bindings::tidegate::types::event::Change;
use crate::bindings::tidegate::types::resources::Template;
use crate::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use crate::bindings::wasi::io::poll::{self, Pollable};
use crate::bindings::wasi::io::streams::InputStream;
use crate::bindings::wasi::random::random;
use crate::gateway::{Call, Gateway, Mailbox, Source, Watch};

/// The host.
#[derive(Clone, Copy, Default)]
pub(crate) struct Host<'a> {
    /// Bytes from the client, on a byte stream.
    pub(crate) input: Option<&'a InputStream>,
}

impl Gateway for Host<'_> {
    type Call = calls::Call;
    type Mailbox = mailboxes::Mailbox;
    type Watch = catalog::Watch;

    fn overview(&self) -> catalog::Overview {
        catalog::get_overview()
    }

    fn tools(&self, range: catalog::Range) -> Vec<catalog::ToolEntry> {
        catalog::list_tools(range)
    }

    fn tool(&self, name: &str) -> Option<catalog::ToolEntry> {
        catalog::get_tool(name)
    }

    fn resources(&self, range: catalog::Range) -> Vec<ResourceEntry> {
        catalog::list_resources(range)
    }

    fn templates(&self, range: catalog::Range) -> Vec<Template> {
        catalog::list_templates(range)
    }

    fn prompts(&self, range: catalog::Range) -> Vec<catalog::PromptEntry> {
        catalog::list_prompts(range)
    }

    fn start(&self, request: calls::Request) -> Self::Call {
        calls::Call::new(&request)
    }

    fn watch(&self) -> Self::Watch {
        catalog::Watch::new()
    }

    fn make(&self, options: mailboxes::Options, first: &[u8]) -> Result<Self::Mailbox, mailboxes::Error> {
        mailboxes::Mailbox::create(&options, first)
    }

    fn open(&self, id: &str) -> Result<Self::Mailbox, mailboxes::Error> {
        mailboxes::Mailbox::open(id)
    }

    fn mailboxes(&self, after: Option<&str>, limit: u32) -> Result<Vec<String>, mailboxes::Error> {
        mailboxes::Mailbox::list(after, limit)
    }

    fn setting(&self, key: &str) -> Option<String> {
        config::get(key)
    }

    fn random(&self) -> u64 {
        random::get_random_u64()
    }

    fn now(&self) -> u64 {
        let now = wall_clock::now();
        now.seconds * 1_000 + u64::from(now.nanoseconds / 1_000_000)
    }

    fn seal(&self, value: &[u8], context: &[u8], seconds: u32) -> Result<Vec<u8>, seal::Error> {
        seal::seal(value, context, seconds)
    }

    fn unseal(&self, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, seal::Error> {
        seal::open(sealed, context)
    }

    fn is_closed(&self) -> bool {
        client::is_closed()
    }

    fn log(&self, severity: Severity, line: &str) {
        log::write(severity, line);
    }

    fn wait(&self, sources: &[Source<'_, Self>], limit: Option<Duration>) -> bool {
        let mut waiting: Vec<Pollable> = Vec::with_capacity(sources.len() + 1);
        for source in sources {
            match source {
                Source::Call(call) => waiting.push(call.subscribe()),
                Source::Mailbox(mailbox, after) => waiting.push(mailbox.subscribe(*after)),
                Source::Watch(watch) => waiting.push(watch.subscribe()),
                Source::Closed => waiting.push(client::closed()),
                Source::Input => waiting.extend(self.input.map(InputStream::subscribe)),
            }
        }
        let others = waiting.len();
        if let Some(limit) = limit {
            waiting.push(monotonic_clock::subscribe_duration(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX)));
        }
        if waiting.is_empty() {
            // `poll` of nothing traps; nothing to wait for is the limit reached at once.
            return false;
        }
        let list: Vec<&Pollable> = waiting.iter().collect();
        poll::poll(&list).iter().any(|at| usize::try_from(*at).is_ok_and(|at| at < others))
    }
}

impl Call for calls::Call {
    fn next(&self) -> Option<calls::Event> {
        calls::Call::next(self)
    }

    fn finish(&self) -> Result<calls::Outcome, calls::Error> {
        calls::Call::finish(self)
    }

    fn attend(&self) -> Result<calls::Outcome, calls::Error> {
        calls::Call::attend(self)
    }

    fn cancel(&self) {
        calls::Call::cancel(self);
    }
}

impl Mailbox for mailboxes::Mailbox {
    fn id(&self) -> String {
        mailboxes::Mailbox::id(self)
    }

    fn inherited(&self) -> u64 {
        mailboxes::Mailbox::inherited(self)
    }

    fn post(&self, body: &[u8]) -> Result<u64, mailboxes::Error> {
        mailboxes::Mailbox::post(self, body)
    }

    fn read(&self, after: u64, limit: u32) -> Result<Vec<mailboxes::Message>, mailboxes::Error> {
        mailboxes::Mailbox::read(self, after, limit)
    }

    fn close(&self) {
        mailboxes::Mailbox::close(self);
    }
}

impl Watch for catalog::Watch {
    fn next(&self) -> Vec<Change> {
        catalog::Watch::next(self)
    }
}

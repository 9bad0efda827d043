//! The revisions of the protocol, as data: what each has and how it says things.
//!
//! Code asks for a property, never for a version. A new revision is a new row (and a new [`Era`] if the rules of
//! conversation change).

use crate::errors::{INVALID_PARAMS, RESOURCE_NOT_FOUND};

/// Which rules of conversation a revision follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    /// `initialize`, sessions, requests from server to client.
    Legacy,
    /// Stateless: every request carries what it needs.
    Modern,
}

/// A revision.
#[derive(Debug)]
pub(crate) struct Revision {
    /// Its date, which is its name.
    pub(crate) name: &'static str,
    /// Its rules of conversation.
    pub(crate) era: Era,
    /// Several messages in one frame.
    pub(crate) batches: bool,
    /// Sound as content.
    pub(crate) audio: bool,
    /// Hints on tools.
    pub(crate) tool_hints: bool,
    /// The capability `completions`.
    pub(crate) completions: bool,
    /// `title` beside `name`.
    pub(crate) titles: bool,
    /// `outputSchema` and `structuredContent`, and links to resources as content.
    pub(crate) structured: bool,
    /// Structured results and their schemas may be other than objects.
    pub(crate) any_structure: bool,
    /// `icons`.
    pub(crate) icons: bool,
    /// A stream begins with an event that has an id and nothing else, and its server may close it: the client comes back.
    pub(crate) polling: bool,
    /// Arguments that do not fit a tool are shown to the model, not to the protocol.
    pub(crate) lenient_arguments: bool,
    /// Tasks of the core: a client asks for one in its request, and for the result later.
    pub(crate) tasks: bool,
    /// The code for a resource that is not there.
    pub(crate) no_resource: i32,
}

/// The oldest: what a client speaks that has not said anything yet.
pub(crate) static FIRST: Revision = FIRST_ROW;

const FIRST_ROW: Revision = Revision {
    name: "2024-11-05",
    era: Era::Legacy,
    batches: false,
    audio: false,
    tool_hints: false,
    completions: false,
    titles: false,
    structured: false,
    any_structure: false,
    icons: false,
    polling: false,
    lenient_arguments: false,
    tasks: false,
    no_resource: RESOURCE_NOT_FOUND,
};
const SECOND: Revision =
    Revision { name: "2025-03-26", batches: true, audio: true, tool_hints: true, completions: true, ..FIRST_ROW };
const THIRD: Revision = Revision { name: "2025-06-18", batches: false, titles: true, structured: true, ..SECOND };
const FOURTH: Revision =
    Revision { name: "2025-11-25", icons: true, polling: true, lenient_arguments: true, tasks: true, ..THIRD };
const FIFTH: Revision = Revision {
    name: "2026-07-28",
    era: Era::Modern,
    any_structure: true,
    polling: false,
    tasks: false,
    no_resource: INVALID_PARAMS,
    ..FOURTH
};

static REVISIONS: [Revision; 5] = [FIRST_ROW, SECOND, THIRD, FOURTH, FIFTH];
/// The newest with sessions: what we offer to a client whose version we do not know.
pub(crate) static NEWEST_LEGACY: Revision = FOURTH;
/// The newest of all.
pub(crate) static NEWEST: Revision = FIFTH;

impl Revision {
    /// The revision of that name, if it is served.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        REVISIONS.iter().find(|revision| revision.name == name)
    }

    /// The revisions of an era.
    pub(crate) fn of(era: Era) -> impl Iterator<Item = &'static Self> {
        REVISIONS.iter().filter(move |revision| revision.era == era)
    }

    /// Whether it is stateless.
    pub(crate) fn is_modern(&self) -> bool {
        self.era == Era::Modern
    }
}

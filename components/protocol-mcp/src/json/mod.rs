//! JSON in and out: envelopes of JSON-RPC, and a writer which copies what is JSON already.

mod envelope;
mod params;
mod writer;

pub(crate) use envelope::{Frame, Id, Message, Notification, Rejection, Request, Response, parse, parse_message};
pub(crate) use params::{Params, object, string, text};
pub(crate) use writer::Writer;

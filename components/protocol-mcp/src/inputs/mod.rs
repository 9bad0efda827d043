//! Questions of a call to the client, and its answers: requests of ours in the legacy era, `inputRequests` and
//! `inputResponses` in the modern one. The JSON of each question is the same in both.

mod asking;
mod questions;
mod replies;

pub(crate) use asking::{Asked, Asking};
pub(crate) use questions::{missing, question, requests};
pub(crate) use replies::{reply, responses, responses_to};

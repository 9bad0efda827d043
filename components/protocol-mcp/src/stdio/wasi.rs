//! The loop over real streams.

use super::{Conversation, Lines};
use crate::bindings::tidegate::types::content::Severity;
use crate::bindings::wasi::io::streams::{InputStream, OutputStream, StreamError};
use crate::gateway::{Gateway, Source};
use crate::http::wasi::write_all;
use crate::wit::Host;

/// How much is read at once.
const CHUNK: u64 = 64 << 10;

/// Serves one client until its input ends and what runs has finished.
pub(crate) fn serve(input: &InputStream, output: &OutputStream) -> Result<(), String> {
    let host = Host { input: Some(input) };
    let mut conversation = Conversation::new(&host);
    let mut lines = Lines::default();
    let mut ended = false;
    loop {
        conversation.turn();
        write(output, conversation.take())?;
        if ended && conversation.is_idle() {
            host.log(Severity::Debug, "the client closed its input; everything has finished");
            return Ok(());
        }
        let mut sources = conversation.sources();
        if !ended {
            sources.push(Source::Input);
        }
        host.wait(&sources, conversation.limit());
        if ended {
            continue;
        }
        match input.read(CHUNK) {
            Ok(bytes) => lines.push(&bytes).iter().for_each(|line| conversation.line(line)),
            Err(StreamError::Closed) => {
                ended = true;
                lines.end().iter().for_each(|line| conversation.line(line));
                conversation.end_of_input();
            }
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(format!("the client's input failed: {}", error.to_debug_string()));
            }
        }
    }
}

/// Writes messages, one a line, with one flush.
fn write(output: &OutputStream, messages: Vec<String>) -> Result<(), String> {
    if messages.is_empty() {
        return Ok(());
    }
    let mut bytes = Vec::with_capacity(messages.iter().map(|text| text.len() + 1).sum());
    for message in messages {
        bytes.extend_from_slice(message.as_bytes());
        bytes.push(b'\n');
    }
    let gone = "the client closed its output while messages for it were left".to_owned();
    write_all(output, &bytes).map_err(|_| gone.clone())?;
    output.blocking_flush().map_err(|_| gone)
}

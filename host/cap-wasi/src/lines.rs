//! A guest's standard output, line by line into the node's log.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tidegate_capability::GuestLog;
use tokio::io::AsyncWrite;
use tracing::Level;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{OutputStream, StreamResult};

/// Most bytes a guest may write at once; it asks again for more.
const CHUNK: usize = 64 * 1024;

/// One output stream of one instance. Copies write into the same line; the last one to go writes an unfinished line.
#[derive(Clone)]
pub(crate) struct Lines(Arc<Shared>);

struct Shared {
    log: Arc<GuestLog>,
    level: Level,
    source: &'static str,
    line: Mutex<Line>,
}

/// A line whose end has not come. What is beyond the log's longest line is counted, not kept.
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    beyond: usize,
}

impl Lines {
    pub(crate) fn new(log: Arc<GuestLog>, level: Level, source: &'static str) -> Self {
        Self(Arc::new(Shared { log, level, source, line: Mutex::default() }))
    }

    fn push(&self, bytes: &[u8]) {
        let mut line = self.0.line.lock().unwrap_or_else(PoisonError::into_inner);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(end) => {
                    line.extend(end);
                    self.0.write(std::mem::take(&mut *line));
                }
                None => line.extend(part),
            }
        }
    }
}

impl Line {
    fn extend(&mut self, bytes: &[u8]) {
        let room = GuestLog::LINE.saturating_sub(self.bytes.len()).min(bytes.len());
        let (kept, beyond) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.bytes.extend_from_slice(kept);
        self.beyond = self.beyond.saturating_add(beyond.len());
    }
}

impl Shared {
    fn write(&self, line: Line) {
        let bytes = line.bytes.strip_suffix(b"\r").unwrap_or(&line.bytes);
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        if line.beyond > 0 {
            // Replaced bytes can make the text longer than the line was: cut before the remark, so that it stays.
            text.truncate(text.floor_char_boundary(GuestLog::LINE - 64));
            text.push_str(&format!(" [cut: {} bytes more]", line.beyond));
        }
        self.log.write(self.level, self.source, &text);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let line = std::mem::take(self.line.get_mut().unwrap_or_else(PoisonError::into_inner));
        if !line.bytes.is_empty() {
            self.write(line);
        }
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK)
    }
}

#[async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Lines {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

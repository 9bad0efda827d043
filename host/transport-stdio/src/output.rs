//! A blocking writer as a stream.

use std::fmt;
use std::io::{self, Write};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use tokio::io::AsyncWrite;

use crate::BUFFER;

/// Bytes to a thread that writes them, at most [`BUFFER`] of them waiting. After an error every write fails, as for a
/// pipe whose reader has gone. When dropped, the thread writes what is waiting and closes.
pub struct Output {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Signalled when there is something to write or to close.
    work: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// The thread is writing what it took out of `waiting`.
    writing: bool,
    /// Nothing more will be added.
    closing: bool,
    /// The thread has ended and the writer is closed.
    closed: bool,
    error: Option<io::ErrorKind>,
    waker: Option<Waker>,
}

// === impl Shared ===

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next bytes to write; none when all is written and no more will come.
    fn next(&self) -> Option<Vec<u8>> {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.closing;
        let mut state = self.work.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        if state.waiting.is_empty() {
            return None;
        }
        state.writing = true;
        let bytes = mem::take(&mut state.waiting);
        state.wake();
        Some(bytes)
    }

    /// Writes until there is nothing more or the reader has gone, and closes the writer.
    fn pump(&self, mut writer: impl Write) {
        while let Some(bytes) = self.next() {
            let written = writer.write_all(&bytes).and_then(|()| writer.flush());
            let mut state = self.lock();
            state.writing = false;
            if let Err(error) = written {
                state.error = Some(error.kind());
                break;
            }
            state.wake();
        }
        drop(writer);
        let mut state = self.lock();
        state.closed = true;
        state.wake();
    }
}

// === impl State ===

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn check(&self) -> io::Result<()> {
        match self.error {
            Some(kind) => Err(kind.into()),
            None if self.closing => Err(io::ErrorKind::BrokenPipe.into()),
            None => Ok(()),
        }
    }
}

// === impl Output ===

impl Output {
    pub(crate) fn new(writer: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = Arc::clone(&shared);
        thread::Builder::new().name("stdout".into()).spawn(move || thread.pump(writer))?;
        Ok(Self { shared })
    }

    fn close(&self) -> MutexGuard<'_, State> {
        let mut state = self.shared.lock();
        state.closing = true;
        self.shared.work.notify_one();
        state
    }
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.shared.lock();
        state.check()?;
        let room = BUFFER.saturating_sub(state.waiting.len());
        if room == 0 {
            return state.wait(cx);
        }
        let bytes = bytes.get(..room).unwrap_or(bytes);
        state.waiting.extend_from_slice(bytes);
        self.shared.work.notify_one();
        Poll::Ready(Ok(bytes.len()))
    }

    /// Ready when the system has taken every byte.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.shared.lock();
        if let Some(kind) = state.error {
            return Poll::Ready(Err(kind.into()));
        }
        if state.waiting.is_empty() && !state.writing { Poll::Ready(Ok(())) } else { state.wait(cx) }
    }

    /// Ready when every byte is written and the client can see the end.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.close();
        match state.error {
            Some(kind) => Poll::Ready(Err(kind.into())),
            None if state.closed => Poll::Ready(Ok(())),
            None => state.wait(cx),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        drop(self.close());
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Output").finish_non_exhaustive()
    }
}

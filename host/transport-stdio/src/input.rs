//! A blocking reader as a stream.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

use crate::BUFFER;

/// Bytes of one read, the capacity of a pipe's buffer on no system less than this.
const CHUNK: usize = 16 << 10;

/// Bytes from a thread that reads. When dropped, the thread ends after its current read; what that read returns is lost.
#[derive(Debug)]
pub struct Input {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Input {
    pub(crate) fn new(reader: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, chunks) = mpsc::channel(BUFFER / CHUNK);
        thread::Builder::new().name("stdin".into()).spawn(move || pump(reader, &sender))?;
        Ok(Self { chunks, current: Bytes::new() })
    }
}

/// Reads until the end, an error, or nobody listens.
fn pump(mut reader: impl Read, sender: &mpsc::Sender<io::Result<Bytes>>) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let chunk = match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => Ok(Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default())),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let last = chunk.is_err();
        if sender.blocking_send(chunk).is_err() || last {
            return;
        }
    }
}

impl AsyncRead for Input {
    /// At the end of the input, zero bytes, again and again.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.current.is_empty() {
            match ready!(self.chunks.poll_recv(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(chunk) => self.current = chunk?,
            }
        }
        let length = self.current.len().min(to.remaining());
        to.put_slice(self.current.get(..length).unwrap_or_default());
        self.current.advance(length);
        Poll::Ready(Ok(()))
    }
}

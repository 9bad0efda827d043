//! Bodies, piece by piece: a blob is never in memory as a whole.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::StatusCode;
use ring::digest::Context;
use tokio::time::timeout;

use crate::error::{ApiError, Code};
use crate::metrics::Metrics;

/// Bytes that are hashed and written, or read and sent, at once.
const PIECE: usize = 256 << 10;
/// Slowest average of an upload, in bytes per second, measured from `GRACE` on: a client that sends a byte now and then
/// would hold its place for days.
const SLOWEST: u64 = 1 << 10;
const GRACE: Duration = Duration::from_secs(30);

/// An upload's file and the hash over all that was written to it.
pub(crate) struct Writing {
    pub(crate) file: File,
    /// How many bytes the file has.
    pub(crate) length: u64,
    /// The hash over those bytes; none: another process wrote the first of them.
    pub(crate) hash: Option<Context>,
}

/// How a body ended.
pub(crate) struct Received {
    pub(crate) writing: Writing,
    /// What went wrong; the bytes before that were written.
    pub(crate) failure: Option<ApiError>,
}

/// Appends a body to a file. `most`: how long the file may become.
pub(crate) async fn receive(
    body: Body,
    mut writing: Writing,
    most: u64,
    silence: Duration,
    metrics: &Metrics,
) -> Result<Received, ApiError> {
    let mut stream = body.into_data_stream();
    let begun = Instant::now();
    let (mut total, mut failure) = (0_u64, None);
    loop {
        let piece = next_piece(&mut stream, silence).await;
        let (piece, end) = match piece {
            Ok(piece) => (piece, false),
            Err((piece, None)) => (piece, true),
            Err((piece, Some(error))) => {
                failure = Some(error);
                (piece, true)
            }
        };
        let bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        total += bytes;
        if writing.length.saturating_add(bytes) > most {
            let message =
                format!("the blob has more than {most} bytes, which is what the registry or the quota permits");
            failure = Some(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, message));
            break;
        }
        if !piece.is_empty() {
            writing = blocking(move || write(writing, &piece)).await?;
            metrics.received.fetch_add(bytes, Ordering::Relaxed);
        }
        if end {
            break;
        }
        let time = begun.elapsed();
        if time > GRACE && total / time.as_secs().max(1) < SLOWEST {
            let message = format!("fewer than {SLOWEST} bytes a second arrive: the upload waits to be resumed");
            failure = Some(ApiError::new(StatusCode::REQUEST_TIMEOUT, Code::BlobUploadInvalid, message));
            break;
        }
    }
    // What is acknowledged is on the disk, so that an upload can be resumed after a crash of the machine.
    let writing = blocking(move || writing.file.sync_data().map(|()| writing)).await?;
    Ok(Received { writing, failure })
}

fn write(mut writing: Writing, piece: &[u8]) -> io::Result<Writing> {
    writing.file.write_all(piece)?;
    if let Some(hash) = &mut writing.hash {
        hash.update(piece);
    }
    writing.length += u64::try_from(piece.len()).unwrap_or(u64::MAX);
    Ok(writing)
}

/// About [`PIECE`] bytes; at the end, or where it breaks, the rest.
async fn next_piece(stream: &mut BodyDataStream, silence: Duration) -> Result<Bytes, (Bytes, Option<ApiError>)> {
    let mut piece = BytesMut::new();
    while piece.len() < PIECE {
        match timeout(silence, stream.next()).await {
            Ok(Some(Ok(data))) if piece.is_empty() && data.len() >= PIECE => return Ok(data),
            Ok(Some(Ok(data))) => {
                if piece.is_empty() {
                    piece.reserve(PIECE + data.len());
                }
                piece.extend_from_slice(&data);
            }
            Ok(None) => return Err((piece.freeze(), None)),
            Ok(Some(Err(_))) => {
                let message = "the connection broke: ask how much has arrived, and go on from there";
                let error = ApiError::new(StatusCode::BAD_REQUEST, Code::BlobUploadInvalid, message);
                return Err((piece.freeze(), Some(error)));
            }
            Err(_) => {
                let message = format!("nothing arrived for {} s: the upload waits to be resumed", silence.as_secs());
                let error = ApiError::new(StatusCode::REQUEST_TIMEOUT, Code::BlobUploadInvalid, message);
                return Err((piece.freeze(), Some(error)));
            }
        }
    }
    Ok(piece.freeze())
}

/// The whole of a small body, at most `max` bytes.
pub(crate) async fn receive_all(body: Body, max: usize, silence: Duration) -> Result<Bytes, ApiError> {
    let mut stream = body.into_data_stream();
    let mut all = BytesMut::new();
    loop {
        match timeout(silence, stream.next()).await {
            Ok(None) => return Ok(all.freeze()),
            Ok(Some(Ok(data))) if all.len() + data.len() <= max => all.extend_from_slice(&data),
            Ok(Some(Ok(_))) => {
                let message = format!("the manifest has more than {max} bytes: put what is large into a layer");
                return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, message));
            }
            Ok(Some(Err(_))) | Err(_) => {
                let message = "the request's body did not arrive as a whole: send it again";
                return Err(ApiError::new(StatusCode::BAD_REQUEST, Code::ManifestInvalid, message));
            }
        }
    }
}

/// The next `length` bytes of a file.
pub(crate) fn send(file: File, length: u64) -> Body {
    let pieces = futures::stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok::<_, io::Error>(None);
        }
        let (file, piece) = run_blocking(move || {
            let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let mut piece = vec![0; most];
            let read = file.read(&mut piece)?;
            piece.truncate(read);
            Ok((file, piece))
        })
        .await?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let left = left.saturating_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        Ok(Some((Bytes::from(piece), (file, left))))
    });
    Body::from_stream(pieces)
}

/// Runs what blocks on the disk on a thread of its own.
pub(crate) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, ApiError>
where
    T: Send + 'static,
    E: IntoApiError + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(IntoApiError::into_api_error),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// What can be told to a client.
pub(crate) trait IntoApiError {
    fn into_api_error(self) -> ApiError;
}

impl IntoApiError for io::Error {
    fn into_api_error(self) -> ApiError {
        ApiError::internal(&self)
    }
}

impl IntoApiError for crate::store::StoreError {
    fn into_api_error(self) -> ApiError {
        self.into()
    }
}

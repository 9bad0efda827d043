//! Uploads: in one piece, in several, or not at all because another repository has the blob.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderName, LOCATION, RANGE};
use ring::digest::{Context, SHA256};
use tidegate_reference::{Digest, RepositoryName};
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use super::route::{self, Query};
use super::{App, DIGEST_HEADER, Progress, empty};
use crate::access::{Caller, Permission};
use crate::body::{Writing, blocking, receive};
use crate::error::{ApiError, Code};
use crate::store::{Finish, StoreError, UploadId};

/// How long a second request for an upload waits for the first, which may be one whose client has gone.
const TURN: Duration = Duration::from_secs(5);
const UUID_HEADER: HeaderName = HeaderName::from_static("docker-upload-uuid");

pub(super) async fn begin(
    app: &Arc<App>,
    caller: &Caller,
    name: RepositoryName,
    query: &Query,
    request: Request,
) -> Result<Response, ApiError> {
    caller.must(Permission::Push, &name)?;
    if let Some(digest) = query.get("mount")
        && let Some(answer) = mount(app, caller, &name, route::parse_digest(digest)?, query).await?
    {
        return Ok(answer);
    }
    let (store, quota) = (Arc::clone(&app.store), app.quotas.of(name.namespace()));
    let (repository, most) = (name.clone(), app.limits.open_uploads);
    let id = blocking(move || store.begin_upload(&repository, quota, most)).await?;
    // In one request, which not every registry takes: the digest is there at once.
    match query.get("digest") {
        Some(_) if query.get("mount").is_none() => finish(app, caller, name, id, query, request).await,
        _ => Ok(accepted(&name, &id, 0, StatusCode::ACCEPTED)),
    }
}

/// Whoever may pull a blob elsewhere gets it without sending it; for everybody else it is as if it were not there.
async fn mount(
    app: &Arc<App>,
    caller: &Caller,
    name: &RepositoryName,
    digest: Digest,
    query: &Query,
) -> Result<Option<Response>, ApiError> {
    let Some(from) = query.get("from").map(route::name).transpose()? else { return Ok(None) };
    if !caller.may(Permission::Pull, &from) {
        return Ok(None);
    }
    let (store, to, quota) = (Arc::clone(&app.store), name.clone(), app.quotas.of(name.namespace()));
    let mounted = tokio::task::spawn_blocking(move || store.mount(&from, &to, &digest, quota)).await;
    match mounted.map_err(|error| ApiError::internal(&error))? {
        Ok(()) => Ok(Some(created(name, &digest))),
        Err(StoreError::NoBlob { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn append(
    app: &Arc<App>,
    caller: &Caller,
    name: RepositoryName,
    id: UploadId,
    request: Request,
) -> Result<Response, ApiError> {
    caller.must(Permission::Push, &name)?;
    let mut turn = turn(app, &name, &id).await?;
    let (length, failure) = take(app, &name, &id, request, &mut turn).await?;
    match failure {
        Some(error) => Err(error),
        None => Ok(accepted(&name, &id, length, StatusCode::ACCEPTED)),
    }
}

pub(super) async fn finish(
    app: &Arc<App>,
    caller: &Caller,
    name: RepositoryName,
    id: UploadId,
    query: &Query,
    request: Request,
) -> Result<Response, ApiError> {
    caller.must(Permission::Push, &name)?;
    let missing = || {
        let message = "there is no `digest` in the query: it says what was sent";
        ApiError::new(StatusCode::BAD_REQUEST, Code::DigestInvalid, message)
    };
    let digest = route::parse_digest(query.get("digest").ok_or_else(missing)?)?;
    let mut turn = turn(app, &name, &id).await?;
    let (_, failure) = take(app, &name, &id, request, &mut turn).await?;
    if let Some(error) = failure {
        return Err(error);
    }
    let (store, quota) = (Arc::clone(&app.store), app.quotas.of(name.namespace()));
    let (repository, upload, hashed) = (name.clone(), id.clone(), turn.hashed.take());
    let finish = move || store.finish_upload(Finish { name: &repository, id: &upload, digest, hashed, quota });
    let finished = blocking(finish).await;
    app.forget(&id);
    finished?;
    Ok(created(&name, &digest))
}

pub(super) async fn status(
    app: &Arc<App>,
    caller: &Caller,
    name: RepositoryName,
    id: UploadId,
) -> Result<Response, ApiError> {
    caller.must(Permission::Push, &name)?;
    // After the request that may still be writing: then the answer holds.
    let _turn = turn(app, &name, &id).await?;
    let (store, repository, upload) = (Arc::clone(&app.store), name.clone(), id.clone());
    let (length, _) = blocking(move || store.open_upload(&repository, &upload)).await?;
    Ok(accepted(&name, &id, length, StatusCode::NO_CONTENT))
}

pub(super) async fn cancel(
    app: &Arc<App>,
    caller: &Caller,
    name: RepositoryName,
    id: UploadId,
) -> Result<Response, ApiError> {
    caller.must(Permission::Push, &name)?;
    let _turn = turn(app, &name, &id).await?;
    let (store, upload) = (Arc::clone(&app.store), id.clone());
    blocking(move || store.cancel_upload(&name, &upload)).await?;
    app.forget(&id);
    Ok(empty(StatusCode::NO_CONTENT, &[]))
}

/// One request at a time writes an upload. Only uploads that there are have a turn: others would be remembered for nothing.
async fn turn(app: &App, name: &RepositoryName, id: &UploadId) -> Result<OwnedMutexGuard<Progress>, ApiError> {
    let (store, repository, upload) = (Arc::clone(&app.store), name.clone(), id.clone());
    blocking(move || store.open_upload(&repository, &upload)).await?;
    timeout(TURN, app.progress(id).lock_owned()).await.map_err(|_| {
        let message = "another request is writing this upload: wait, ask how much has arrived, and go on from there";
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests, message)
    })
}

/// Appends the request's body to the upload; gives its length then, and what went wrong.
async fn take(
    app: &Arc<App>,
    name: &RepositoryName,
    id: &UploadId,
    request: Request,
    progress: &mut Progress,
) -> Result<(u64, Option<ApiError>), ApiError> {
    let (store, repository, upload) = (Arc::clone(&app.store), name.clone(), id.clone());
    let (length, file) = blocking(move || store.open_upload(&repository, &upload)).await?;
    let announced = number(request.headers(), &CONTENT_LENGTH);
    let range = content_range(request.headers(), name, id, length)?;
    if announced == Some(0) {
        return Ok((length, None));
    }
    if let (Some((start, last)), Some(announced)) = (range, announced)
        && last.checked_sub(start).and_then(|more| more.checked_add(1)) != Some(announced)
    {
        let message = "`Content-Range` and `Content-Length` do not agree";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, Code::SizeInvalid, message));
    }
    let (store, namespace_quota) = (Arc::clone(&app.store), app.quotas.of(name.namespace()));
    let (repository, upload) = (name.clone(), id.clone());
    let more = length.saturating_add(announced.unwrap_or(0));
    let room = move || {
        store.check_quota(&repository, namespace_quota, more)?;
        store.room(&repository, &upload, namespace_quota)
    };
    let most = app.limits.max_blob.min(blocking(room).await?);
    if more > most {
        let message = format!("the blob has {more} bytes; the registry and the quota of the namespace permit {most}");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, message));
    }
    let _place = Arc::clone(&app.receiving).try_acquire_owned().map_err(|_| {
        let message = "the registry receives as many uploads as it may: try again in a few seconds";
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests, message)
            .with(http::header::RETRY_AFTER, "2")
    })?;
    let hash = match progress.hashed.take() {
        Some((hashed, context)) if hashed == length => Some(context),
        _ if length == 0 => Some(Context::new(&SHA256)),
        _ => None,
    };
    let _uploading = Uploading::begin(app);
    let received = receive_body(request.into_body(), Writing { file, length, hash }, most, app).await?;
    let writing = received.writing;
    progress.hashed = writing.hash.map(|hash| (writing.length, hash));
    Ok((writing.length, received.failure))
}

async fn receive_body(body: Body, writing: Writing, most: u64, app: &App) -> Result<crate::body::Received, ApiError> {
    receive(body, writing, most, app.limits.silence, &app.metrics).await
}

/// Counts an upload while it receives bytes.
struct Uploading<'a>(&'a App);

impl<'a> Uploading<'a> {
    fn begin(app: &'a App) -> Self {
        app.metrics.uploading.fetch_add(1, Ordering::Relaxed);
        Self(app)
    }
}

impl Drop for Uploading<'_> {
    fn drop(&mut self) {
        self.0.metrics.uploading.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where a chunk belongs: `FIRST-LAST`, as the distribution specification writes it. It must continue what is there.
fn content_range(
    headers: &HeaderMap,
    name: &RepositoryName,
    id: &UploadId,
    length: u64,
) -> Result<Option<(u64, u64)>, ApiError> {
    let Some(header) = headers.get(CONTENT_RANGE) else { return Ok(None) };
    let text = header.to_str().unwrap_or_default().trim();
    let text = text.strip_prefix("bytes ").or_else(|| text.strip_prefix("bytes=")).unwrap_or(text);
    let text = text.split('/').next().unwrap_or_default();
    let range = text.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    match range {
        Some((start, last)) if start == length => Ok(Some((start, last))),
        Some(_) => {
            let message = format!("{length} bytes have arrived: go on from there");
            let error = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, Code::BlobUploadInvalid, message);
            let location = format!("/v2/{name}/blobs/uploads/{}", id.as_str());
            Err(error.with(RANGE, &arrived(length)).with(LOCATION, &location))
        }
        None => {
            let message = "`Content-Range` is not `FIRST-LAST`";
            Err(ApiError::new(StatusCode::BAD_REQUEST, Code::BlobUploadInvalid, message))
        }
    }
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// The range that the specification wants; it has none for nothing.
fn arrived(length: u64) -> String {
    format!("0-{}", length.saturating_sub(1))
}

fn accepted(name: &RepositoryName, id: &UploadId, length: u64, status: StatusCode) -> Response {
    let location = format!("/v2/{name}/blobs/uploads/{}", id.as_str());
    empty(status, &[(LOCATION, &location), (RANGE, &arrived(length)), (UUID_HEADER, id.as_str())])
}

fn created(name: &RepositoryName, digest: &Digest) -> Response {
    let location = format!("/v2/{name}/blobs/{digest}");
    empty(StatusCode::CREATED, &[(LOCATION, &location), (DIGEST_HEADER, &digest.to_string())])
}

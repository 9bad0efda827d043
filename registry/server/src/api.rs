//! OCI distribution 1.1 over HTTP, and what we add below `/tidegate/v1/`.

mod blobs;
mod lists;
mod manifests;
mod route;
mod uploads;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use ring::digest::Context;
use tokio::sync::Semaphore;

use crate::access::{Access, Caller, Permission};
use crate::error::{ApiError, Code};
use crate::index::Signatures;
use crate::metrics::Metrics;
use crate::settings::{Limits, Quotas, Settings};
use crate::store::{Store, UploadId};
use crate::token::TokenFile;
use route::{Route, route};

/// What every request needs.
pub(crate) struct App {
    pub(crate) store: Arc<Store>,
    pub(crate) access: Access,
    pub(crate) signatures: Signatures,
    quotas: Quotas,
    limits: Limits,
    pub(crate) metrics: Metrics,
    /// Places for uploads that receive bytes.
    receiving: Arc<Semaphore>,
    /// Uploads that this process has seen from their beginning: one writer at a time, and the hash so far.
    uploads: Mutex<HashMap<UploadId, Arc<tokio::sync::Mutex<Progress>>>>,
}

/// How far this process has hashed an upload.
#[derive(Default)]
struct Progress {
    hashed: Option<(u64, Context)>,
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The registry's router.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", any(healthz))
        .route("/metrics", any(metrics))
        .route("/v2", any(v2))
        .route("/v2/", any(v2))
        .route("/v2/{*rest}", any(v2))
        .route("/tidegate/v1/{file}", any(index))
        .fallback(unknown)
        .with_state(app)
}

impl App {
    pub(crate) fn new(store: Arc<Store>, settings: &Settings) -> Self {
        Self {
            store,
            signatures: Signatures::new(settings.index_signer.clone()),
            access: Access::new(TokenFile::of(&settings.data), settings.anonymous_pull.clone()),
            quotas: settings.quotas.clone(),
            limits: settings.limits.clone(),
            metrics: Metrics::default(),
            receiving: Arc::new(Semaphore::new(settings.limits.uploads)),
            uploads: Mutex::default(),
        }
    }

    fn progress(&self, id: &UploadId) -> Arc<tokio::sync::Mutex<Progress>> {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(uploads.entry(id.clone()).or_default())
    }

    fn forget(&self, id: &UploadId) {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Forgets uploads that nobody works on and that are over.
    pub(crate) fn forget_finished(&self) {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.retain(|id, progress| Arc::strong_count(progress) > 1 || self.store.upload_path(id.as_str()).is_file());
    }
}

async fn healthz(State(app): State<Arc<App>>) -> Response {
    let store = Arc::clone(&app.store);
    let healthy = tokio::task::spawn_blocking(move || store.is_healthy()).await.unwrap_or(false);
    match healthy {
        true => text("ok\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the store cannot be read\n").into_response(),
    }
}

/// For this machine, and for tokens that administer everything.
async fn metrics(State(app): State<Arc<App>>, Extension(peer): Extension<Peer>, request: Request) -> Response {
    let caller = app.access.caller(request.headers());
    match caller {
        Ok(caller) if peer.0.ip().is_loopback() || caller.may_everywhere(Permission::Admin) => {
            text(&app.metrics.text())
        }
        Ok(_) => {
            ApiError::unauthorized("figures are for a token with `admin` on `*`, or for this machine").into_response()
        }
        Err(error) => error.into_response(),
    }
}

async fn index(State(app): State<Arc<App>>, Path(file): Path<String>, request: Request) -> Response {
    let begun = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let caller = app.access.caller(request.headers());
    let name = caller.as_ref().map_or("-", Caller::name).to_owned();
    let answer = match caller {
        Ok(caller) => crate::index::file(&app, caller, &file).await,
        Err(error) => Err(error),
    };
    finish(&app, answer, &method, &path, &name, begun)
}

async fn unknown() -> Response {
    let message = "there is nothing here: this is a registry, its interface begins at `/v2/`";
    ApiError::new(StatusCode::NOT_FOUND, Code::Unsupported, message).into_response()
}

async fn v2(State(app): State<Arc<App>>, request: Request) -> Response {
    let begun = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let caller = app.access.caller(request.headers());
    let name = caller.as_ref().map_or("-", Caller::name).to_owned();
    let answer = match caller {
        Ok(caller) => dispatch(&app, caller, request).await,
        Err(error) => Err(error),
    };
    finish(&app, answer, &method, &path, &name, begun)
}

/// Notes how a request ended.
fn finish(
    app: &App,
    answer: Result<Response, ApiError>,
    method: &Method,
    path: &str,
    token: &str,
    begun: Instant,
) -> Response {
    let mut response = answer.unwrap_or_else(|error| {
        tracing::debug!(code = ?error.code, message = error.message, "refused");
        error.into_response()
    });
    let headers = response.headers_mut();
    headers
        .insert(HeaderName::from_static("docker-distribution-api-version"), HeaderValue::from_static("registry/2.0"));
    // What people push is data: no browser is to make a page of it.
    headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let status = response.status().as_u16();
    app.metrics.answered(status);
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let path: String = path.chars().take(300).collect();
    tracing::info!(%method, path, status, token, ms, "answered");
    response
}

async fn dispatch(app: &Arc<App>, caller: Caller, request: Request) -> Result<Response, ApiError> {
    let method = request.method().clone();
    let query = route::query(request.uri().query().unwrap_or_default());
    let reading = method == Method::GET || method == Method::HEAD;
    match route(request.uri().path())? {
        Route::Root if reading => lists::root(&caller, app),
        Route::Catalog if reading => lists::catalog(app, caller, &query).await,
        Route::Tags(name) if reading => lists::tags(app, &caller, name, &query).await,
        Route::Referrers(name, digest) if reading => lists::referrers(app, &caller, name, digest, &query).await,
        Route::Blob(name, digest) if reading => {
            blobs::get(app, &caller, name, digest, request.headers(), &method).await
        }
        Route::Blob(name, digest) if method == Method::DELETE => blobs::delete(app, &caller, name, digest).await,
        Route::Manifest(name, target) if reading => manifests::get(app, &caller, name, target, &method).await,
        Route::Manifest(name, target) if method == Method::PUT => {
            manifests::put(app, &caller, name, target, request).await
        }
        Route::Manifest(name, target) if method == Method::DELETE => {
            manifests::delete(app, &caller, name, target).await
        }
        Route::Uploads(name) if method == Method::POST => uploads::begin(app, &caller, name, &query, request).await,
        Route::Upload(name, id) if method == Method::PATCH => uploads::append(app, &caller, name, id, request).await,
        Route::Upload(name, id) if method == Method::PUT => {
            uploads::finish(app, &caller, name, id, &query, request).await
        }
        Route::Upload(name, id) if method == Method::GET => uploads::status(app, &caller, name, id).await,
        Route::Upload(name, id) if method == Method::DELETE => uploads::cancel(app, &caller, name, id).await,
        _ => {
            let message = format!("`{method}` means nothing here");
            Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported, message))
        }
    }
}

fn text(text: &str) -> Response {
    let mut response = Response::new(Body::from(text.to_owned()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// An answer with these headers and no body. Values that no header can have are left out: there are none.
fn empty(status: StatusCode, headers: &[(HeaderName, &str)]) -> Response {
    with_headers(Response::new(Body::empty()), status, headers)
}

pub(crate) fn with_headers(mut response: Response, status: StatusCode, headers: &[(HeaderName, &str)]) -> Response {
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

const DIGEST_HEADER: HeaderName = HeaderName::from_static("docker-content-digest");

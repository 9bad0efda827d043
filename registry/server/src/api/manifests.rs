//! Manifests: reading, keeping, taking them away.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, LOCATION};
use http::{Method, StatusCode};
use tidegate_catalog::Outline;
use tidegate_reference::{RepositoryName, Target};

use super::{App, DIGEST_HEADER, empty, with_headers};
use crate::access::{Caller, Permission};
use crate::body::{blocking, receive_all};
use crate::error::{ApiError, Code};
use crate::store::Put;

/// Says that the registry has noticed what the manifest is about, so that the client does not keep a list itself.
const SUBJECT_HEADER: HeaderName = HeaderName::from_static("oci-subject");

pub(super) async fn get(
    app: &Arc<App>,
    caller: &Caller,
    name: RepositoryName,
    target: Target,
    method: &Method,
) -> Result<Response, ApiError> {
    caller.must(Permission::Pull, &name)?;
    let store = Arc::clone(&app.store);
    let head = *method == Method::HEAD;
    let (found, bytes) = blocking(move || {
        let found = store.find_manifest(&name, &target)?;
        let bytes = if head { Vec::new() } else { store.manifest_bytes(&found)? };
        Ok::<_, crate::store::StoreError>((found, bytes))
    })
    .await?;
    app.metrics.sent.fetch_add(u64::try_from(bytes.len()).unwrap_or(0), Ordering::Relaxed);
    let (digest, length) = (found.digest.to_string(), found.size.to_string());
    let headers = [
        (CONTENT_TYPE, found.media_type.as_str()),
        (CONTENT_LENGTH, length.as_str()),
        (ETAG, &format!("\"{digest}\"")),
        (DIGEST_HEADER, digest.as_str()),
    ];
    Ok(with_headers(Response::new(Body::from(bytes)), StatusCode::OK, &headers))
}

pub(super) async fn put(
    app: &Arc<App>,
    caller: &Caller,
    name: RepositoryName,
    target: Target,
    request: Request,
) -> Result<Response, ApiError> {
    caller.must(Permission::Push, &name)?;
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|text| text.split(';').next()).map(|text| text.trim().to_owned());
    let missing = || {
        let message = "the request has no `Content-Type`: it says what kind of manifest this is";
        ApiError::new(StatusCode::BAD_REQUEST, Code::ManifestInvalid, message)
    };
    let media_type = media_type.ok_or_else(missing)?;
    let bytes = receive_all(request.into_body(), Outline::MAX_BYTES, app.limits.silence).await?;
    let outline = Outline::read(&media_type, &bytes)?;
    let subject = outline.subject.map(|subject| subject.to_string());
    let (store, quota, repository) = (Arc::clone(&app.store), app.quotas.of(name.namespace()), name.clone());
    let digest = blocking(move || {
        let put = Put { name: &repository, target: &target, media_type: &media_type, bytes: &bytes, outline, quota };
        store.put_manifest(put)
    })
    .await?;
    let (digest, location) = (digest.to_string(), format!("/v2/{name}/manifests/{digest}"));
    let mut headers = vec![(LOCATION, location.as_str()), (DIGEST_HEADER, digest.as_str())];
    headers.extend(subject.as_deref().map(|subject| (SUBJECT_HEADER, subject)));
    Ok(empty(StatusCode::CREATED, &headers))
}

pub(super) async fn delete(
    app: &Arc<App>,
    caller: &Caller,
    name: RepositoryName,
    target: Target,
) -> Result<Response, ApiError> {
    caller.must(Permission::Admin, &name)?;
    let store = Arc::clone(&app.store);
    blocking(move || store.delete_manifest(&name, &target)).await?;
    Ok(empty(StatusCode::ACCEPTED, &[]))
}

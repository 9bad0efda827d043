//! Lists: tags, repositories, referrers.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderName, LINK};
use serde_json::json;
use tidegate_catalog::IMAGE_INDEX;
use tidegate_reference::{Digest, RepositoryName};

use super::route::{Query, parse_digest};
use super::{App, with_headers};
use crate::access::{Caller, Permission};
use crate::body::blocking;
use crate::error::{ApiError, Code};
use crate::settings::AnonymousPull;

/// Most items of one page.
const PAGE: usize = 1_000;
/// Most bytes of one page of referrers, annotations included: a client takes no manifest above 4 MiB.
const PAGE_BYTES: usize = 2 << 20;
const FILTERS_HEADER: HeaderName = HeaderName::from_static("oci-filters-applied");

/// Says that this is a registry. Clients ask here how to identify themselves, so that nobody without credentials gets a
/// good answer unless something is open to everybody.
pub(super) fn root(caller: &Caller, app: &App) -> Result<Response, ApiError> {
    if caller.is_known() || app.access.anonymous_pull() != &AnonymousPull::Nothing {
        return Ok(json_answer(b"{}".to_vec(), "application/json", &[]));
    }
    Err(ApiError::unauthorized("this registry needs a token: send it as the password"))
}

pub(super) async fn tags(
    app: &Arc<App>,
    caller: &Caller,
    name: RepositoryName,
    query: &Query,
) -> Result<Response, ApiError> {
    caller.must(Permission::Pull, &name)?;
    let (n, last) = (query.count(PAGE)?, query.get("last").map(str::to_owned));
    let (store, repository) = (Arc::clone(&app.store), name.clone());
    let page = blocking(move || store.tags(&repository, last.as_deref(), n)).await?;
    let link = page.more.then(|| page.items.last()).flatten();
    let link = link.map(|last| format!("</v2/{name}/tags/list?n={n}&last={last}>; rel=\"next\""));
    let body = json!({ "name": name, "tags": page.items }).to_string();
    Ok(json_answer(body.into_bytes(), "application/json", &next(link.as_deref())))
}

/// Every repository that the caller may pull from; only for tokens that count everywhere.
pub(super) async fn catalog(app: &Arc<App>, caller: Caller, query: &Query) -> Result<Response, ApiError> {
    if !caller.may_everywhere(Permission::Pull) {
        let message = "the list of all repositories needs a token that counts everywhere (`--scope '*'`)";
        return Err(match caller.is_known() {
            true => ApiError::new(StatusCode::FORBIDDEN, Code::Denied, message),
            false => ApiError::unauthorized(message),
        });
    }
    let (n, last) = (query.count(PAGE)?, query.get("last").map(str::to_owned));
    let store = Arc::clone(&app.store);
    let show = move |name: &RepositoryName| caller.may(Permission::Pull, name);
    let page = blocking(move || store.repositories(last.as_deref(), n, show)).await?;
    let link = page.more.then(|| page.items.last()).flatten();
    let link = link.map(|last| format!("</v2/_catalog?n={n}&last={last}>; rel=\"next\""));
    let body = json!({ "repositories": page.items }).to_string();
    Ok(json_answer(body.into_bytes(), "application/json", &next(link.as_deref())))
}

pub(super) async fn referrers(
    app: &Arc<App>,
    caller: &Caller,
    name: RepositoryName,
    subject: Digest,
    query: &Query,
) -> Result<Response, ApiError> {
    caller.must(Permission::Pull, &name)?;
    let (n, kind) = (query.count(PAGE)?, query.get("artifactType").map(str::to_owned));
    let last = query.get("last").map(parse_digest).transpose()?;
    let (store, repository, filter) = (Arc::clone(&app.store), name.clone(), kind.clone());
    let find = move || store.referrers(&repository, &subject, filter.as_deref(), last.as_ref(), n);
    let mut page = blocking(find).await?;
    let (mut manifests, mut bytes, mut last) = (Vec::new(), 0, None);
    for referrer in std::mem::take(&mut page.items) {
        let mut descriptor = json!({
            "mediaType": referrer.media_type,
            "digest": referrer.digest,
            "size": referrer.size,
            "artifactType": referrer.artifact_type,
        });
        if let (Some(descriptor), false) = (descriptor.as_object_mut(), referrer.annotations.is_empty()) {
            descriptor.insert("annotations".to_owned(), json!(referrer.annotations));
        }
        bytes += descriptor.to_string().len();
        if bytes > PAGE_BYTES && !manifests.is_empty() {
            page.more = true;
            break;
        }
        last = Some(referrer.digest);
        manifests.push(descriptor);
    }
    let kind_query =
        kind.as_deref().map_or(String::new(), |kind| format!("&artifactType={}", kind.replace('+', "%2B")));
    let link = last.filter(|_| page.more);
    let link = link.map(|last| format!("</v2/{name}/referrers/{subject}?n={n}&last={last}{kind_query}>; rel=\"next\""));
    let body = json!({ "schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": manifests }).to_string();
    let mut headers = next(link.as_deref());
    headers.extend(kind.is_some().then_some((FILTERS_HEADER, "artifactType")));
    Ok(json_answer(body.into_bytes(), IMAGE_INDEX, &headers))
}

fn next(link: Option<&str>) -> Vec<(HeaderName, &str)> {
    link.map(|link| (LINK, link)).into_iter().collect()
}

fn json_answer(body: Vec<u8>, media_type: &str, headers: &[(HeaderName, &str)]) -> Response {
    let mut all = vec![(CONTENT_TYPE, media_type)];
    all.extend(headers.iter().cloned());
    with_headers(Response::new(Body::from(body)), StatusCode::OK, &all)
}

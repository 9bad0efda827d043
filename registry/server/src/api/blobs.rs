//! Blobs: reading them, whole or a part, and taking them away.

use std::io::{Seek as _, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::response::Response;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, RANGE};
use http::{Method, StatusCode};
use tidegate_reference::{Digest, RepositoryName};

use super::{App, DIGEST_HEADER, empty, with_headers};
use crate::access::{Caller, Permission};
use crate::body::{blocking, send};
use crate::error::{ApiError, Code};

pub(super) async fn get(
    app: &Arc<App>,
    caller: &Caller,
    name: RepositoryName,
    digest: Digest,
    headers: &HeaderMap,
    method: &Method,
) -> Result<Response, ApiError> {
    caller.must(Permission::Pull, &name)?;
    let store = Arc::clone(&app.store);
    let (size, mut file) = blocking(move || store.blob(&name, &digest)).await?;
    let digest = digest.to_string();
    let part = match headers.get(RANGE) {
        Some(range) => part(range.to_str().unwrap_or_default(), size)?,
        None => None,
    };
    let (start, end) = part.unwrap_or((0, size));
    let length = end.saturating_sub(start);
    let (length_text, range) = (length.to_string(), format!("bytes {start}-{}/{size}", end.saturating_sub(1)));
    let etag = format!("\"{digest}\"");
    let mut answer = vec![
        (CONTENT_TYPE, "application/octet-stream"),
        (CONTENT_LENGTH, length_text.as_str()),
        (ACCEPT_RANGES, "bytes"),
        (ETAG, etag.as_str()),
        (DIGEST_HEADER, digest.as_str()),
    ];
    let status = match part {
        Some(_) => {
            answer.push((CONTENT_RANGE, range.as_str()));
            StatusCode::PARTIAL_CONTENT
        }
        None => StatusCode::OK,
    };
    let body = match *method == Method::HEAD {
        true => Body::empty(),
        false => {
            let file = blocking(move || file.seek(SeekFrom::Start(start)).map(|_| file)).await?;
            app.metrics.sent.fetch_add(length, Ordering::Relaxed);
            send(file, length)
        }
    };
    Ok(with_headers(Response::new(body), status, &answer))
}

/// First byte and the one behind the last; none: the whole blob is sent, which RFC 9110 permits for what is not
/// understood, several ranges for example.
fn part(range: &str, size: u64) -> Result<Option<(u64, u64)>, ApiError> {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let (start, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(start), Ok(last)) if start <= last => (start, last.saturating_add(1).min(size)),
        (Ok(start), Err(_)) if last.is_empty() => (start, size),
        (Err(_), Ok(count)) if first.is_empty() && count > 0 => (size.saturating_sub(count), size),
        _ => return Ok(None),
    };
    if start >= size {
        let message = format!("the blob has {size} bytes, and the range begins behind them");
        let error = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, Code::SizeInvalid, message);
        return Err(error.with(CONTENT_RANGE, &format!("bytes */{size}")));
    }
    Ok(Some((start, end)))
}

pub(super) async fn delete(
    app: &Arc<App>,
    caller: &Caller,
    name: RepositoryName,
    digest: Digest,
) -> Result<Response, ApiError> {
    caller.must(Permission::Admin, &name)?;
    let store = Arc::clone(&app.store);
    blocking(move || store.delete_blob(&name, &digest)).await?;
    Ok(empty(StatusCode::ACCEPTED, &[]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::part;

    #[test]
    fn ranges() {
        assert_eq!(part("bytes=0-3", 10).unwrap(), Some((0, 4)));
        assert_eq!(part("bytes=3-", 10).unwrap(), Some((3, 10)));
        assert_eq!(part("bytes=-3", 10).unwrap(), Some((7, 10)));
        assert_eq!(part("bytes=-30", 10).unwrap(), Some((0, 10)));
        assert_eq!(part("bytes=3-99999999999999999", 10).unwrap(), Some((3, 10)));
        for whole in ["bytes=3-1", "bytes=-0", "bytes=-", "items=0-1", "bytes=0-1,3-4", "bytes=x-"] {
            assert_eq!(part(whole, 10).unwrap(), None, "{whole}");
        }
        for beyond in ["bytes=10-", "bytes=10-11", "bytes=18446744073709551615-"] {
            assert_eq!(part(beyond, 10).unwrap_err().status.as_u16(), 416, "{beyond}");
        }
    }
}

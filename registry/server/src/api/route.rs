//! Paths and queries. A name has several parts, so that paths are read from their end.

use http::StatusCode;
use tidegate_reference::{Digest, RepositoryName, Target};

use crate::error::{ApiError, Code};
use crate::store::UploadId;

/// What a path below `/v2/` means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Root,
    Catalog,
    Tags(RepositoryName),
    Referrers(RepositoryName, Digest),
    Blob(RepositoryName, Digest),
    Manifest(RepositoryName, Target),
    Uploads(RepositoryName),
    Upload(RepositoryName, UploadId),
}

/// Reads a path. Nothing in it is decoded but `:`, which some clients encode: no other letter of a name, tag or digest
/// needs it, and so there is one way to write each.
pub(crate) fn route(path: &str) -> Result<Route, ApiError> {
    let path = path.replace("%3A", ":").replace("%3a", ":");
    let rest = match path.strip_prefix("/v2") {
        Some("" | "/") => return Ok(Route::Root),
        Some("/_catalog") => return Ok(Route::Catalog),
        Some(rest) => rest.strip_prefix('/').unwrap_or(rest),
        None => return Err(nothing()),
    };
    let parts: Vec<&str> = rest.split('/').collect();
    match parts.as_slice() {
        [name @ .., "blobs", "uploads", ""] | [name @ .., "blobs", "uploads"] => Ok(Route::Uploads(repository(name)?)),
        [name @ .., "blobs", "uploads", id] => {
            let message = "this is no upload of this registry: begin a new one";
            let unknown = || ApiError::new(StatusCode::NOT_FOUND, Code::BlobUploadUnknown, message);
            Ok(Route::Upload(repository(name)?, UploadId::parse(id).ok_or_else(unknown)?))
        }
        [name @ .., "blobs", digest] => Ok(Route::Blob(repository(name)?, parse_digest(digest)?)),
        [name @ .., "referrers", digest] => Ok(Route::Referrers(repository(name)?, parse_digest(digest)?)),
        [name @ .., "tags", "list"] => Ok(Route::Tags(repository(name)?)),
        [name @ .., "manifests", target] => {
            let name = repository(name)?;
            if target.contains(':') {
                return Ok(Route::Manifest(name, Target::Digest(parse_digest(target)?)));
            }
            let tag = target.parse();
            let tag = tag.map_err(|error: tidegate_reference::OciReferenceError| {
                ApiError::new(StatusCode::BAD_REQUEST, Code::ManifestInvalid, error.to_string())
            })?;
            Ok(Route::Manifest(name, Target::Tag(tag)))
        }
        _ => Err(nothing()),
    }
}

fn nothing() -> ApiError {
    let message = "the distribution specification has nothing at this path";
    ApiError::new(StatusCode::NOT_FOUND, Code::Unsupported, message)
}

fn repository(parts: &[&str]) -> Result<RepositoryName, ApiError> {
    name(&parts.join("/"))
}

pub(crate) fn name(text: &str) -> Result<RepositoryName, ApiError> {
    text.parse().map_err(|error: tidegate_reference::OciReferenceError| {
        ApiError::new(StatusCode::BAD_REQUEST, Code::NameInvalid, error.to_string())
    })
}

pub(crate) fn parse_digest(text: &str) -> Result<Digest, ApiError> {
    text.parse().map_err(|error: tidegate_reference::DigestError| {
        ApiError::new(StatusCode::BAD_REQUEST, Code::DigestInvalid, error.to_string())
    })
}

/// A query's pairs.
pub(crate) struct Query(Vec<(String, String)>);

/// Reads a query; what is wrongly encoded stays as it is, and then is no name of anything.
pub(crate) fn query(text: &str) -> Query {
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).take(16);
    Query(pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(a, b)| (decode(a), decode(b))).collect())
}

impl Query {
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == key).map(|(_, value)| value.as_str())
    }

    /// The number of items that is asked for, at most `max`.
    pub(crate) fn count(&self, max: usize) -> Result<usize, ApiError> {
        match self.get("n") {
            None => Ok(max),
            Some(text) => text
                .parse::<usize>()
                .map(|n| n.min(max))
                .map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, Code::Unsupported, "`n` is no number of items")),
        }
    }
}

/// `%XX`. A `+` stays: media types have it, and clients do not agree on whether it means a blank.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn paths_are_read_from_their_end() {
        let digest = Digest::of(b"");
        let name = |text: &str| text.parse::<RepositoryName>().unwrap();
        assert_eq!(route("/v2/").unwrap(), Route::Root);
        assert_eq!(route(&format!("/v2/a/b/blobs/{digest}")).unwrap(), Route::Blob(name("a/b"), digest));
        assert_eq!(
            route(&format!("/v2/a/blobs/sha256%3A{}", digest.to_hex())).unwrap(),
            Route::Blob(name("a"), digest)
        );
        assert_eq!(route("/v2/a/blobs/uploads/").unwrap(), Route::Uploads(name("a")));
        assert_eq!(route("/v2/a/tags/b/tags/list").unwrap(), Route::Tags(name("a/tags/b")));
        let tag = Target::Tag("1.0.0".parse().unwrap());
        assert_eq!(route("/v2/a/manifests/1.0.0").unwrap(), Route::Manifest(name("a"), tag));
    }

    #[test]
    fn tricks_with_paths_are_no_names() {
        let digest = Digest::of(b"");
        for name in ["..", "a/..", "a//b", "A", "a%2fb", "a\\b", "%2e%2e", "a/./b", "", "a/%00", "a\u{e4}"] {
            let error = route(&format!("/v2/{name}/blobs/{digest}")).unwrap_err();
            assert_eq!(error.code, Code::NameInvalid, "{name}");
        }
        for target in ["..", "%2e", "-a", "a%2Fb", "a+b"] {
            assert_eq!(
                route(&format!("/v2/a/manifests/{target}")).unwrap_err().code,
                Code::ManifestInvalid,
                "{target}"
            );
        }
        let sha512 = format!("sha512:{}", "0".repeat(128));
        for digest in [sha512.as_str(), "md5:00", "sha256:..", "sha256:", &digest.to_string().to_uppercase()] {
            assert_eq!(route(&format!("/v2/a/blobs/{digest}")).unwrap_err().code, Code::DigestInvalid, "{digest}");
        }
        for id in ["..", "x", &"0".repeat(31), &"A".repeat(32)] {
            let error = route(&format!("/v2/a/blobs/uploads/{id}")).unwrap_err();
            assert_eq!(error.code, Code::BlobUploadUnknown, "{id}");
        }
    }

    #[test]
    fn queries() {
        let query = query("digest=sha256%3Aab&from=a%2Fb&x&artifactType=application/x+json&%zz=%");
        assert_eq!(query.get("digest"), Some("sha256:ab"));
        assert_eq!(query.get("from"), Some("a/b"));
        assert_eq!(query.get("artifactType"), Some("application/x+json"));
        assert_eq!(query.get("%zz"), Some("%"));
    }
}

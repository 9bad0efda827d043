//! The index for searching, made for every caller anew, and the signatures of those that were just made: a client asks for
//! an index and then for the signature that is named by its digest.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use tidegate_catalog::{INDEX_FILE, Index, signature_file};
use tidegate_reference::Digest;

use crate::access::{Caller, Permission};
use crate::api::{App, with_headers};
use crate::body::blocking;
use crate::clock::now;
use crate::error::{ApiError, Code};
use crate::settings::{AnonymousPull, IndexSigner};

/// How long an index that is made on demand counts, in seconds: it is made anew for every request.
const INDEX_LIFETIME: u64 = 24 * 3600;
/// Signatures that are kept, some 1 KiB each. An index changes with the second and with what its caller may pull, so that a
/// caller can make one a second; a client asks for the signature at once.
const KEPT: usize = 256;

/// Signs indexes and keeps the last signatures.
#[derive(Debug, Default)]
pub(crate) struct Signatures {
    signer: Option<IndexSigner>,
    last: Mutex<VecDeque<(Digest, Vec<u8>)>>,
}

impl Signatures {
    pub(crate) fn new(signer: Option<IndexSigner>) -> Self {
        Self { signer, last: Mutex::default() }
    }

    fn sign(&self, index: Digest) {
        let Some(IndexSigner(sign)) = &self.signer else { return };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.iter().any(|(known, _)| *known == index) {
            return;
        }
        match sign(index) {
            Some(signature) => last.push_back((index, signature)),
            None => tracing::error!("the index could not be signed"),
        }
        if last.len() > KEPT {
            last.pop_front();
        }
    }

    /// The signature whose file has this name.
    fn named(&self, file: &str) -> Option<Vec<u8>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().find(|(index, _)| signature_file(index) == file).map(|(_, signature)| signature.clone())
    }
}

/// A file below `/tidegate/v1/`: the index, of everything that the caller may pull, or a signature of one.
pub(crate) async fn file(app: &Arc<App>, caller: Caller, file: &str) -> Result<Response, ApiError> {
    if !caller.is_known() && app.access.anonymous_pull() == &AnonymousPull::Nothing {
        return Err(ApiError::unauthorized("this registry needs a token: send it as the password"));
    }
    let body = if file == INDEX_FILE {
        let store = Arc::clone(&app.store);
        let entries = blocking(move || store.index(|name| caller.may(Permission::Pull, name))).await?;
        let index = Index::new(now(), INDEX_LIFETIME, entries).to_json();
        app.signatures.sign(Digest::of(&index));
        index
    } else {
        let unknown = || ApiError::new(StatusCode::NOT_FOUND, Code::Unsupported, "there is no such file here");
        app.signatures.named(file).ok_or_else(unknown)?
    };
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    Ok(with_headers(Response::new(Body::from(body)), StatusCode::OK, &headers))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn the_last_signatures_are_kept_and_no_more() {
        let signer = IndexSigner(Arc::new(|digest: Digest| Some(digest.to_hex().into_bytes())));
        let signatures = Signatures::new(Some(signer));
        let digests: Vec<Digest> = (0..=KEPT).map(|number| Digest::of(number.to_string().as_bytes())).collect();
        digests.iter().chain(digests.last()).for_each(|digest| signatures.sign(*digest));
        let (first, last) = (digests.first().unwrap(), digests.last().unwrap());
        assert_eq!(signatures.named(&signature_file(last)), Some(last.to_hex().into_bytes()));
        assert_eq!(signatures.named(&signature_file(first)), None);
        assert_eq!(signatures.last.lock().unwrap().len(), KEPT);
        let unsigned = Signatures::default();
        unsigned.sign(*last);
        assert_eq!(unsigned.named(&signature_file(last)), None);
    }
}

//! Failures as the distribution specification has them: a status, a code, and a text for a person.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use tidegate_catalog::OutlineError;

use crate::store::StoreError;

/// A request that did not work.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// The codes of the distribution specification 1.1, "Error codes".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    Unauthorized,
    Denied,
    Unsupported,
    TooManyRequests,
    /// Not of the specification: the registry itself failed.
    Unknown,
}

impl Code {
    fn text(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new() }
    }

    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Credentials are missing or wrong. `Basic` is what every client can do.
    pub(crate) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, Code::Unauthorized, message)
            .with(WWW_AUTHENTICATE, "Basic realm=\"tidegate registry\"")
    }

    /// The store failed in a way that is not the client's fault; what, stands in the log.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "the registry failed");
        let message = "the registry failed; its log says why. Try again, or ask whoever runs it";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Unknown, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let json = serde_json::json!({ "errors": [{ "code": self.code.text(), "message": self.message }] });
        let mut response = Response::new(Body::from(json.to_string()));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        use StoreError as E;
        let (status, code) = match &error {
            E::NoBlob { .. } => (StatusCode::NOT_FOUND, Code::BlobUnknown),
            E::NoManifest { .. } | E::NoTag { .. } | E::Yanked { .. } => (StatusCode::NOT_FOUND, Code::ManifestUnknown),
            E::NoName(_) => (StatusCode::NOT_FOUND, Code::NameUnknown),
            E::NoUpload => (StatusCode::NOT_FOUND, Code::BlobUploadUnknown),
            E::OtherDigest { .. } => (StatusCode::BAD_REQUEST, Code::DigestInvalid),
            E::MissingBlob { .. } | E::MissingManifest { .. } => (StatusCode::BAD_REQUEST, Code::ManifestBlobUnknown),
            E::OtherSize { .. } => (StatusCode::BAD_REQUEST, Code::ManifestInvalid),
            E::Released { .. } | E::Quota { .. } | E::InUse { .. } => (StatusCode::FORBIDDEN, Code::Denied),
            E::ManyUploads { .. } => (StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests),
            E::Io { .. } | E::Database(_) | E::Record(_) | E::NoRandom | E::Locked(_) => return Self::internal(&error),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<OutlineError> for ApiError {
    fn from(error: OutlineError) -> Self {
        let (status, code) = match error {
            OutlineError::TooBig(_) => (StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid),
            _ => (StatusCode::BAD_REQUEST, Code::ManifestInvalid),
        };
        Self::new(status, code, error.to_string())
    }
}

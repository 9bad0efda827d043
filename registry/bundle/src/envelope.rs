//! The signed envelope. Source: DSSE v1 (`secure-systems-lab/dsse`, `envelope.md` and `protocol.md`).

use crate::json::{Fields, JsonError};
use crate::sigstore::{SignatureError, from_base64, to_base64};

/// Payload type of an in-toto statement.
pub const DSSE_PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A payload and its one signature. Not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The signed bytes: an in-toto statement.
    pub payload: Vec<u8>,
    /// The signature over [`Envelope::pae`].
    pub signature: Vec<u8>,
}

/// What is signed: DSSE's PAE, `"DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload`, lengths in decimal bytes.
#[must_use]
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoded = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    encoded.extend_from_slice(payload);
    encoded
}

impl Envelope {
    /// The bytes under the signature.
    #[must_use]
    pub fn pae(&self) -> Vec<u8> {
        pre_authentication_encoding(DSSE_PAYLOAD_TYPE, &self.payload)
    }

    pub(crate) fn from_fields(mut fields: Fields) -> Result<Self, SignatureError> {
        let payload_type = fields.take_string("payloadType")?;
        if payload_type != DSSE_PAYLOAD_TYPE {
            return Err(SignatureError::PayloadType(payload_type.escape_debug().to_string()));
        }
        let payload = from_base64(&fields.path_of("payload"), &fields.take_string("payload")?)?;
        let mut signatures = fields.take_list("signatures", 1, 1)?;
        let mut only = signatures.pop().ok_or_else(|| JsonError::Missing(fields.path_of("signatures")))?;
        let signature = from_base64(&only.path_of("sig"), &only.take_string("sig")?)?;
        // A hint which nobody signed: checked for its type, then forgotten.
        if only.has("keyid") {
            only.take_string("keyid")?;
        }
        only.finish()?;
        fields.finish()?;
        Ok(Self { payload, signature })
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "payload": to_base64(&self.payload),
            "payloadType": DSSE_PAYLOAD_TYPE,
            "signatures": [{ "sig": to_base64(&self.signature), "keyid": "" }],
        })
    }
}

#[cfg(test)]
mod tests;

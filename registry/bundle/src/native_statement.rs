//! What a signer of native code says.

use tidegate_reference::{ComponentName, Digest, Reference, Version};

use crate::json::Fields;
use crate::native::{CodeLayout, CodeTarget};
use crate::sigstore::SignatureError;
use crate::statement::{Subject, open, subjects, take_parsed, wrong_value};

/// The one predicate that vouches for native code. It does not vouch for a component, and a component's not for native code.
pub const NATIVE_PREDICATE: &str = "https://tidegate.dev/attestation/native-code/v1";
/// The one runtime whose code is taken.
pub const NATIVE_ENGINE: &str = "wasmtime";
/// The one choice of instructions: those that all processors of the target have.
const BASELINE: &str = "baseline";

/// "This code is what that compiler made of that component": who says so, the signature tells.
///
/// ```json
/// {
///   "_type": "https://in-toto.io/Statement/v1",
///   "subject": [{ "name": "tool-time@1.0.0 for aarch64-unknown-linux-gnu", "digest": { "sha256": "..." } }],
///   "predicateType": "https://tidegate.dev/attestation/native-code/v1",
///   "predicate": {
///     "component": { "name": "tool-time", "version": "1.0.0", "digest": { "sha256": "..." } },
///     "target": "aarch64-unknown-linux-gnu",
///     "instructions": "baseline",
///     "engine": { "name": "wasmtime", "version": "48.0.8" },
///     "layout": "generous"
///   }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeStatement {
    /// Digest of the code.
    pub code: Digest,
    /// Which component.
    pub component: Reference,
    /// Digest of the component that was compiled.
    pub component_digest: Digest,
    /// What it was compiled for.
    pub target: CodeTarget,
    /// Version of the runtime whose compiler made it, `48.0.8`: only that one runs it.
    pub engine: Version,
    /// How it expects memories to lie.
    pub layout: CodeLayout,
}

impl NativeStatement {
    /// Parses a signed payload strictly.
    ///
    /// # Errors
    /// As [`SignatureError`] says: not a statement, another predicate, another runtime, a wrong name or digest.
    pub fn parse(payload: &[u8]) -> Result<Self, SignatureError> {
        let wrong = SignatureError::Statement;
        let mut fields = open(payload)?;
        let predicate_type = fields.take_string("predicateType").map_err(wrong)?;
        if predicate_type != NATIVE_PREDICATE {
            return Err(SignatureError::NotNativeCode(predicate_type.escape_debug().to_string()));
        }
        let code = match subjects(&mut fields)?.as_slice() {
            [only] => only.digest,
            many => {
                return Err(wrong_value("subject".to_owned(), &format_args!("it has {} entries, not one", many.len())));
            }
        };
        let mut predicate = fields.take_fields("predicate").map_err(wrong)?;
        let mut component = predicate.take_fields("component").map_err(wrong)?;
        let name: ComponentName = take_parsed(&mut component, "name")?;
        let version: Version = take_parsed(&mut component, "version")?;
        let component_digest = Subject::take_digest(&mut component)?;
        let target = take_parsed(&mut predicate, "target")?;
        take_exactly(&mut predicate, "instructions", BASELINE)?;
        let mut engine = predicate.take_fields("engine").map_err(wrong)?;
        take_exactly(&mut engine, "name", NATIVE_ENGINE)?;
        let engine_version = take_parsed(&mut engine, "version")?;
        let layout = take_parsed(&mut predicate, "layout")?;
        for rest in [component, engine, predicate, fields] {
            rest.finish().map_err(wrong)?;
        }
        let component = Reference::new(name, version);
        Ok(Self { code, component, component_digest, target, engine: engine_version, layout })
    }

    /// The payload to sign: JSON, one line.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::json!({
            "_type": crate::STATEMENT_TYPE,
            "subject": [{
                "name": format!("{} for {}", self.component, self.target),
                "digest": { "sha256": self.code.to_hex() },
            }],
            "predicateType": NATIVE_PREDICATE,
            "predicate": {
                "component": {
                    "name": self.component.name,
                    "version": self.component.version,
                    "digest": { "sha256": self.component_digest.to_hex() },
                },
                "target": self.target.name(),
                "instructions": BASELINE,
                "engine": { "name": NATIVE_ENGINE, "version": self.engine },
                "layout": self.layout.to_string(),
            },
        })
        .to_string()
        .into_bytes()
    }
}

fn take_exactly(fields: &mut Fields, name: &str, only: &'static str) -> Result<(), SignatureError> {
    let text = fields.take_string(name).map_err(SignatureError::Statement)?;
    if text == only {
        return Ok(());
    }
    Err(wrong_value(fields.path_of(name), &format_args!("only `{only}` is known here")))
}

#[cfg(test)]
mod tests;

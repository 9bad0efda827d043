use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

/// An event and when it happened.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// When; milliseconds since 1970 in files.
    #[serde(serialize_with = "milliseconds")]
    pub at: SystemTime,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// Something that a security team may ask about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A component was verified, allowed and made ready.
    Loaded {
        /// Name and version.
        component: String,
        /// Digest of its bytes.
        digest: String,
        /// Who signed it.
        signer: String,
        /// Who signed the native code that runs in place of compiling it.
        #[serde(skip_serializing_if = "Option::is_none")]
        native: Option<String>,
    },
    /// A component was refused at load.
    Refused {
        /// Name as far as it is known.
        component: String,
        /// Digest of its bytes, if they were read.
        digest: Option<String>,
        /// Why, and what would permit it.
        reason: String,
    },
    /// A person lowered a component's version floor, or gave its name to another signer.
    RolledBack {
        /// Name of the component.
        component: String,
        /// The floor before.
        from: String,
        /// The floor from now on.
        to: String,
        /// Whose signature counts from now on.
        signer: String,
        /// What the person gave as the reason.
        reason: String,
    },
    /// A component was taken out.
    Removed {
        /// Name and version.
        component: String,
    },
    /// A component failed too often and gets no more calls for a while.
    Quarantined {
        /// Name and version.
        component: String,
        /// Why.
        reason: String,
        /// For how long, in milliseconds.
        milliseconds: u64,
    },
    /// A call ended.
    Called {
        /// On whose behalf: a stable name.
        principal: String,
        /// Whose the client is.
        tenant: Option<String>,
        /// Name of the component.
        component: String,
        /// What was called: a tool's name, a resource's address.
        target: String,
        /// Where it belongs in what the client traces: a `traceparent` of W3C Trace Context.
        #[serde(skip_serializing_if = "Option::is_none")]
        trace: Option<String>,
        /// How it ended.
        end: CallEnd,
        /// How long it took, in microseconds.
        microseconds: u64,
    },
    /// Somebody was not let in: what they brought to prove who they are is not good, or they may use nothing.
    Unauthenticated {
        /// Where they came from.
        from: String,
        /// Why.
        reason: String,
    },
    /// A client wanted something that it may not use.
    Forbidden {
        /// Who: a stable name.
        principal: String,
        /// Whose the client is.
        tenant: Option<String>,
        /// Name of the component that has it.
        component: String,
        /// What it called it: a tool's name, a resource's address.
        target: String,
        /// The scopes that would do; empty: none would.
        scopes: Vec<String>,
    },
    /// A host call was refused because the grant does not cover it.
    Denied {
        /// Name of the component.
        component: String,
        /// The interface.
        interface: String,
        /// What it wanted: a destination, a namespace, a secret's name.
        wanted: String,
        /// Why not, and which line would permit it.
        reason: String,
    },
    /// A model was loaded into an instance of its backend.
    ModelLoaded {
        /// Name and version of the model.
        model: String,
        /// Its digest, as its signature has it.
        digest: String,
        /// The variant that fits.
        variant: String,
        /// Name and version of the backend.
        backend: String,
        /// Memory of the instance, in bytes.
        bytes: u64,
        /// How long it took, in microseconds.
        microseconds: u64,
    },
    /// The instance of a model is gone.
    ModelUnloaded {
        /// Name and version of the model.
        model: String,
        /// Why.
        reason: String,
    },
    /// A component used a model.
    ModelUsed {
        /// The client that a protocol component used it for: a stable name.
        #[serde(skip_serializing_if = "Option::is_none")]
        principal: Option<String>,
        /// Whose that client is.
        #[serde(skip_serializing_if = "Option::is_none")]
        tenant: Option<String>,
        /// Name of the component.
        component: String,
        /// Name and version of the model.
        model: String,
        /// What was asked of it: `embed`, `generate`.
        request: String,
        /// How it ended.
        end: CallEnd,
        /// How long it took, loading and waiting included, in microseconds.
        microseconds: u64,
    },
    /// A secret's bytes were given to a component.
    Revealed {
        /// Name of the component.
        component: String,
        /// The secret's name.
        secret: String,
    },
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallEnd {
    /// With a result.
    Done,
    /// With a result that says the tool failed.
    ToolError,
    /// With questions to the client.
    InputRequired,
    /// Nothing of that name, or arguments that do not fit.
    Invalid,
    /// Refused by policy or for lack of room.
    Refused,
    /// At the deadline.
    Deadline,
    /// By cancellation.
    Cancelled,
    /// By a failure of the component.
    Failed,
}

fn milliseconds<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    serializer.serialize_u64(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

//! Why a function is no tool, why arguments do not fit, why a call gave no answer.

/// Why an exported function does not become a tool. The component's interface is the cause; nothing is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A handle lives in an instance, and every call has an instance of its own.
    #[error("it takes or returns a resource handle, which would not outlive the call")]
    Resource,
    /// A kind of type or of call that JSON or this runtime line cannot carry.
    #[error("it needs {what}, which a tool's arguments and results cannot carry")]
    Unsupported {
        /// The kind, with its article where it has one.
        what: &'static str,
    },
    /// Nesting.
    #[error("its types are nested more than {limit} levels deep")]
    TooDeep {
        /// Levels.
        limit: usize,
    },
    /// Size after every shared type is written out.
    #[error("its types have more than {limit} parts when written out")]
    TooManyTypes {
        /// Parts.
        limit: usize,
    },
    /// Size of the schema.
    #[error("its JSON Schema would have more than {limit} bytes")]
    SchemaTooLarge {
        /// Bytes.
        limit: usize,
    },
    /// Too many functions before this one.
    #[error("the component exports more than {limit} functions")]
    TooManyFunctions {
        /// Functions.
        limit: usize,
    },
    /// Too many exports of any kind before this one.
    #[error("the component has more than {limit} exports, those of exported instances included")]
    TooManyExports {
        /// Exports.
        limit: usize,
    },
    /// Exported instances inside exported instances.
    #[error("it is exported more than {limit} instances deep")]
    TooManyInstances {
        /// Instances.
        limit: usize,
    },
    /// Two functions whose names stay equal in every form.
    #[error("another exported function claims the same tool name")]
    NameTaken,
}

/// Why arguments do not fit a function. The client is at fault; `at` is a JSON pointer (RFC 6901), empty for the whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// Not JSON, or a member twice in one object.
    #[error("the arguments are not a JSON text we accept: {reason}")]
    Syntax {
        /// What the parser said, with line and column.
        reason: String,
    },
    /// Another value was expected.
    #[error("{}: expected {expected}, found {found}", place(.at))]
    Unexpected {
        /// Where.
        at: String,
        /// What fits.
        expected: String,
        /// What was there, abridged.
        found: String,
    },
    /// A member that is required.
    #[error("`{at}` is missing: expected {expected}")]
    Missing {
        /// Where it should be.
        at: String,
        /// What fits.
        expected: String,
    },
    /// A member that does not exist.
    #[error("`{at}` is not known: the members are {known}")]
    Unknown {
        /// Where.
        at: String,
        /// The members that exist there.
        known: String,
    },
    /// A string that should be base64.
    #[error("`{at}`: expected base64 (RFC 4648, standard alphabet): {reason}")]
    Base64 {
        /// Where.
        at: String,
        /// What the decoder said.
        reason: String,
    },
}

fn place(at: &str) -> String {
    if at.is_empty() { "the arguments".to_owned() } else { format!("`{at}`") }
}

/// Why values did not become a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResultError {
    /// The component answered with too much.
    #[error("the result has more than {limit} bytes as JSON; the limit of the component's output allows no more")]
    TooLarge {
        /// Bytes.
        limit: usize,
    },
    /// The values belong to another function: the host is at fault.
    #[error("the values are not of the function's type")]
    Mismatch,
}

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The instance has no such function: it is of another component. The host is at fault.
    #[error("the instance does not export `{export}`")]
    Absent {
        /// The path, joined by `/`.
        export: String,
    },
    /// The component trapped, ran out of its limits, or was interrupted. The store is poisoned.
    #[error("the call did not finish")]
    Trap(#[source] wasmtime::Error),
    /// The component answered, but the answer could not be used.
    #[error(transparent)]
    Result(ResultError),
}

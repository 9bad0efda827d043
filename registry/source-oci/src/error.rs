//! What can go wrong between a node and a registry.

use std::io;
use std::path::PathBuf;

use tidegate_catalog::{ArtifactError, LayoutError};
use tidegate_reference::Digest;

/// A request that came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The name does not resolve.
    #[error("`{host}` does not resolve: is the name right, and is there a network?")]
    Resolve {
        /// The host.
        host: String,
        /// What the system says.
        source: io::Error,
    },
    /// Nobody answers.
    #[error("cannot connect to `{host}`")]
    Connect {
        /// The host.
        host: String,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate, or no TLS at all.
    #[error("no TLS with `{host}`: if its certificate is not from a public authority, name its root with `--ca-file`")]
    Tls {
        /// The host.
        host: String,
        /// What is wrong.
        source: io::Error,
    },
    /// Too slow.
    #[error("`{host}` did not answer within {seconds} s")]
    Timeout {
        /// The host.
        host: String,
        /// The bound.
        seconds: u64,
    },
    /// The connection broke.
    #[error("the connection to `{host}` broke")]
    Broken {
        /// The host.
        host: String,
        /// How.
        source: hyper::Error,
    },
    /// A certificate is missing where it is needed.
    #[error(
        "`{0}` is another machine, and plain HTTP to it is not permitted: use TLS, or name it with `--plain-http {0}`"
    )]
    PlainHttp(String),
    /// A redirect from TLS to plain HTTP.
    #[error(
        "`{from}` redirects to plain HTTP (`{to}`), which is refused: what is fetched there could be read and held back"
    )]
    Downgrade {
        /// Who redirects.
        from: String,
        /// Where to.
        to: String,
    },
    /// A redirect to an address that the registry itself is not near.
    #[error("`{from}` redirects to `{to}`, an address inside of a network that the registry is not in: refused")]
    Inward {
        /// Who redirects.
        from: String,
        /// Where to.
        to: String,
    },
    /// A redirect that is none.
    #[error("`{from}` redirects to `{}`, which is not taken: {why}", .to.escape_debug())]
    Redirect {
        /// Who redirects.
        from: String,
        /// Where to.
        to: String,
        /// What is wrong.
        why: &'static str,
    },
    /// No address that a mirror can have.
    #[error("`{}` is not the address of a mirror, `https://HOST/PATH`: {why}", .address.escape_debug())]
    Address {
        /// What was given.
        address: String,
        /// What is wrong.
        why: &'static str,
    },
    /// No or wrong credentials.
    #[error("`{host}` wants other credentials{said}: put them into the credentials file, or give them with `--password-stdin`", said = said(.message))]
    Unauthorized {
        /// The host.
        host: String,
        /// What it says.
        message: String,
    },
    /// No permission.
    #[error("`{host}` does not permit it{said}", said = said(.message))]
    Denied {
        /// The host.
        host: String,
        /// What it says.
        message: String,
    },
    /// Nothing of that name.
    #[error("`{host}` has no such thing{said}", said = said(.message))]
    NotFound {
        /// The host.
        host: String,
        /// What it says.
        message: String,
    },
    /// Another status.
    #[error("`{host}` answered {status}{said}", said = said(.message))]
    Status {
        /// The host.
        host: String,
        /// The status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// More than was expected.
    #[error("`{host}` sends more than {max} bytes, which is the bound for this: refused")]
    TooBig {
        /// The host.
        host: String,
        /// The bound.
        max: u64,
    },
    /// Compressed although nobody asked for it.
    #[error("`{host}` sends a body that is encoded as `{}`: only the bytes themselves are taken", .encoding.escape_debug())]
    Encoding {
        /// The host.
        host: String,
        /// The encoding.
        encoding: String,
    },
    /// An answer that is no answer of a registry.
    #[error("`{host}` answers what no registry answers: {what}")]
    Protocol {
        /// The host.
        host: String,
        /// What is wrong.
        what: String,
    },
    /// A local file.
    #[error("cannot {action} `{path}`", path = .path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" (it says: {message})") }
}

/// Why nothing was pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The network or the registry.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Other bytes than were named.
    #[error(
        "the registry sent other bytes for `{expected}`: theirs have the digest `{found}`. They were changed or exchanged; nothing was taken"
    )]
    OtherDigest {
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// Another length than was named.
    #[error("the manifest says that `{digest}` has {said} bytes, but the registry sends {found}: nothing was taken")]
    OtherLength {
        /// Which blob.
        digest: Digest,
        /// What the manifest says.
        said: u64,
        /// What came.
        found: u64,
    },
    /// Too large before anything was fetched.
    #[error("`{digest}` has {said} bytes, at most {max} are taken for this")]
    TooBig {
        /// Which blob.
        digest: Digest,
        /// What the manifest says.
        said: u64,
        /// The bound.
        max: u64,
    },
    /// No component.
    #[error("`{reference}` is not taken")]
    Artifact {
        /// What was asked for.
        reference: String,
        /// Why.
        source: ArtifactError,
    },
}

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The network or the registry.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The registry keeps something else than was sent.
    #[error("the registry says that it keeps `{found}`, but `{sent}` was sent: do not use what it keeps")]
    OtherDigest {
        /// What was sent.
        sent: Digest,
        /// What it says.
        found: String,
    },
    /// The list of referrers under the fallback tag.
    #[error("the list of what is attached to the component cannot be read")]
    Referrers(#[source] ArtifactError),
    /// Reading it back.
    #[error(transparent)]
    Pull(#[from] PullError),
}

/// Why nothing was mirrored.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// Pulling.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// Pushing.
    #[error(transparent)]
    Push(#[from] PushError),
    /// The folder.
    #[error("cannot {action} `{path}`", path = .path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The folder is no mirror.
    #[error("`{path}` is no mirror", path = .path.display())]
    Layout {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: LayoutError,
    },
    /// A file is not what its name says.
    #[error("`{path}` has the digest `{found}`: the mirror is damaged or was changed; make it again", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: Digest,
    },
    /// No index.
    #[error(
        "`{place}` has no `tidegate-index.json`: it is no mirror (`tidegate mirror fetch` makes one, `tidegate mirror index` \
         gives one an index); a registry is written `oci://HOST`"
    )]
    NoMirror {
        /// Where.
        place: String,
    },
    /// A file is missing.
    #[error(
        "`{place}` has no `{file}`: the copy there is not whole; it takes the whole folder that `tidegate mirror` made"
    )]
    Incomplete {
        /// Where.
        place: String,
        /// Which.
        file: String,
    },
    /// What is in the mirror is no component.
    #[error("`{reference}` in the mirror is not taken")]
    Artifact {
        /// Which.
        reference: String,
        /// Why.
        source: ArtifactError,
    },
}

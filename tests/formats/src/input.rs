//! Inputs: text in parts, and the one component and key that all of them are about.

use std::sync::LazyLock;

use tidegate_attestation::{HostKey, PrivateKey};
use tidegate_bundle::{Bundle, embed_manifest};

/// A component with nothing in it.
pub(crate) const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";
/// The manifest of [`DEMO`].
pub(crate) const MANIFEST: &str = "name = \"demo\"\nversion = \"1.2.3\"\nkind = \"tool\"\n";

/// The component that signatures and receipts are about.
pub(crate) static DEMO: LazyLock<Bundle> =
    LazyLock::new(|| Bundle::new(embed_manifest(EMPTY, MANIFEST).unwrap(), Vec::new()).unwrap());

/// The key that signs. Known to everybody who reads this, and trusted nowhere else.
pub(crate) static KEY: LazyLock<PrivateKey> = LazyLock::new(|| {
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";
    PrivateKey::from_pem(pem).unwrap()
});

/// The host that makes receipts.
pub(crate) static HOST: LazyLock<HostKey> = LazyLock::new(|| HostKey::from_bytes([7; 32]));

/// The parts of an input: what stands between lines `===`.
pub(crate) fn parts(data: &[u8]) -> Vec<Vec<u8>> {
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    lines.split(|line| *line == b"===").map(|lines| lines.join(&b'\n')).collect()
}

/// `text` with each `$NAME` replaced by the value of that name.
pub(crate) fn filled(text: &[u8], name: &str, value: impl FnOnce() -> String) -> Vec<u8> {
    let mark = format!("${name}").into_bytes();
    let Some(at) = text.windows(mark.len()).position(|window| window == mark) else { return text.to_vec() };
    let (before, after) = (&text[..at], &text[at + mark.len()..]);
    [before, value().as_bytes(), after].concat()
}

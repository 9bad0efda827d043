//! Letting components in: verifying one of 2 MB, and loading a thousand that are in the cache.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use tidegate::Host;
use tidegate::attestation::{Algorithm, PrivateKey, VerifiedBundle, verify};
use tidegate::bundle::{Bundle, embed_manifest};

use super::{Taken, component};
use crate::node::Node;

/// Bytes of the component that is verified.
const LARGE: usize = 2 << 20;
/// Components that are loaded.
const MANY: usize = 1_000;

pub(super) async fn measure(node: &Node) -> Result<Vec<Taken>> {
    let key = PrivateKey::generate(Algorithm::Ed25519)?;
    let policy = format!("version = 1\n\n[signers.bench]\npublic-key = \"\"\"\n{}\"\"\"\n", key.public_key().to_pem());
    let policy = tidegate::parse_policy("policy.toml", &policy)?;
    let trust = tidegate::trust_root(&policy)?;

    let large = padded(component(node, "echo.wasm")?)?;
    let signature = sign(&large, &key)?;
    let mut each = Vec::new();
    for _ in 0..100 {
        let (bytes, signatures) = (large.clone(), vec![signature.clone()]);
        let began = Instant::now();
        let verified: VerifiedBundle = verify(Bundle::new(bytes, signatures)?, &trust)?;
        each.push(began.elapsed());
        ensure!(verified.bundle().size() == LARGE as u64, "not the component");
    }
    let name = "verify a component of 2 MiB: digest, signature, names".to_owned();
    let mut taken = vec![Taken { name, each, bytes: Some(LARGE as u64), target: Some("< 5 ms") }];

    let folder = node.path("many");
    std::fs::create_dir(&folder)?;
    for number in 0..MANY {
        let (bytes, path) = (small(number)?, folder.join(format!("part-{number}.wasm")));
        std::fs::write(path.with_extension("wasm.sigstore.json"), sign(&bytes, &key)?)?;
        std::fs::write(path, bytes)?;
    }
    let mut each = Vec::new();
    // The first one compiles.
    for round in 0..6 {
        let host = Host::builder(node.path("inside-many")).policy(policy.clone()).build().await?;
        let began = Instant::now();
        let loaded = host.load(&folder).await?;
        let took = began.elapsed();
        let refused = loaded.refused.first().map(|refused| refused.reason.clone());
        ensure!(loaded.components.len() == MANY, "not all were loaded: {}", refused.unwrap_or_default());
        if round > 0 {
            each.push(took);
        }
        drop((host, loaded));
    }
    let name = format!("load {MANY} components: verified, from the cache");
    taken.push(Taken { name, each, bytes: None, target: Some("< 2 s") });
    Ok(taken)
}

/// Puts small signed components beside those of the node.
pub(crate) fn fill(node: &Node, count: usize) -> Result<()> {
    let key = PrivateKey::from_pem(&std::fs::read_to_string(node.path("bench.key"))?)?;
    let folder = node.path("components");
    for number in 0..count {
        let (bytes, path) = (small(number)?, folder.join(format!("part-{number}.wasm")));
        std::fs::write(path.with_extension("wasm.sigstore.json"), sign(&bytes, &key)?)?;
        std::fs::write(path, bytes)?;
    }
    Ok(())
}

fn sign(bytes: &[u8], key: &PrivateKey) -> Result<Vec<u8>> {
    let bundle = Bundle::new(bytes.to_vec(), Vec::new())?;
    let reference = bundle.manifest().context("no manifest")?.reference();
    Ok(tidegate::attestation::sign(&bundle, &reference, key)?)
}

/// A component with a section of zeros that makes it as large as wanted.
fn padded(mut bytes: Vec<u8>) -> Result<Vec<u8>> {
    // Id 0, the length in five bytes of LEB128, a name of three letters.
    let head = 1 + 5 + 4;
    let zeros = LARGE.checked_sub(bytes.len() + head).context("the component is larger already")?;
    let mut length = u32::try_from(zeros + 4)?;
    bytes.push(0);
    for at in 0..5 {
        let more = if at < 4 { 0x80 } else { 0 };
        bytes.push(u8::try_from(length & 0x7f)? | more);
        length >>= 7;
    }
    bytes.extend_from_slice(b"\x03pad");
    bytes.resize(LARGE, 0);
    Ok(bytes)
}

/// A component of its own name that adds, about as small as one can be.
fn small(number: usize) -> Result<Vec<u8>> {
    let text = format!(
        r#"(component
            (core module $m (func (export "f") (param i32 i32) (result i32)
              (i32.add (i32.const {number}) (i32.add (local.get 0) (local.get 1)))))
            (core instance $i (instantiate $m))
            (func (export "add-{number}") (param "left" s32) (param "right" s32) (result s32)
              (canon lift (core func $i "f"))))"#
    );
    let manifest = format!("name = \"part-{number}\"\nversion = \"1.0.0\"\nkind = \"tool\"\ndescription = \"Adds.\"\n");
    Ok(embed_manifest(&wat::parse_str(text)?, &manifest)?)
}

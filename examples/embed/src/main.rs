//! An application that embeds the host: it loads a signed component, calls its tool and follows what the call says. No
//! HTTP, no client, no other process but the one that compiles the component.
//!
//! ```text
//! cargo x guests
//! cargo run -p tidegate-example-embed -- target/fixtures/events.wasm
//! ```
//!
//! A real application ships the signature and the publisher's public key with the component. To need nothing but a
//! component, this one plays the publisher too: it makes a key, signs, and trusts that key.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use tidegate::attestation::{Algorithm, PrivateKey};
use tidegate::bundle::Bundle;
use tidegate::{CallEvent, Host};

fn main() -> ExitCode {
    // The host compiles components in a child process, which is this same executable.
    if let Some(code) = tidegate::run_if_compile_child() {
        return code;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let Some(component) = std::env::args().nth(1) else {
        bail!("which component? For example target/fixtures/events.wasm, which `cargo x guests` builds");
    };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    tidegate::runtime::tune(runtime.enable_all()).build()?.block_on(embed(Path::new(&component)))
}

async fn embed(component: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (signed, policy) = publish(component, folder.path())?;

    let policy = tidegate::parse_policy("policy.toml", &policy)?;
    let host = Host::builder(folder.path().join("state")).policy(policy).build().await?;
    let report = host.add(&signed).await?;
    println!("{} {} is signed by {}", report.name, report.version, report.signer.name);
    for tool in host.tools() {
        println!("  {}: {}", tool.name, tool.description.lines().next().unwrap_or_default());
    }

    let mut call = host.call_tool("work", r#"{"steps": 3, "step_ms": 50}"#);
    while let Some(event) = call.next().await {
        match event {
            CallEvent::Progress(report) => println!("progress {} of {:?}", report.progress, report.total),
            CallEvent::Message(message) => println!("{:?}: {}", message.severity, message.data),
            CallEvent::Done(end) => match end {
                Ok(output) => println!("done: {:?}", output.content),
                Err(error) => bail!("the call failed: {error:?}"),
            },
        }
    }
    Ok(())
}

/// Signs a component as its publisher would, and writes the policy of somebody who trusts that publisher.
fn publish(component: &Path, folder: &Path) -> Result<(std::path::PathBuf, String)> {
    let bytes = std::fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
    let key = PrivateKey::generate(Algorithm::Ed25519)?;
    let bundle = Bundle::new(bytes.clone(), Vec::new())?;
    let reference = bundle.manifest().context("the component has no manifest")?.reference();
    let signature = tidegate::attestation::sign(&bundle, &reference, &key)?;
    let signed = folder.join("component.wasm");
    std::fs::write(&signed, bytes)?;
    std::fs::write(folder.join("component.wasm.sigstore.json"), signature)?;
    let public_key = key.public_key().to_pem();
    let policy = format!("version = 1\n\n[signers.publisher]\npublic-key = \"\"\"\n{public_key}\"\"\"\n");
    Ok((signed, policy))
}

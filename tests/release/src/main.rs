//! `tidegate-release document FOLDER CHECKOUT KEY`, with how it was made as JSON on standard input, and
//! `tidegate-release verify FOLDER PUBLIC-KEY`. For `cargo x release`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use tidegate_attestation::{PrivateKey, PublicKey};
use tidegate_release::{document, verify};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    match words {
        ["document", folder, checkout, key] => {
            let made = serde_json::from_reader(std::io::stdin()).context("how it was made is not understood")?;
            let key = PrivateKey::from_pem(&read(key)?).with_context(|| format!("`{key}` is no key to sign with"))?;
            document(Path::new(folder), Path::new(checkout), &made, &key)
        }
        ["verify", folder, key] => {
            let key = PublicKey::from_pem(&read(key)?).with_context(|| format!("`{key}` is no public key"))?;
            println!("verified {} files", verify(Path::new(folder), &key)?);
            Ok(())
        }
        _ => bail!("usage: tidegate-release document FOLDER CHECKOUT KEY, or verify FOLDER PUBLIC-KEY"),
    }
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{path}`"))
}

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use tidegate_bundle::ModelStatement;
use tidegate_reference::Digest;

use crate::{Algorithm, ModelError, PrivateKey, Role, TrustRoot, TrustedSigner, sign_model, verify_model};

const MANIFEST: &[u8] = b"name = \"m\"\nversion = \"1.0.0\"\nformat = \"gguf\"\nfiles = [\"m.gguf\"]\n";

fn statement(files: &[(&str, &[u8])]) -> ModelStatement {
    let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), Digest::of(bytes)));
    ModelStatement { subject: "m@1.0.0".to_owned(), files: files.collect() }
}

fn trust(key: &PrivateKey, roles: &[Role]) -> TrustRoot {
    let signer = TrustedSigner {
        name: "lab".to_owned(),
        keys: vec![key.public_key()],
        identities: Vec::new(),
        roles: roles.to_vec(),
    };
    TrustRoot::new(vec![signer]).unwrap()
}

#[test]
fn who_may_sign_models_vouches_for_each_file() {
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let statement = statement(&[("README.md", b"more"), ("m.gguf", b"weights"), ("model.toml", MANIFEST)]);
    let file = sign_model(&statement, &key).unwrap();
    let model = verify_model("m", MANIFEST, Some(&file), &trust(&key, &[Role::Model])).unwrap();
    assert_eq!(model.reference().to_string(), "m@1.0.0");
    assert_eq!(model.digest(), statement.digest());
    assert_eq!(model.files()["m.gguf"], Digest::of(b"weights"));
    assert_eq!(model.files().len(), 1, "what the manifest does not name is none of ours");
    assert_eq!(model.signer().name(), Some("lab"));
}

#[test]
fn everything_else_is_refused() {
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let root = trust(&key, &[Role::Model]);
    let good = statement(&[("m.gguf", b"weights"), ("model.toml", MANIFEST)]);
    let file = sign_model(&good, &key).unwrap();
    let check = |manifest: &[u8], file: Option<&[u8]>, root: &TrustRoot| verify_model("m", manifest, file, root);

    assert!(matches!(check(MANIFEST, None, &root), Err(ModelError::Unsigned(_))));
    assert!(matches!(check(MANIFEST, Some(b"{}"), &root), Err(ModelError::BadFile { .. })));
    let other = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let refused = check(MANIFEST, Some(&file), &trust(&other, &[Role::Model]));
    assert!(matches!(refused, Err(ModelError::UnknownSigner { .. })), "{refused:?}");
    for roles in [&[Role::Component][..], &[Role::NativeCode], &[Role::Component, Role::NativeCode]] {
        let refused = check(MANIFEST, Some(&file), &trust(&key, roles));
        assert!(matches!(refused, Err(ModelError::Role { .. })), "{refused:?}");
    }
    let changed = [MANIFEST, b"# more\n"].concat();
    assert!(matches!(check(&changed, Some(&file), &root), Err(ModelError::OtherManifest { .. })));
    // The manifest under another name is another file.
    let renamed = sign_model(&statement(&[("m.gguf", b"weights"), ("z.toml", MANIFEST)]), &key).unwrap();
    assert!(matches!(check(MANIFEST, Some(&renamed), &root), Err(ModelError::OtherManifest { .. })));
    let without = sign_model(&statement(&[("model.toml", MANIFEST)]), &key).unwrap();
    assert!(matches!(check(MANIFEST, Some(&without), &root), Err(ModelError::NotSigned { .. })));
    let no_manifest = b"name = 1";
    let signed = sign_model(&statement(&[("model.toml", no_manifest)]), &key).unwrap();
    assert!(matches!(check(no_manifest, Some(&signed), &root), Err(ModelError::Manifest { .. })));
    // A component's signature vouches for no model, by the same key.
    let component = crate::sign_statement(
        tidegate_bundle::Statement::about(&"m@1.0.0".parse().unwrap(), Digest::of(MANIFEST)).to_json(),
        &key,
    );
    let refused = check(MANIFEST, Some(&component.unwrap()), &root);
    assert!(matches!(refused, Err(ModelError::BadFile { .. })), "{refused:?}");
}

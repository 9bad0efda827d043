#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use tidegate_bundle::{Bundle, CodeTarget, NativeFile, NativeStatement, embed_manifest};
use tidegate_reference::Digest;

use crate::{
    Algorithm, NativeError, PrivateKey, Role, TrustRoot, TrustedSigner, VerifiedBundle, sign, sign_native, verify,
    verify_native,
};

const CODE: &[u8] = b"\x7fELF and so on";
const TARGET: CodeTarget = CodeTarget::Aarch64;

/// A publisher of components, a builder of native code, and a node that believes each in one thing.
struct Site {
    publisher: PrivateKey,
    builder: PrivateKey,
    trust: TrustRoot,
}

impl Site {
    fn new() -> Self {
        let key = || PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let (publisher, builder) = (key(), key());
        let signer = |name: &str, key: &PrivateKey, role| TrustedSigner {
            name: name.to_owned(),
            keys: vec![key.public_key()],
            identities: Vec::new(),
            roles: vec![role],
        };
        let signers = vec![signer("acme", &publisher, Role::Component), signer("builder", &builder, Role::NativeCode)];
        Self { publisher, builder, trust: TrustRoot::new(signers).unwrap() }
    }

    fn component(&self, name: &str, version: &str) -> VerifiedBundle {
        let manifest = format!("name = \"{name}\"\nversion = \"{version}\"\nkind = \"tool\"\n");
        let bytes = embed_manifest(&wat::parse_str("(component)").unwrap(), &manifest).unwrap();
        let bundle = Bundle::new(bytes.clone(), Vec::new()).unwrap();
        let signature = sign(&bundle, &bundle.manifest().unwrap().reference(), &self.publisher).unwrap();
        verify(Bundle::new(bytes, vec![signature]).unwrap(), &self.trust).unwrap()
    }
}

fn statement(component: &VerifiedBundle) -> NativeStatement {
    NativeStatement {
        code: Digest::of(CODE),
        component: component.reference().clone(),
        component_digest: component.digest(),
        target: TARGET,
        engine: "48.0.8".parse().unwrap(),
        layout: TARGET.layout(),
    }
}

fn file(code: &[u8], signature: Option<Vec<u8>>) -> NativeFile {
    NativeFile::new(TARGET, code, signature, "echo.aarch64.cwasm")
}

#[test]
fn who_may_sign_native_code_vouches_for_it() {
    let site = Site::new();
    let echo = site.component("echo", "1.0.0");
    let signature = sign_native(&statement(&echo), &site.builder).unwrap();
    let verified = verify_native(&echo, file(CODE, Some(signature)), &site.trust).unwrap();
    assert_eq!(&**verified.code(), CODE);
    assert_eq!(verified.signer().name(), Some("builder"));
    assert_eq!(verified.statement(), &statement(&echo));
}

#[test]
fn nobody_else_does() {
    let site = Site::new();
    let echo = site.component("echo", "1.0.0");
    let refused = |signature| verify_native(&echo, file(CODE, signature), &site.trust).unwrap_err();
    assert!(matches!(refused(None), NativeError::Unsigned { .. }));
    let by_publisher = refused(Some(sign_native(&statement(&echo), &site.publisher).unwrap()));
    assert!(matches!(&by_publisher, NativeError::Role { signer, .. } if signer == "acme"), "{by_publisher}");
    assert!(by_publisher.to_string().contains("\"native-code\""), "{by_publisher}");
    let stranger = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let by_stranger = refused(Some(sign_native(&statement(&echo), &stranger).unwrap()));
    assert!(matches!(&by_stranger, NativeError::UnknownSigner { .. }), "{by_stranger}");
    assert!(!by_stranger.to_string().contains("\"component\""), "{by_stranger}");
}

#[test]
fn a_components_signature_is_none_of_native_code() {
    let site = Site::new();
    let echo = site.component("echo", "1.0.0");
    // Over the very digest of the code, by who may sign native code, but saying that it is a component.
    let lie = tidegate_bundle::Statement::about(echo.reference(), Digest::of(CODE)).to_json();
    let signature = crate::sign_statement(lie, &site.builder).unwrap();
    let error = verify_native(&echo, file(CODE, Some(signature)), &site.trust).unwrap_err();
    assert!(matches!(error, NativeError::BadFile { .. }), "{error}");
    // And the other way round.
    let bytes = echo.bytes().clone();
    let native = sign_native(&NativeStatement { code: echo.digest(), ..statement(&echo) }, &site.publisher).unwrap();
    let error = verify(Bundle::new(bytes, vec![native]).unwrap(), &site.trust).unwrap_err();
    assert!(matches!(error, crate::VerifyError::BadFile { .. }), "{error}");
}

#[test]
fn it_counts_for_these_bytes_of_this_component_for_this_target() {
    let site = Site::new();
    let echo = site.component("echo", "1.0.0");
    let signed = |statement: &NativeStatement| Some(sign_native(statement, &site.builder).unwrap());
    let refused = |code: &[u8], signature| verify_native(&echo, file(code, signature), &site.trust).unwrap_err();
    let mut changed = CODE.to_vec();
    changed[5] ^= 1;
    assert!(matches!(refused(&changed, signed(&statement(&echo))), NativeError::OtherCode { .. }));
    for other in [site.component("echo", "1.0.1"), site.component("other", "1.0.0")] {
        let error = refused(CODE, signed(&statement(&other)));
        assert!(matches!(error, NativeError::OtherComponent { .. }), "{error}");
    }
    // The same bytes of a component, signed under another version, are another component.
    let renamed = NativeStatement { component: "echo@2.0.0".parse().unwrap(), ..statement(&echo) };
    assert!(matches!(refused(CODE, signed(&renamed)), NativeError::OtherComponent { .. }));
    let elsewhere = NativeStatement { target: CodeTarget::X86_64, ..statement(&echo) };
    let error = refused(CODE, signed(&elsewhere));
    assert!(matches!(error, NativeError::OtherTarget { made: CodeTarget::X86_64, target: TARGET, .. }), "{error}");
}

#[test]
fn a_changed_signature_file_is_not_taken() {
    let site = Site::new();
    let echo = site.component("echo", "1.0.0");
    let good = String::from_utf8(sign_native(&statement(&echo), &site.builder).unwrap()).unwrap();
    let other = statement(&site.component("other", "1.0.0")).to_json();
    let payload = |json: &str| {
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        value["dsseEnvelope"]["payload"].as_str().unwrap().to_owned()
    };
    let theirs = payload(std::str::from_utf8(&crate::sign_statement(other, &site.publisher).unwrap()).unwrap());
    let forged = good.replace(&payload(&good), &theirs);
    assert_ne!(forged, good);
    let error = verify_native(&echo, file(CODE, Some(forged.into_bytes())), &site.trust).unwrap_err();
    assert!(matches!(error, NativeError::Signature(crate::VerifyError::BadSignature { .. })), "{error}");
}

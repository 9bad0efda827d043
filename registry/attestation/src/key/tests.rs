#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;
use std::process::Command;

use tidegate_bundle::{Bundle, SignatureBundle};

use crate::{Algorithm, KeyError, PrivateKey, PublicKey, Role, TrustRoot, TrustedSigner, sign, verify};

const BOTH: [Algorithm; 2] = [Algorithm::Ed25519, Algorithm::EcdsaP256];

#[test]
fn keys_survive_pem() {
    for algorithm in BOTH {
        let key = PrivateKey::generate(algorithm).unwrap();
        let again = PrivateKey::from_pem(&key.to_pem()).unwrap();
        let public = PublicKey::from_pem(&key.public_key().to_pem()).unwrap();
        assert_eq!(again.public_key(), public);
        assert_eq!(public.algorithm(), algorithm);
        assert_eq!(public.to_pem().parse::<PublicKey>().unwrap(), public);
        assert_eq!(algorithm.to_string().parse::<Algorithm>().unwrap(), algorithm);
        let signature = again.sign(b"message").unwrap();
        assert!(public.verifies(b"message", &signature));
        assert!(!public.verifies(b"Message", &signature));
        assert!(!PrivateKey::generate(algorithm).unwrap().public_key().verifies(b"message", &signature));
        assert!(public.fingerprint().starts_with("SHA256:") && public.fingerprint().len() == 7 + 43);
        assert_eq!(public.to_string(), public.fingerprint());
        assert!(!format!("{key:?}").contains(key.to_pem().lines().nth(1).unwrap()));
    }
}

#[test]
fn a_key_of_one_algorithm_does_not_verify_for_the_other() {
    let (a, b) = (PrivateKey::generate(BOTH[0]).unwrap(), PrivateKey::generate(BOTH[1]).unwrap());
    assert!(!a.public_key().verifies(b"m", &b.sign(b"m").unwrap()));
    assert!(!b.public_key().verifies(b"m", &a.sign(b"m").unwrap()));
}

#[test]
fn line_ends_and_text_around_do_not_matter() {
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let pem = key.public_key().to_pem();
    for changed in [pem.replace('\n', "\r\n"), format!("# acme\n{pem}\n\n"), format!("  {pem}")] {
        assert_eq!(PublicKey::from_pem(&changed).unwrap(), key.public_key());
    }
}

#[test]
fn what_is_no_key_is_refused_by_name() {
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let (public, private) = (key.public_key().to_pem(), key.to_pem());
    let block = |label: &str, base64: &str| format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n");
    assert_eq!(PublicKey::from_pem(&private), Err(KeyError::PrivateInsteadOfPublic));
    for text in ["", "hello", &public[..public.len() / 2], &format!("{public}{public}"), &public.replace("MC", "M!")] {
        assert!(matches!(PublicKey::from_pem(text), Err(KeyError::NotPem { .. })), "{text}");
    }
    assert!(matches!(PublicKey::from_pem(&block("CERTIFICATE", "AAAA")), Err(KeyError::Label { .. })));
    assert_eq!(PublicKey::from_pem(&block("PUBLIC KEY", "AAAA")), Err(KeyError::Algorithm));
    assert!(matches!(PrivateKey::from_pem(&public), Err(KeyError::Label { .. })));
    assert_eq!(PrivateKey::from_pem(&block("ENCRYPTED PRIVATE KEY", "AAAA")).unwrap_err(), KeyError::Encrypted);
    assert_eq!(PrivateKey::from_pem(&block("EC PRIVATE KEY", "AAAA")).unwrap_err(), KeyError::NotPkcs8);
    assert_eq!(PrivateKey::from_pem(&block("PRIVATE KEY", "AAAA")).unwrap_err(), KeyError::Algorithm);
}

#[test]
fn only_whole_lines_begin_and_end_a_key() {
    let public = PrivateKey::generate(Algorithm::Ed25519).unwrap().public_key();
    let pem = public.to_pem();
    let secret = "-----BEGIN PRIVATE KEY-----";
    assert_eq!(PublicKey::from_pem(&format!("of acme\n  {pem}that is all\n")), Ok(public));
    let end = "-----END PUBLIC KEY-----";
    let others = [
        format!("{secret}\n{pem}"),
        format!("{pem}{secret}\n"),
        // Five of the nine dashes end one block, and five begin another.
        pem.replace(end, &format!("-----END PUBLIC KEY----{secret}")),
        format!("x{pem}"),
        pem.replace(end, &format!("AA{end}")),
        pem.replace(end, "-----END PRIVATE KEY-----"),
    ];
    for other in others {
        assert!(matches!(PublicKey::from_pem(&other), Err(KeyError::NotPem { .. })), "{other}");
    }
}

/// Runs OpenSSL in a directory; nothing if it is not installed.
fn openssl(directory: &Path, arguments: &[&str]) -> Option<String> {
    let output = match Command::new("openssl").args(arguments).current_dir(directory).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        output => output.unwrap(),
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {stderr}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn openssl_verifies_our_signatures() {
    for algorithm in BOTH {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(directory.path().join(name), bytes).unwrap();
        let key = PrivateKey::generate(algorithm).unwrap();
        let bundle = Bundle::new(wat::parse_str("(component)").unwrap(), vec![]).unwrap();
        let file = sign(&bundle, &"echo@1.0.0".parse().unwrap(), &key).unwrap();
        let envelope = SignatureBundle::parse(&file).unwrap().envelope;
        write("pae", &envelope.pae());
        write("sig", &envelope.signature);
        write("pub", key.public_key().to_pem().as_bytes());
        write("key", key.to_pem().as_bytes());
        let raw: &[&str] = if algorithm == Algorithm::Ed25519 { &["-rawin"] } else { &["-rawin", "-digest", "sha256"] };
        let verify = ["pkeyutl", "-verify", "-pubin", "-inkey", "pub", "-sigfile", "sig", "-in", "pae"];
        let Some(said) = openssl(directory.path(), &[&verify[..], raw].concat()) else { return };
        assert!(said.contains("Verified Successfully"), "{said}");
        let public = openssl(directory.path(), &["pkey", "-in", "key", "-pubout"]).unwrap();
        assert_eq!(public, key.public_key().to_pem(), "OpenSSL reads our private key and writes the same public key");
    }
}

#[test]
fn keys_of_openssl_sign_and_verify() {
    let commands: [&[&str]; 2] = [
        &["genpkey", "-algorithm", "ed25519", "-out", "key"],
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "key"],
    ];
    for (command, algorithm) in commands.into_iter().zip(BOTH) {
        let directory = tempfile::tempdir().unwrap();
        if openssl(directory.path(), command).is_none() {
            return;
        }
        let public = openssl(directory.path(), &["pkey", "-in", "key", "-pubout"]).unwrap();
        let key = PrivateKey::from_pem(&std::fs::read_to_string(directory.path().join("key")).unwrap()).unwrap();
        let public = PublicKey::from_pem(&public).unwrap();
        assert_eq!((key.public_key(), public.algorithm()), (public.clone(), algorithm));
        let bundle = Bundle::new(wat::parse_str("(component)").unwrap(), vec![]).unwrap();
        let file = sign(&bundle, &"echo@1.0.0".parse().unwrap(), &key).unwrap();
        let signer = TrustedSigner {
            name: "acme".to_owned(),
            keys: vec![public],
            identities: Vec::new(),
            roles: vec![Role::Component],
        };
        let bundle = Bundle::new(bundle.bytes().clone(), vec![file]).unwrap();
        verify(bundle, &TrustRoot::new(vec![signer]).unwrap()).unwrap();
    }
}

#[test]
fn other_keys_of_openssl_are_refused() {
    let commands: [&[&str]; 2] = [
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", "key"],
        &["genpkey", "-algorithm", "RSA", "-out", "key"],
    ];
    for command in commands {
        let directory = tempfile::tempdir().unwrap();
        if openssl(directory.path(), command).is_none() {
            return;
        }
        let public = openssl(directory.path(), &["pkey", "-in", "key", "-pubout"]).unwrap();
        let private = std::fs::read_to_string(directory.path().join("key")).unwrap();
        assert_eq!(PublicKey::from_pem(&public), Err(KeyError::Algorithm));
        assert_eq!(PrivateKey::from_pem(&private).unwrap_err(), KeyError::Algorithm);
    }
}

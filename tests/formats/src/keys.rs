//! Small files that decide whom to believe: keys, receipts of this host, trusted roots.

use sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
use tidegate_attestation::{PrivateKey, PublicKey, SigstoreRoot, receipt, verify_local};

use crate::input::{DEMO, HOST, filled};
use crate::second;

/// Whether it is taken. `$root` stands for the public trusted root.
pub fn keys(data: &[u8]) -> bool {
    let data = &filled(data, "root", || SIGSTORE_PRODUCTION_TRUSTED_ROOT.to_owned());
    let text = String::from_utf8_lossy(data);
    let taken = [public(&text), private(&text), local(data), root(data)];
    taken.contains(&true)
}

fn public(text: &str) -> bool {
    let Ok(key) = PublicKey::from_pem(text) else { return false };
    assert!(text.len() <= 16 * 1024 && !text.contains("-----BEGIN PRIVATE KEY"));
    let again = PublicKey::from_pem(&key.to_pem()).unwrap();
    assert_eq!((&again, again.fingerprint()), (&key, key.fingerprint()), "written and read again");
    assert!(!key.verifies(b"message", b"signature"));
    assert!(PrivateKey::from_pem(text).is_err(), "a key is one half or the other");
    true
}

fn private(text: &str) -> bool {
    let Ok(key) = PrivateKey::from_pem(text) else { return false };
    let signature = key.sign(b"message").unwrap();
    let public = PublicKey::from_pem(&key.public_key().to_pem()).unwrap();
    assert!(public.verifies(b"message", &signature) && !public.verifies(b"massage", &signature));
    let again = PrivateKey::from_pem(&key.to_pem()).unwrap();
    assert_eq!(again.public_key(), key.public_key(), "written and read again");
    assert!(!format!("{key:?}").contains("PRIVATE"));
    true
}

/// A receipt is one text, byte for byte.
fn local(data: &[u8]) -> bool {
    let Ok(verified) = verify_local(DEMO.clone(), data, &HOST) else { return false };
    assert_eq!(data, receipt(&HOST, DEMO.digest(), verified.reference()), "a forged receipt");
    assert_eq!(verified.reference().to_string(), "demo@1.2.3");
    true
}

fn root(data: &[u8]) -> bool {
    let Ok(root) = SigstoreRoot::from_json(data) else { return false };
    second::no_key_twice(data);
    assert_eq!(SigstoreRoot::from_json(data).as_ref(), Ok(&root));
    true
}

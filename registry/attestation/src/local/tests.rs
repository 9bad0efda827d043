#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use tidegate_bundle::{Bundle, embed_manifest};
use tidegate_reference::Reference;

use crate::{HostKey, LocalError, Role, Signer, receipt, verify_local};

fn bundle(text: &str) -> Bundle {
    Bundle::new(wat::parse_str(text).unwrap(), vec![]).unwrap()
}

fn echo() -> Reference {
    "echo@1.0.0".parse().unwrap()
}

#[test]
fn a_receipt_of_this_host_counts() {
    let key = HostKey::generate().unwrap();
    let bundle = bundle("(component)");
    let text = receipt(&key, bundle.digest(), &echo());
    let verified = verify_local(bundle.clone(), &text, &HostKey::from_bytes(*key.as_bytes())).unwrap();
    assert_eq!(*verified.signer(), Signer::LocalBuild);
    assert_eq!(verified.signer().name(), None);
    assert_eq!((verified.reference(), verified.digest()), (&echo(), bundle.digest()));
    assert_eq!(verified.roles(), [Role::Component]);
}

#[test]
fn other_hosts_other_bytes_and_other_names_do_not() {
    let key = HostKey::generate().unwrap();
    let (ours, other) = (bundle("(component)"), bundle("(component (component))"));
    let text = receipt(&key, ours.digest(), &echo());
    let stranger = HostKey::generate().unwrap();
    assert!(matches!(verify_local(ours.clone(), &text, &stranger), Err(LocalError::NotFromHere(_))));
    assert!(matches!(verify_local(other, &text, &key), Err(LocalError::NotFromHere(_))));
    let renamed = String::from_utf8(text).unwrap().replace("echo@1.0.0", "echo@1.0.1");
    assert!(matches!(verify_local(ours, renamed.as_bytes(), &key), Err(LocalError::NotFromHere(_))));
}

#[test]
fn every_changed_or_missing_byte_is_noticed() {
    let key = HostKey::generate().unwrap();
    let bundle = bundle("(component)");
    let text = receipt(&key, bundle.digest(), &echo());
    for i in 0..text.len() {
        let mut changed = text.clone();
        changed[i] ^= 1;
        assert!(verify_local(bundle.clone(), &changed, &key).is_err(), "byte {i}");
        assert!(verify_local(bundle.clone(), &text[..i], &key).is_err(), "cut at {i}");
    }
    let longer = [&text[..], b"\n"].concat();
    assert!(verify_local(bundle.clone(), &longer, &key).is_err());
    let padded = [&text[..], &vec![b' '; 2_000]].concat();
    assert_eq!(verify_local(bundle.clone(), &padded, &key).unwrap_err(), LocalError::Damaged(bundle.label()));
}

#[test]
fn the_manifest_must_agree() {
    let key = HostKey::generate().unwrap();
    let component = wat::parse_str("(component)").unwrap();
    let component = embed_manifest(&component, "name = \"echo\"\nversion = \"2.0.0\"\nkind = \"tool\"").unwrap();
    let bundle = Bundle::new(component, vec![]).unwrap();
    let text = receipt(&key, bundle.digest(), &echo());
    assert!(matches!(verify_local(bundle.clone(), &text, &key), Err(LocalError::OtherManifest { .. })));
    let text = receipt(&key, bundle.digest(), &"echo@2.0.0".parse().unwrap());
    assert!(verify_local(bundle, &text, &key).is_ok());
}

#[test]
fn secrets_are_not_shown() {
    assert_eq!(format!("{:?}", HostKey::from_bytes([7; 32])), "HostKey(secret)");
}

#![allow(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn file() -> (tempfile::TempDir, KeyFile) {
    let folder = tempfile::tempdir().unwrap();
    let file = KeyFile::new(folder.path().join("access-keys.json"));
    (folder, file)
}

fn find(file: &KeyFile, secret: &str) -> Option<String> {
    file.find(&Secret::from(secret.to_owned())).unwrap()
}

#[test]
fn keys_have_256_bits_and_no_two_are_alike() {
    let keys: std::collections::BTreeSet<String> = (0..200).map(|_| generate().unwrap()).collect();
    assert_eq!(keys.len(), 200);
    let mut seen = std::collections::BTreeSet::new();
    for key in &keys {
        let letters = key.strip_prefix(PREFIX).unwrap();
        assert_eq!(letters.len(), LENGTH);
        assert!(letters.bytes().all(|byte| ALPHABET.contains(&byte)));
        seen.extend(letters.bytes());
    }
    assert_eq!(seen.len(), ALPHABET.len(), "every letter comes up");
}

#[test]
fn a_key_is_found_until_it_is_taken_away_and_its_secret_is_nowhere() {
    let (folder, file) = file();
    assert!(file.list().unwrap().is_empty());
    let (ada, bob) = (file.add("ada").unwrap(), file.add("bob").unwrap());
    let running = KeyFile::new(folder.path().join("access-keys.json"));
    assert_eq!((find(&running, &ada).as_deref(), find(&running, &bob).as_deref()), (Some("ada"), Some("bob")));
    for wrong in [ada.get(..45).unwrap(), &format!("{ada}x"), PREFIX, ""] {
        assert_eq!(find(&running, wrong), None);
    }
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert!(!fs::read_to_string(entry.path()).unwrap().contains(&ada), "{entry:?}");
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
    }
    // Another process takes it away: who has read the file before knows at once.
    file.remove("ada").unwrap();
    assert_eq!((find(&running, &ada), find(&running, &bob).as_deref()), (None, Some("bob")));
}

#[test]
fn what_cannot_be_done_is_said() {
    let (folder, file) = file();
    file.add("ada").unwrap();
    assert!(matches!(file.add("ada"), Err(KeyFileError::Present(_))));
    assert!(matches!(file.remove("bob"), Err(KeyFileError::Absent(_))));
    for name in ["", "-a", "a b", "a/b", "a|b"] {
        assert!(matches!(file.add(name), Err(KeyFileError::Name(_))), "{name}");
    }
    let path = folder.path().join("access-keys.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o622)).unwrap();
    assert!(matches!(KeyFile::new(&path).list(), Err(KeyFileError::Exposed { .. })));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "{}").unwrap();
    assert!(matches!(KeyFile::new(&path).list(), Err(KeyFileError::Form { .. })));
}

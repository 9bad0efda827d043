#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn statement() -> ModelStatement {
    let files = ["a.gguf", "model.toml"].map(|name| (name.to_owned(), Digest::of(name.as_bytes())));
    ModelStatement { subject: "m@1.0.0".to_owned(), files: files.to_vec() }
}

#[test]
fn what_is_written_is_read() {
    let statement = statement();
    assert_eq!(ModelStatement::parse(&statement.to_json()).unwrap(), statement);
    // The digest of the whole, by hand: SHA-256 over the files' 32 bytes each.
    let joined = [*Digest::of(b"a.gguf").as_bytes(), *Digest::of(b"model.toml").as_bytes()].concat();
    assert_eq!(statement.digest(), Digest::of(&joined));
}

#[test]
fn what_does_not_add_up_is_refused() {
    let good = String::from_utf8(statement().to_json()).unwrap();
    let digest = Digest::of(b"a.gguf").to_hex();
    for (from, to) in [
        (MODEL_PREDICATE, crate::COMPONENT_PREDICATE),
        (digest.as_str(), &Digest::of(b"other").to_hex()),
        ("\"algorithm\":\"sha256\"", "\"algorithm\":\"sha256-sharded-8\""),
        ("\"method\":\"files\"", "\"method\":\"shards\""),
        ("\"name\":\"a.gguf\"", "\"name\":\"z.gguf\""),
        ("\"name\":\"a.gguf\"", "\"name\":\"model.toml\""),
        ("\"resources\":", "\"more\":1,\"resources\":"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert!(ModelStatement::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

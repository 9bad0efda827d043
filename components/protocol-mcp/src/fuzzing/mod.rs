//! The protocol under arbitrary bytes: what a fuzzer (`tests/fuzz`) and the replay of its corpus drive.
//!
//! Natively, over the double of the gateway, in a world in which time passes: whatever waits comes to an end. Besides
//! not to panic, these hold for every input:
//!
//! - a request gets exactly one answer, with its id; a notification and a response get none;
//! - an answer is a JSON-RPC message with a status that its revision allows; a modern result says of which type it is;
//! - nothing but messages goes out, one a line or one an event.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "checks panic")]

mod http;
mod stdio;
mod wire;
mod world;

pub use http::run as http;
pub use stdio::run as stdio;

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Every input that was ever worth keeping, and every finding.
    fn replay(target: &str, run: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(target);
        let mut replayed = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            eprintln!("{}", path.display());
            run(&std::fs::read(&path).unwrap());
            replayed += 1;
        }
        assert!(replayed > 10, "the corpus in {} is not complete", folder.display());
    }

    #[test]
    fn http_holds_for_the_corpus() {
        replay("mcp-http", super::http);
    }

    #[test]
    fn stdio_holds_for_the_corpus() {
        replay("mcp-stdio", super::stdio);
    }
}

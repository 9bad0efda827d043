//! What llama.cpp says of the same models: tokens of texts, greedy tokens, logits, embeddings.
//!
//! The tiny model's goldens are in the repository. Those of the model of 15 million parameters, and of weights of 32 bits, are
//! made by `cargo x models` and compared when they are there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tidegate_llama::{Model, Session, Shape, Tokenizer};

/// How far a logit may be from llama.cpp's: sums of floats are made in another order.
const NEAR: f32 = 2e-3;
/// The same with quantised weights: products are the same to the last bit, but where the last bit of an activation differs it
/// may be rounded to the next of its 255 steps.
const NEAR_QUANTISED: f32 = 5e-2;

#[derive(Deserialize)]
struct Goldens {
    /// Tokens of each text, with and without what begins a text and markers.
    texts: Vec<[Vec<u32>; 2]>,
    models: std::collections::BTreeMap<String, Golden>,
}

#[derive(Deserialize)]
struct Golden {
    runs: Vec<Run>,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Run {
    prompt: String,
    tokens: Vec<u32>,
    greedy: Vec<u32>,
    logits: Vec<f32>,
    margin: f32,
}

struct Loaded {
    model: Model,
    tokenizer: Tokenizer,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Goldens and the folder of their models.
fn goldens(name: &str) -> Vec<(Goldens, PathBuf)> {
    let folders = [root().join("tests/models/llama/tiny"), root().join("target/models/llama")];
    let read = |folder: PathBuf| {
        let text = std::fs::read_to_string(folder.join(format!("{name}-goldens.json"))).ok()?;
        Some((serde_json::from_str(&text).unwrap(), folder))
    };
    folders.into_iter().filter_map(read).collect()
}

fn load(path: &Path) -> Option<Loaded> {
    let bytes = std::fs::read(path).ok()?;
    let mut source = bytes.as_slice();
    let mut gguf = tidegate_gguf::read(&mut source).unwrap();
    let shape = Shape::read(&gguf).unwrap();
    let tokenizer = Tokenizer::read(&mut gguf).unwrap();
    let model = Model::load(&mut source, &gguf, shape, tokenizer.len(), &mut || true).unwrap();
    Some(Loaded { model, tokenizer })
}

fn likeliest(logits: &[f32]) -> u32 {
    let best = logits.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
    u32::try_from(best.0).unwrap()
}

impl Loaded {
    fn session(&self) -> Session {
        Session::new(self.model.shape(), 256).unwrap()
    }

    /// Weights of what comes after some tokens.
    fn after(&self, session: &mut Session, tokens: &[u32]) -> Vec<f32> {
        let states = self.model.read(session, tokens, &mut || true).unwrap();
        self.model.logits(&states[states.len() - self.model.shape().width..])
    }
}

fn check(name: &str) {
    let mut models = 0;
    for (goldens, folder) in goldens(name) {
        for (kind, golden) in &goldens.models {
            let Some(loaded) = load(&folder.join(format!("{name}-{kind}.gguf"))) else { continue };
            models += 1;
            let near = if kind.starts_with('f') { NEAR } else { NEAR_QUANTISED };
            for run in &golden.runs {
                let place = format!("{name}-{kind}, `{}`", run.prompt);
                assert_eq!(loaded.tokenizer.encode(&run.prompt, true), run.tokens, "{place}");
                let mut session = loaded.session();
                let mut logits = loaded.after(&mut session, &run.tokens);
                let far =
                    logits.iter().zip(&run.logits).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f32::max);
                println!("{place}: logits within {far:.5}, closest race {:.5}", run.margin);
                assert!(far < near, "{place}: a logit is off by {far}");
                for (at, token) in run.greedy.iter().enumerate() {
                    let ours = likeliest(&logits);
                    let lead = logits[ours as usize] - logits[*token as usize];
                    // Two tokens that weigh the same to the last bits are a tie, which any other sum may turn.
                    assert!(ours == *token || lead < 1e-4, "{place}: token {at} is {ours}, not {token}, by {lead}");
                    logits = loaded.after(&mut session, &[*token]);
                }
            }
            let prompt = loaded.tokenizer.encode(&golden.runs[0].prompt, true);
            let states = loaded.model.read(&mut loaded.session(), &prompt, &mut || true).unwrap();
            for (column, theirs) in golden.embedding.iter().enumerate() {
                let sum: f32 = states.iter().skip(column).step_by(golden.embedding.len()).sum();
                let ours = sum / prompt.len() as f32;
                assert!((ours - theirs).abs() < near, "{name}-{kind}: element {column} is {ours}, not {theirs}");
            }
        }
    }
    assert!(name != "tiny" || models >= 4, "the tiny model is not there");
}

#[test]
fn the_tiny_model_says_what_llama_cpp_says() {
    check("tiny");
}

#[test]
fn the_small_model_says_what_llama_cpp_says() {
    check("small");
}

#[test]
fn texts_become_the_same_tokens() {
    let texts: Vec<String> =
        serde_json::from_str(&std::fs::read_to_string(root().join("tests/models/llama/texts.json")).unwrap()).unwrap();
    let mut compared = 0;
    for name in ["tiny", "small"] {
        for (goldens, folder) in goldens(name) {
            let Some(loaded) = load(&folder.join(format!("{name}-q8_0.gguf"))) else { continue };
            assert_eq!(texts.len(), goldens.texts.len(), "make the goldens again");
            for (text, [special, plain]) in texts.iter().zip(&goldens.texts) {
                assert_eq!(&loaded.tokenizer.encode(text, true), special, "{name}: {text:?}");
                assert_eq!(&loaded.tokenizer.encode(text, false), plain, "{name}: {text:?}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 300, "only {compared} texts were compared");
}

#[test]
fn a_batch_gives_the_same_numbers_as_token_by_token() {
    let folder = root().join("tests/models/llama/tiny");
    for kind in ["q8_0", "q4_0", "q4_k", "f16"] {
        let loaded = load(&folder.join(format!("tiny-{kind}.gguf"))).unwrap();
        let tokens = loaded.tokenizer.encode("What is granted, and to whom, is said by a policy.", true);
        let whole = loaded.after(&mut loaded.session(), &tokens);
        let mut session = loaded.session();
        let parts = tokens.iter().map(|token| loaded.after(&mut session, &[*token])).last().unwrap();
        assert_eq!(whole, parts, "{kind}");
    }
}

#[test]
fn tokens_become_their_text_again() {
    let texts: Vec<String> =
        serde_json::from_str(&std::fs::read_to_string(root().join("tests/models/llama/texts.json")).unwrap()).unwrap();
    let loaded = load(&root().join("tests/models/llama/tiny/tiny-q4_0.gguf")).unwrap();
    for text in &texts {
        assert_eq!(&loaded.tokenizer.decode(&loaded.tokenizer.encode(text, false)), text);
    }
}

//! What holds for every file, whoever made it: `tests/fuzz` drives this with what it invents, tests with the kept corpus.

use tidegate_gguf::Source;

use crate::chat::{Message, Template};
use crate::constraint::Grammar;
use crate::generate::{Generation, Request, Step};
use crate::model::{Model, Session};
use crate::sampler::Sampling;
use crate::shape::Shape;
use crate::tokenizer::Tokenizer;

/// Bytes of weights and of a session up to which a file is computed too.
const SMALL: u64 = 4 * 1024 * 1024;
/// Room for tokens.
const CONTEXT: usize = 16;

/// Reads a file; loads it and generates with it if it is a small model. Says whether it was one.
///
/// # Panics
///
/// If something does not hold.
pub fn gguf(file: &[u8]) -> bool {
    let mut source = file;
    let Ok(mut gguf) = tidegate_gguf::read(&mut source) else { return false };
    for tensor in gguf.tensors() {
        let end = tensor.offset.checked_add(tensor.size);
        assert!(end.is_some_and(|end| end <= source.size()), "`{}` lies outside of the file", tensor.name);
    }
    if let Some(text) = gguf.get("tokenizer.chat_template").and_then(tidegate_gguf::Value::as_text)
        && let Ok(template) = Template::new(text)
    {
        let _ = template.render(&[Message { role: "user", content: "hi".to_owned() }], "<s>", "</s>", None);
    }
    let Ok(shape) = Shape::read(&gguf) else { return false };
    let Ok(tokenizer) = Tokenizer::read(&mut gguf) else { return false };
    let tokens = tokenizer.encode(" Some 123 text's\n\n<s>\u{1f600}", true);
    assert!(tokens.iter().all(|token| (*token as usize) < tokenizer.len()), "a token is not in the vocabulary");
    let _ = tokenizer.decode(&tokens);
    let Ok(memory) = Model::memory(&gguf, &shape, tokenizer.len()) else { return false };
    if memory > SMALL || Session::memory(&shape, CONTEXT) > SMALL {
        return false;
    }
    let Ok(model) = Model::load(&mut source, &gguf, shape, tokenizer.len(), &mut || true) else { return false };
    assert!(model.held() as u64 <= memory, "{} bytes are held, {memory} were said", model.held());
    let Ok(mut session) = Session::new(model.shape(), CONTEXT) else { return false };
    let prompt = if tokens.is_empty() { vec![0] } else { tokens.into_iter().take(8).collect() };
    let request = Request {
        prompt,
        most: Some(3),
        stop: vec!["stop".to_owned()],
        sampling: Sampling::default(),
        constraint: Grammar::json_object().ok(),
    };
    let mut generation = Generation::new(request);
    // A prompt of eight tokens, three more, an end: not one step more.
    for _ in 0..8 {
        match generation.next(&model, &tokenizer, &mut session, &mut || true) {
            Ok(Step::Done(_)) | Err(_) => return true,
            Ok(_) => {}
        }
    }
    unreachable!("the generation does not end")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    #[test]
    fn the_corpus_holds() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/gguf");
        let (mut taken, mut refused) = (0, 0);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            match super::gguf(&std::fs::read(path).unwrap()) {
                true => taken += 1,
                false => refused += 1,
            }
        }
        assert!(taken >= 3 && refused >= 1, "{taken} taken, {refused} refused: the corpus reaches nothing");
    }

    #[test]
    fn changed_models_hold() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/gguf");
        let mut random = 6_u64;
        let mut next = |below: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(random >> 33).unwrap() % below
        };
        for name in ["made-q4_0", "made-q8_0", "made-f16"] {
            let file = std::fs::read(folder.join(name)).unwrap();
            for _ in 0..1000 {
                let mut file = file.clone();
                // The head is where most can go wrong.
                let most = if next(4) == 0 { file.len() } else { file.len().min(9000) };
                for _ in 0..=next(4) {
                    let (at, byte) = (next(most), next(256));
                    file.splice(at..=at, [u8::try_from(byte).unwrap()]);
                }
                super::gguf(&file);
            }
        }
    }
}

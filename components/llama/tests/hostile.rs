//! Files that are GGUF and no model: each is refused by name, before its weights are read.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use tidegate_gguf::{Source, Unreadable};
use tidegate_llama::{LoadError, Model, Session, Shape, Tokenizer};

#[derive(Clone)]
enum Entry {
    Number(u32),
    Float(f32),
    Text(&'static str),
    Texts(Vec<String>),
    Floats(Vec<f32>),
    Integers(Vec<i32>),
}

#[derive(Clone)]
struct Builder {
    entries: Vec<(String, Entry)>,
    tensors: Vec<(String, Vec<u64>, u32, Vec<u8>)>,
}

const WIDTH: u64 = 32;
const TOKENS: usize = 260;

impl Builder {
    /// A model of one layer whose weights are zeros.
    fn new() -> Self {
        let mut pieces: Vec<String> = ["<unk>", "<s>", "</s>"].map(str::to_owned).to_vec();
        pieces.extend((0..=255).map(|byte| format!("<0x{byte:02X}>")));
        pieces.push("a".to_owned());
        let mut kinds = vec![2, 3, 3];
        kinds.extend([6; 256]);
        kinds.push(1);
        let mut this = Self { entries: Vec::new(), tensors: Vec::new() };
        this.set("general.architecture", Entry::Text("llama"));
        for (key, number) in [
            ("block_count", 1),
            ("embedding_length", 32),
            ("feed_forward_length", 64),
            ("attention.head_count", 4),
            ("attention.head_count_kv", 2),
            ("context_length", 64),
        ] {
            this.set(&format!("llama.{key}"), Entry::Number(number));
        }
        this.set("llama.attention.layer_norm_rms_epsilon", Entry::Float(1e-5));
        this.set("tokenizer.ggml.model", Entry::Text("llama"));
        this.set("tokenizer.ggml.scores", Entry::Floats(vec![0.0; TOKENS]));
        this.set("tokenizer.ggml.tokens", Entry::Texts(pieces));
        this.set("tokenizer.ggml.token_type", Entry::Integers(kinds));
        this.tensor("token_embd", &[WIDTH, TOKENS as u64]);
        this.tensor("output_norm", &[WIDTH]);
        for (name, shape) in [
            ("attn_norm", [WIDTH, 1]),
            ("attn_q", [WIDTH, 32]),
            ("attn_k", [WIDTH, 16]),
            ("attn_v", [WIDTH, 16]),
            ("attn_output", [32, WIDTH]),
            ("ffn_norm", [WIDTH, 1]),
            ("ffn_gate", [WIDTH, 64]),
            ("ffn_up", [WIDTH, 64]),
            ("ffn_down", [64, WIDTH]),
        ] {
            this.tensor(&format!("blk.0.{name}"), &shape);
        }
        this
    }

    fn set(&mut self, key: &str, value: Entry) {
        self.entries.retain(|(known, _)| known != key);
        self.entries.push((key.to_owned(), value));
    }

    fn without(&mut self, key: &str) {
        self.entries.retain(|(known, _)| known != key);
        self.tensors.retain(|(known, ..)| known != key);
    }

    fn tensor(&mut self, name: &str, shape: &[u64]) {
        let size = usize::try_from(shape.iter().product::<u64>() * 4).unwrap();
        self.put(&format!("{name}.weight"), shape, 0, vec![0; size]);
    }

    fn put(&mut self, name: &str, shape: &[u64], kind: u32, bytes: Vec<u8>) {
        self.tensors.retain(|(known, ..)| known != name);
        self.tensors.push((name.to_owned(), shape.to_vec(), kind, bytes));
    }

    fn file(&self) -> Vec<u8> {
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        let text = |file: &mut Vec<u8>, text: &str| {
            file.extend((text.len() as u64).to_le_bytes());
            file.extend(text.as_bytes());
        };
        let list = |file: &mut Vec<u8>, kind: u32, count: usize| {
            file.extend([9, kind].map(u32::to_le_bytes).concat());
            file.extend((count as u64).to_le_bytes());
        };
        file.extend((self.tensors.len() as u64).to_le_bytes());
        file.extend((self.entries.len() as u64).to_le_bytes());
        for (key, value) in &self.entries {
            text(&mut file, key);
            match value {
                Entry::Number(number) => file.extend([4, *number].map(u32::to_le_bytes).concat()),
                Entry::Float(number) => file.extend([6, number.to_bits()].map(u32::to_le_bytes).concat()),
                Entry::Text(value) => {
                    file.extend(8_u32.to_le_bytes());
                    text(&mut file, value);
                }
                Entry::Texts(values) => {
                    list(&mut file, 8, values.len());
                    values.iter().for_each(|value| text(&mut file, value));
                }
                Entry::Floats(values) => {
                    list(&mut file, 6, values.len());
                    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
                }
                Entry::Integers(values) => {
                    list(&mut file, 5, values.len());
                    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
                }
            }
        }
        let mut offset = 0_u64;
        for (name, shape, kind, bytes) in &self.tensors {
            text(&mut file, name);
            file.extend(u32::try_from(shape.len()).unwrap().to_le_bytes());
            file.extend(shape.iter().flat_map(|length| length.to_le_bytes()));
            file.extend(kind.to_le_bytes());
            file.extend(offset.to_le_bytes());
            offset = (offset + bytes.len() as u64).next_multiple_of(32);
        }
        for (.., bytes) in &self.tensors {
            file.resize(file.len().next_multiple_of(32), 0);
            file.extend(bytes);
        }
        file
    }
}

/// A file that must not be read beyond its head.
struct Head<'a>(&'a [u8], bool);

impl Source for Head<'_> {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Unreadable> {
        assert!(!self.1, "weights were read of a file that is refused");
        self.0.read(offset, into)
    }
}

fn load(file: &[u8], weights: bool) -> Result<(Model, Tokenizer), LoadError> {
    let mut source = Head(file, false);
    let mut gguf = tidegate_gguf::read(&mut source)?;
    source.1 = !weights;
    let shape = Shape::read(&gguf)?;
    let tokenizer = Tokenizer::read(&mut gguf)?;
    let model = Model::load(&mut source, &gguf, shape, tokenizer.len(), &mut || true)?;
    Ok((model, tokenizer))
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Builder), words: &str) {
    let mut builder = Builder::new();
    change(&mut builder);
    let error = load(&builder.file(), false).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains(words), "`{error}` does not say `{words}`");
}

#[test]
fn the_unchanged_model_computes() {
    let (model, tokenizer) = load(&Builder::new().file(), true).unwrap();
    let mut session = Session::new(model.shape(), 8).unwrap();
    let tokens = tokenizer.encode("a", true);
    let states = model.read(&mut session, &tokens, &mut || true).unwrap();
    assert_eq!(model.logits(&states).len(), TOKENS * tokens.len());
}

#[test]
fn other_architectures_are_named() {
    refused(|file| file.set("general.architecture", Entry::Text("mamba")), "architecture `mamba`");
    refused(|file| file.set("general.architecture", Entry::Number(7)), "general.architecture");
    refused(|file| file.set("llama.expert_count", Entry::Number(8)), "8 experts");
    refused(|file| file.set("llama.rope.scaling.type", Entry::Text("yarn")), "`yarn`");
}

#[test]
fn numbers_that_do_not_go_together_are_named() {
    let number = |key: &'static str, number: u32, words: &str| {
        refused(|file| file.set(key, Entry::Number(number)), key);
        refused(|file| file.set(key, Entry::Number(number)), words);
    };
    number("llama.block_count", 0, "1 to 512");
    number("llama.block_count", u32::MAX, "1 to 512");
    number("llama.embedding_length", u32::MAX, "1 to 65536");
    number("llama.embedding_length", 0, "1 to 65536");
    number("llama.attention.head_count", 0, "1 to 1024");
    number("llama.attention.head_count", 6, "does not divide 32");
    number("llama.attention.head_count_kv", 3, "no multiple");
    number("llama.attention.head_count_kv", 0, "1 to 1024");
    number("llama.rope.dimension_count", 7, "must be even");
    number("llama.rope.dimension_count", 64, "at most 8");
    number("llama.context_length", 0, "1 to");
    refused(|file| file.set("llama.context_length", Entry::Text("long")), "not a count");
    refused(|file| file.set("llama.attention.layer_norm_rms_epsilon", Entry::Float(f32::NAN)), "must be 0 to 1");
    refused(|file| file.set("llama.rope.freq_base", Entry::Float(f32::INFINITY)), "freq_base");
    refused(|file| file.without("llama.feed_forward_length"), "`llama.feed_forward_length` is missing");
}

#[test]
fn tensors_of_other_shapes_are_named() {
    refused(|file| file.tensor("blk.0.attn_q", &[32, 31]), "`blk.0.attn_q.weight` has shape [32, 31]");
    refused(|file| file.tensor("blk.0.attn_k", &[16, 32]), "`blk.0.attn_k.weight`");
    refused(|file| file.tensor("token_embd", &[32, 8]), "`token_embd.weight`");
    refused(|file| file.tensor("blk.0.ffn_down", &[64, 32, 2]), "`blk.0.ffn_down.weight`");
    refused(|file| file.tensor("output_norm", &[31]), "`output_norm.weight`");
    refused(|file| file.without("blk.0.ffn_up.weight"), "`blk.0.ffn_up.weight` is missing");
    refused(|file| file.set("llama.block_count", Entry::Number(2)), "`blk.1.attn_norm.weight` is missing");
    refused(
        |file| file.tensor("blk.1.attn_q", &[32, 32]),
        "`blk.1.attn_q.weight`, which the architecture does not have",
    );
}

#[test]
fn kinds_of_weights_that_are_not_computed_are_named() {
    let bytes = vec![0; 32 * 22];
    refused(|file| file.put("blk.0.attn_q.weight", &[32, 32], 6, bytes), "is of kind Q5_0");
    refused(|file| file.put("output_norm.weight", &[32], 1, vec![0; 64]), "is of kind F16");
}

#[test]
fn tokenizers_that_are_none_are_named() {
    refused(
        |file| file.set("tokenizer.ggml.bos_token_id", Entry::Number(260)),
        "`tokenizer.ggml.bos_token_id` is no number below 260",
    );
    refused(|file| file.set("tokenizer.ggml.eos_token_id", Entry::Number(u32::MAX)), "eos_token_id");
    refused(|file| file.set("tokenizer.ggml.eot_token_id", Entry::Text("2")), "eot_token_id");
    refused(|file| file.set("tokenizer.ggml.scores", Entry::Floats(vec![0.0; 259])), "259 scores for 260 tokens");
    refused(|file| file.set("tokenizer.ggml.scores", Entry::Floats(vec![f32::NAN; 260])), "not finite");
    refused(|file| file.set("tokenizer.ggml.token_type", Entry::Integers(vec![1; 261])), "261 kinds for 260 tokens");
    refused(|file| file.set("tokenizer.ggml.token_type", Entry::Integers(vec![9; 260])), "no kind 9");
    refused(|file| file.set("tokenizer.ggml.tokens", Entry::Texts(Vec::new())), "no tokens");
    refused(|file| file.set("tokenizer.ggml.tokens", Entry::Floats(vec![1.0])), "`tokenizer.ggml.tokens` is missing");
    refused(|file| file.set("tokenizer.ggml.model", Entry::Text("t5")), "tokenizer `t5`");
    refused(
        |file| {
            file.set("tokenizer.ggml.model", Entry::Text("gpt2"));
            file.set("tokenizer.ggml.pre", Entry::Text("unheard-of"));
        },
        "tokenizer.ggml.pre `unheard-of`",
    );
    refused(
        |file| {
            file.set("tokenizer.ggml.model", Entry::Text("gpt2"));
            file.set("tokenizer.ggml.merges", Entry::Texts(vec!["ab".to_owned()]));
        },
        "merge 0 is no pair",
    );
}

#[test]
fn numbers_that_are_not_finite_are_found_while_weights_are_read() {
    let not_finite = |kind: u32, mut bytes: Vec<u8>, at: usize, wrong: &[u8]| {
        bytes.splice(at..at + wrong.len(), wrong.iter().copied());
        let mut builder = Builder::new();
        builder.put("blk.0.attn_q.weight", &[32, 32], kind, bytes);
        let error = load(&builder.file(), true).map(|_| ()).unwrap_err();
        assert_eq!(error, LoadError::NotFinite { tensor: "blk.0.attn_q.weight".to_owned() });
    };
    not_finite(0, vec![0; 4096], 4092, &f32::NAN.to_le_bytes());
    not_finite(0, vec![0; 4096], 0, &f32::INFINITY.to_le_bytes());
    // Half precision: exponents of all ones.
    not_finite(1, vec![0; 2048], 2046, &[0x00, 0x7c]);
    not_finite(8, vec![0; 34 * 32], 34 * 31, &[0x01, 0xfe]);
    not_finite(2, vec![0; 18 * 32], 0, &[0x00, 0xfc]);
}

#[test]
fn every_changed_byte_of_a_head_gives_a_model_or_an_error() {
    let file = Builder::new().file();
    let head = file.len() - 60_000;
    for at in (0..head).step_by(3) {
        let mut file = file.clone();
        *file.get_mut(at).unwrap() ^= 0x81;
        let _ = load(&file, true);
    }
}

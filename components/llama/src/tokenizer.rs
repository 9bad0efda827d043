//! Text to tokens and back, as the model's file says.
//!
//! ```text
//! text --markers--> markers | text between them --pieces or pairs--> tokens
//! ```
//!
//! Two families: pieces with scores and a token for each byte (`llama`, made by SentencePiece), and pairs of bytes in the
//! order of their merging (`gpt2`), after text was cut as the file's `tokenizer.ggml.pre` names. Others are refused by name:
//! wrong tokens give answers that look like bad models.

mod cut;
mod pairs;
mod pieces;
mod read;

use tidegate_gguf::Strings;

use pairs::Pairs;

/// What a token is, by its number in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenKind {
    Normal,
    Unknown,
    /// A marker; it is no text.
    Control,
    /// A marker of the model's makers that is text too.
    User,
    Unused,
    /// One byte.
    Byte,
}

/// A model's tokens.
#[derive(Debug)]
pub struct Tokenizer {
    texts: Strings,
    kinds: Vec<TokenKind>,
    /// Numbers of all tokens, ordered by their texts.
    sorted: Vec<u32>,
    /// Numbers of markers, the longest text first.
    markers: Vec<u32>,
    family: Family,
    begin: Option<u32>,
    end: Option<u32>,
    /// Tokens that end a text.
    ends: Vec<u32>,
    unknown: Option<u32>,
    add_begin: bool,
    add_end: bool,
    add_space: bool,
}

#[derive(Debug)]
enum Family {
    Pieces {
        scores: Vec<f32>,
        /// The token of each byte.
        bytes: Vec<Option<u32>>,
    },
    Pairs(Pairs),
}

/// A part of a text.
enum Part<'a> {
    Text(&'a str),
    Marker(u32),
}

// === impl Tokenizer ===

impl Tokenizer {
    /// How many tokens there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there are none; a tokenizer that was read has some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Its family: `sentencepiece` or `bpe`.
    #[must_use]
    pub fn family(&self) -> &'static str {
        if matches!(self.family, Family::Pieces { .. }) { "sentencepiece" } else { "bpe" }
    }

    /// The token that begins a text.
    #[must_use]
    pub fn begin(&self) -> Option<u32> {
        self.begin
    }

    /// The token that ends a text, for templates.
    #[must_use]
    pub fn end(&self) -> Option<u32> {
        self.end
    }

    /// All tokens that end a text.
    #[must_use]
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// A token as the file writes it.
    #[must_use]
    pub fn text(&self, token: u32) -> Option<&str> {
        self.texts.get(token as usize)
    }

    /// Cuts a text. `special`: the tokens around a text are added as the model wants them, and markers in it are tokens.
    #[must_use]
    pub fn encode(&self, text: &str, special: bool) -> Vec<u32> {
        let mut tokens = Vec::new();
        if special && self.add_begin {
            tokens.extend(self.begin);
        }
        self.encode_marked(text, special, &mut tokens);
        if special && self.add_end {
            tokens.extend(self.end);
        }
        tokens
    }

    /// Cuts the text of a chat template: markers are tokens; the token that begins a text is added unless it is there.
    #[must_use]
    pub fn encode_chat(&self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        self.encode_marked(text, true, &mut tokens);
        if self.add_begin && self.begin.is_some() && tokens.first() != self.begin.as_ref() {
            tokens.splice(0..0, self.begin);
        }
        tokens
    }

    /// The bytes that a token stands for in generated text; none for markers.
    #[must_use]
    pub fn bytes(&self, token: u32) -> Vec<u8> {
        let text = self.text(token).unwrap_or_default();
        match (self.kinds.get(token as usize), &self.family) {
            (None | Some(TokenKind::Control | TokenKind::Unknown | TokenKind::Unused), _) => Vec::new(),
            (Some(TokenKind::User), Family::Pairs(_)) => text.as_bytes().to_vec(),
            (Some(TokenKind::Byte), _) => pieces::byte(text).into_iter().collect(),
            (Some(TokenKind::Normal | TokenKind::User), Family::Pieces { .. }) => {
                text.replace(pieces::SPACE, " ").into_bytes()
            }
            (Some(TokenKind::Normal), Family::Pairs(_)) => pairs::bytes(text),
        }
    }

    /// Joins tokens. The space that was put before the text is left out.
    #[must_use]
    pub fn decode(&self, tokens: &[u32]) -> String {
        let bytes: Vec<u8> = tokens.iter().flat_map(|token| self.bytes(*token)).collect();
        let bytes = bytes.strip_prefix(b" ").filter(|_| self.add_space).unwrap_or(&bytes);
        String::from_utf8_lossy(bytes).into_owned()
    }

    fn encode_marked(&self, text: &str, special: bool, tokens: &mut Vec<u32>) {
        // A space is put before a text, and before each text after a marker.
        let mut first = true;
        for part in self.parts(text, special) {
            match (part, &self.family) {
                (Part::Marker(token), _) => {
                    tokens.push(token);
                    first = true;
                }
                (Part::Text(text), Family::Pieces { scores, bytes }) => {
                    let space = if first && self.add_space { " " } else { "" };
                    let text = format!("{space}{text}").replace(' ', pieces::SPACE);
                    pieces::encode(self, scores, bytes, &text, tokens);
                    first = false;
                }
                (Part::Text(text), Family::Pairs(pairs)) => pairs.encode(self, text, tokens),
            }
        }
    }

    /// Cuts a text at markers, the longest ones first.
    fn parts<'a>(&self, text: &'a str, special: bool) -> Vec<Part<'a>> {
        let mut parts = vec![Part::Text(text)];
        for &marker in &self.markers {
            let user = self.kinds.get(marker as usize) == Some(&TokenKind::User);
            let name = self.text(marker).unwrap_or_default();
            if !(special || user) || !text.contains(name) {
                continue;
            }
            parts = parts.into_iter().flat_map(|part| split(part, name, marker)).collect();
        }
        parts.retain(|part| !matches!(part, Part::Text("")));
        parts
    }

    fn token(&self, text: &str) -> Option<u32> {
        let found = self.sorted.binary_search_by(|&token| self.text(token).unwrap_or_default().cmp(text)).ok()?;
        self.sorted.get(found).copied()
    }
}

fn split<'a>(part: Part<'a>, name: &str, marker: u32) -> Vec<Part<'a>> {
    let Part::Text(text) = part else { return vec![part] };
    let mut parts = Vec::new();
    for (number, between) in text.split(name).enumerate() {
        if number > 0 {
            parts.push(Part::Marker(marker));
        }
        parts.push(Part::Text(between));
    }
    parts
}

#[cfg(test)]
mod tests;

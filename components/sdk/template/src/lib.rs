//! A tool that counts words: replace it with yours.
use tidegate_sdk::prelude::*;

/// Counts lines, words and characters of a text. Use it instead of counting yourself: models count badly.
#[derive(Deserialize, JsonSchema)]
struct CountWords {
    /// The text.
    text: String,
    /// Also count this word, in any case.
    #[serde(default)]
    word: Option<String>,
}

/// What was counted.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Counts {
    /// Lines.
    lines: usize,
    /// Words: what is between white space.
    words: usize,
    /// Characters, white space too.
    characters: usize,
    /// How often the word is in the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    occurrences: Option<usize>,
}

fn count_words(input: CountWords, call: &Call) -> Result<Structured<Counts>, ToolError> {
    let word = input.word.as_ref().map(|word| word.trim().to_lowercase());
    if word.as_ref().is_some_and(String::is_empty) {
        return Err(ToolError::invalid("word", "is empty; leave it out to count no word"));
    }
    // A long operation asks now and then whether it is still wanted.
    call.check()?;
    let plain = |part: &str| part.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let counts = Counts {
        lines: input.text.lines().count(),
        words: input.text.split_whitespace().count(),
        characters: input.text.chars().count(),
        occurrences: word.map(|word| input.text.split_whitespace().filter(|part| plain(part) == word).count()),
    };
    let text = format!("{} lines, {} words, {} characters", counts.lines, counts.words, counts.characters);
    Ok(Structured::new(counts).text(text))
}

// Resources, prompts and suggestions have macros of their own: `resources!`, `prompts!`, `completion!`.
tidegate_sdk::tools! {
    "count_words" => count_words { title: "Count words", read_only: true, idempotent: true, open_world: false },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted() {
        let input = CountWords { text: "To be, or not\nto be.".into(), word: Some("Be".into()) };
        let counts = count_words(input, &Call::detached()).unwrap().value;
        assert_eq!(counts, Counts { lines: 2, words: 6, characters: 20, occurrences: Some(2) });
    }

    #[test]
    fn arguments_are_checked_as_a_client_sees_it() {
        let error = toolbox().call_detached("count_words", r#"{"text": 3}"#).unwrap_err();
        assert!(error.to_string().starts_with("argument `text`: invalid type"));
        let error = toolbox().call_detached("count_words", r#"{"text": "a", "word": " "}"#).unwrap_err();
        assert!(error.to_string().contains("is empty"));
    }
}

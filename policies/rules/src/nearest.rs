//! The word that was probably meant.

/// The known word nearest to what was written, if one is near: at most a third of its letters differ.
///
/// `_` and `-` count as the same letter, and case does not count.
#[must_use]
pub fn nearest<'k>(written: &str, known: &[&'k str]) -> Option<&'k str> {
    let plain = |word: &str| word.to_lowercase().replace('_', "-").chars().collect::<Vec<_>>();
    let written = plain(written);
    known
        .iter()
        .map(|word| (distance(&written, &plain(word)), *word))
        .filter(|(distance, word)| *distance <= (word.chars().count().max(written.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Letters to insert, remove or replace (Levenshtein).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, letter) in a.iter().enumerate() {
        let mut left = index + 1;
        let mut next = vec![left];
        for (other, above) in b.iter().zip(row.windows(2)) {
            let [diagonal, up] = above else { continue };
            left = (diagonal + usize::from(letter != other)).min(up + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["directories", "network", "kv", "public-key", "public-key-file"];
        for (written, meant) in [
            ("directorys", Some("directories")),
            ("directory", Some("directories")),
            ("Network", Some("network")),
            ("kb", Some("kv")),
            ("public_key", Some("public-key")),
            ("publickeyfile", Some("public-key-file")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, &known), meant, "{written}");
        }
    }
}

//! Which variant of a model a node takes: the largest that fits.

use tidegate_bundle::ModelManifest;
use tidegate_grant::format_bytes;

/// A variant, with what it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub variant: String,
    /// Bytes of its files.
    pub size: u64,
    /// Memory that it needs when loaded, in bytes, as its manifest says or its files let expect.
    pub needs: u64,
    /// Memory below which it cannot run: what its manifest says, or the bytes of its files. A backend knows it better.
    pub least: u64,
}

/// Every variant, largest files first: of one model they are the better ones.
pub(crate) fn candidates(manifest: &ModelManifest, size: impl Fn(&str) -> u64) -> Vec<Candidate> {
    let mut candidates: Vec<_> = manifest
        .variants
        .iter()
        .map(|variant| {
            let size = manifest.parts(variant).into_iter().map(&size).fold(0, u64::saturating_add);
            let needs = variant.needs(size);
            let least = if variant.memory.is_some() { needs } else { size };
            Candidate { variant: variant.name.clone(), size, needs: variant.needs(size), least }
        })
        .collect();
    candidates.sort_by(|one, other| other.size.cmp(&one.size).then_with(|| one.variant.cmp(&other.variant)));
    candidates
}

/// What does not fit and what would, for people.
pub(crate) fn what_would_fit(candidates: &[Candidate], available: u64) -> String {
    let needs = candidates.iter().map(|candidate| {
        format!("`{}` needs {}", candidate.variant, format_bytes(candidate.needs.next_multiple_of(1 << 20)))
    });
    format!(
        "models may have {} here, and {}: raise `memory` under `[models]` in the configuration, or `memory` in the limits of \
         the backend's `[[grant]]`, or take a smaller variant",
        format_bytes(available),
        needs.collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn larger_variants_come_first_and_shared_files_count() {
        let manifest: ModelManifest = "name = \"m\"\nversion = \"1.0.0\"\nformat = \"onnx\"\nfiles = [\"t\"]\n\
             [[variants]]\nname = \"small\"\nfiles = [\"s\"]\n\
             [[variants]]\nname = \"large\"\nfiles = [\"l\"]\nmemory = \"300MiB\"\n"
            .parse()
            .unwrap();
        let size = |file: &str| match file {
            "s" => 10 << 20,
            "l" => 100 << 20,
            _ => 1 << 20,
        };
        let found = candidates(&manifest, size);
        let text: Vec<_> =
            found.iter().map(|found| format!("{} {} {}", found.variant, found.size >> 20, found.needs >> 20)).collect();
        assert_eq!(text, ["large 101 300", "small 11 43"]);
        let text = what_would_fit(&found, 32 << 20);
        assert!(text.contains("32MiB") && text.contains("`small` needs 43MiB"), "{text}");
    }
}

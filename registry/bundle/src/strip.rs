//! Removal of what does nothing at run time.

use wasmparser::Validator;

use crate::sections::{
    COMPONENT_PREAMBLE, MODULE_PREAMBLE, PREAMBLE_BYTES, SectionError, check_preamble, id, sections, write_section,
};

/// Deeper than any tool nests; a bound on our own recursion.
const MAX_NESTING: usize = 32;

/// Custom sections for debuggers, linkers and statistics.
const USELESS: &[&str] = &["name", "component-name", "producers", "linking", "target_features", "sourceMappingURL"];
const USELESS_PREFIXES: &[&str] = &["reloc.", ".debug_"];

/// `component` without the custom sections that do nothing at run time (names, producers, linking, debug information),
/// also inside its nested components and modules. Everything else stays, byte by byte and in its order.
///
/// # Errors
/// The bytes are no component, or no valid one.
pub fn strip(component: &[u8]) -> Result<Vec<u8>, SectionError> {
    check_preamble(component)?;
    let stripped = strip_level(component, 0, true, 0)?;
    Validator::new().validate_all(&stripped).map_err(|error| SectionError::Invalid(error.to_string()))?;
    Ok(stripped)
}

fn strip_level(bytes: &[u8], base: u64, component: bool, depth: usize) -> Result<Vec<u8>, SectionError> {
    if depth > MAX_NESTING {
        return Err(SectionError::TooDeep(MAX_NESTING));
    }
    let mut out = Vec::with_capacity(bytes.len());
    out.extend(bytes.iter().take(PREAMBLE_BYTES));
    for section in sections(bytes, base)? {
        let nested = |preamble: &[u8], is_component| {
            if section.contents.starts_with(preamble) {
                strip_level(section.contents, section.offset, is_component, depth + 1)
            } else {
                let message = "a nested module or component does not begin as one".to_owned();
                Err(SectionError::Damaged { offset: section.offset, message })
            }
        };
        match section.id {
            id::CUSTOM if section.custom()?.is_some_and(|(name, _)| is_useless(name)) => {}
            id::CORE_MODULE if component => {
                write_section(&mut out, section.id, &nested(&MODULE_PREAMBLE, false)?);
            }
            id::COMPONENT if component => {
                write_section(&mut out, section.id, &nested(&COMPONENT_PREAMBLE, true)?);
            }
            _ => write_section(&mut out, section.id, section.contents),
        }
    }
    Ok(out)
}

fn is_useless(name: &str) -> bool {
    USELESS.contains(&name) || USELESS_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests;

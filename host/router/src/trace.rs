//! `traceparent` of W3C Trace Context (section 3.2 of the recommendation), as far as an audit log needs it.

/// Characters of version, trace id, parent id and flags with their dashes.
const LENGTH: usize = 55;

/// The part of a `traceparent` that every version has; `None` for what is none.
pub(crate) fn parent(text: &str) -> Option<&str> {
    let (head, rest) = text.split_at_checked(LENGTH)?;
    let mut fields = head.split('-');
    let (version, trace, parent, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let hex = |field: &str, length: usize| {
        field.len() == length && field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let set = |field: &str| field.bytes().any(|byte| byte != b'0');
    let fits = fields.next().is_none() && hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    // Version ff is forbidden; the first version ends here, later ones may go on behind a dash.
    let ends = rest.is_empty() || (version != "00" && rest.starts_with('-'));
    (fits && version != "ff" && set(trace) && set(parent) && ends).then_some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_has_the_form_is_kept_and_nothing_else() {
        assert_eq!(parent(GOOD), Some(GOOD));
        let later = GOOD.replacen("00-", "cc-", 1);
        assert_eq!(parent(&later), Some(later.as_str()));
        assert_eq!(parent(&format!("{later}-what-comes-later")), Some(later.as_str()));
        let bad = [
            String::new(),
            "00".to_owned(),
            format!("{GOOD}-01"),
            format!("{later}x"),
            GOOD.to_uppercase(),
            GOOD.replacen("00-", "ff-", 1),
            GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            GOOD.replace('-', "_"),
            GOOD.replacen("4b", "g ", 1),
            GOOD.replacen("-01", "\u{e9}1", 1),
            "-".repeat(55),
        ];
        for text in &bad {
            assert_eq!(parent(text), None, "{text}");
        }
    }
}

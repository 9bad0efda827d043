//! Addresses and the templates that they fit: RFC 6570, `{name}` and `{+name}`.

/// A template, cut where its variables are.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    /// The text before the first variable.
    start: String,
    /// Each variable, and the text after it.
    rest: Vec<(Variable, String)>,
}

#[derive(Debug, Clone)]
struct Variable {
    name: String,
    /// `{+name}`: may span `/`.
    spans: bool,
}

impl Pattern {
    /// Reads a template. Operators other than `+` are not understood: their variables match as simple ones.
    pub(crate) fn new(template: &str) -> Self {
        let mut pieces = template.split('{');
        let start = pieces.next().unwrap_or_default().to_owned();
        let rest = pieces.map(|piece| {
            let (name, after) = piece.split_once('}').unwrap_or((piece, ""));
            let spans = name.starts_with('+');
            (
                Variable { name: name.trim_start_matches(['+', '#', '.', '/', '?', '&', ';']).to_owned(), spans },
                after.to_owned(),
            )
        });
        Self { start, rest: rest.collect() }
    }

    /// The variables of an address, decoded; `None` when it does not fit, or could lead out of where it points to.
    pub(crate) fn variables(&self, uri: &str) -> Option<Vec<(String, String)>> {
        let mut left = uri.strip_prefix(self.start.as_str())?;
        let mut found = Vec::with_capacity(self.rest.len());
        for (at, (variable, after)) in self.rest.iter().enumerate() {
            let end = match (after.is_empty(), at + 1 == self.rest.len()) {
                (true, _) => left.len(),
                (false, true) => left.strip_suffix(after.as_str())?.len(),
                (false, false) => left.find(after.as_str())?,
            };
            let (value, rest) = left.split_at_checked(end)?;
            left = rest.strip_prefix(after.as_str())?;
            found.push((variable.name.clone(), variable.decode(value)?));
        }
        left.is_empty().then_some(found)
    }
}

impl Variable {
    fn decode(&self, value: &str) -> Option<String> {
        let value = decoded(value)?;
        let leads_out = value.split('/').any(|part| part == ".." || part == ".") || value.contains(['\\', '\0']);
        (!value.is_empty() && !leads_out && (self.spans || !value.contains('/'))).then_some(value)
    }
}

/// Undoes percent-encoding, once.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let (two, after) = after.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn variables(template: &str, uri: &str) -> Option<String> {
        let found = Pattern::new(template).variables(uri)?;
        Some(found.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(","))
    }

    #[test]
    fn addresses_fit_their_templates() {
        let fits = |template, uri| variables(template, uri).unwrap();
        assert_eq!(fits("notes://{id}", "notes://7"), "id=7");
        assert_eq!(fits("notes://{id}/data", "notes://a%20b%C3%BC/data"), "id=a bü");
        assert_eq!(fits("files:///{+path}", "files:///a/b.txt"), "path=a/b.txt");
        assert_eq!(fits("x://{a}/{b}.txt", "x://1/2.txt"), "a=1,b=2");
        for (template, uri) in [
            ("notes://{id}", "notes://"),
            ("notes://{id}", "notes://a/b"),
            ("notes://{id}/data", "notes://a"),
            ("x://{a}", "y://a"),
        ] {
            assert_eq!(variables(template, uri), None, "{uri}");
        }
    }

    #[test]
    fn addresses_do_not_lead_out() {
        for uri in [
            "files:///../etc/passwd",
            "files:///a/../../etc",
            "files:///%2e%2e/etc",
            "files:///a%2f..%2f..%2fetc",
            "files:///..%5cwindows",
            "files:///a%00.txt",
            "files:///%zz",
            "files:///%ff",
            "files:///.",
        ] {
            assert_eq!(variables("files:///{+path}", uri), None, "{uri}");
        }
        assert_eq!(variables("notes://{id}", "notes://a%2fb"), None, "one part is one part");
        assert_eq!(variables("notes://{id}", "notes://%252e%252e").unwrap(), "id=%2e%2e", "decoded once");
    }
}

//! Whether an address fits a URI template (RFC 6570).

/// Whether `uri` could be an expansion of `template`. Simple expressions (`{id}`) stand for one character or more
/// without `/`; expressions with an operator (`{+path}`, `{/path*}`, `{?query}`) for anything, also nothing.
pub(crate) fn fits(template: &str, uri: &str) -> bool {
    let Some((literal, rest)) = template.split_once('{') else { return template == uri };
    let Some(uri) = uri.strip_prefix(literal) else { return false };
    let Some((expression, rest)) = rest.split_once('}') else { return false };
    let simple = !expression.starts_with(['+', '#', '.', '/', ';', '?', '&']);
    // From the longest value down: templates are short and rare, so trying all ends is quick enough.
    let end = if simple { uri.find('/').unwrap_or(uri.len()) } else { uri.len() };
    let shortest = usize::from(simple);
    (shortest..=end).rev().filter_map(|at| uri.get(at..)).any(|tail| fits(rest, tail))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn templates_fit_their_expansions_and_nothing_else() {
        let cases = [
            ("test://template/{id}/data", "test://template/123/data", true),
            ("test://template/{id}/data", "test://template//data", false),
            ("test://template/{id}/data", "test://template/1/2/data", false),
            ("test://template/{id}/data", "test://template/1/data/x", false),
            ("file:///{+path}", "file:///a/b/c", true),
            ("file:///{+path}", "http:///a", false),
            ("a:{x}-{y}", "a:1-2", true),
            ("a:{x}-{y}", "a:1", false),
            ("a:b{?q}", "a:b", true),
            ("a:b{?q}", "a:b?q=1", true),
            ("a:b", "a:b", true),
            ("a:{unclosed", "a:1", false),
            ("ä:{ö}", "ä:ü", true),
        ];
        for (template, uri, expected) in cases {
            assert_eq!(fits(template, uri), expected, "{template} {uri}");
        }
    }
}

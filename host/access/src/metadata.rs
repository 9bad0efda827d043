//! What the node says about itself as a protected resource (RFC 9728).

use serde_json::json;

/// Where the document is, below the resource's host (RFC 9728, section 3).
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The address of a resource's document: the well-known path comes between host and path.
#[must_use]
pub fn well_known(resource: &str) -> String {
    let after_scheme = resource.find("://").map_or(0, |at| at + 3);
    let path_at = resource.get(after_scheme..).and_then(|rest| rest.find('/')).map(|at| at + after_scheme);
    match path_at.and_then(|at| resource.split_at_checked(at)) {
        Some((host, path)) if path != "/" => format!("{host}{WELL_KNOWN}{path}"),
        Some((host, _)) => format!("{host}{WELL_KNOWN}"),
        None => format!("{resource}{WELL_KNOWN}"),
    }
}

/// The document. Tokens come in the header only: in an address they would be in every log on the way.
pub(crate) fn document(resource: &str, issuers: &[&str], scopes: &[String]) -> String {
    let mut document = json!({
        "resource": resource,
        "authorization_servers": issuers,
        "bearer_methods_supported": ["header"],
        "resource_name": "Tidegate",
    });
    if let (false, Some(members)) = (scopes.is_empty(), document.as_object_mut()) {
        members.insert("scopes_supported".to_owned(), json!(scopes));
    }
    document.to_string()
}

#[cfg(test)]
mod tests {
    use super::well_known;

    #[test]
    fn the_well_known_path_comes_between_host_and_path() {
        for (resource, expected) in [
            ("https://a.example", "https://a.example/.well-known/oauth-protected-resource"),
            ("https://a.example/", "https://a.example/.well-known/oauth-protected-resource"),
            ("https://a.example:8443/x/y", "https://a.example:8443/.well-known/oauth-protected-resource/x/y"),
        ] {
            assert_eq!(well_known(resource), expected);
        }
    }
}

//! What a client without enough rights is told, in the words of HTTP: `WWW-Authenticate` (RFC 6750, RFC 9728).

/// How clients of a node learn where tokens for it come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Challenge {
    /// Address of the node's protected resource metadata (RFC 9728); none: tokens are no way in.
    pub metadata: Option<String>,
}

impl Challenge {
    /// No token, or none that is good: 401. `scopes`: what to ask for at first; `problem`: why the token is not good.
    #[must_use]
    pub fn unauthorized(&self, scopes: &[String], problem: Option<&str>) -> String {
        let error = problem.map(|problem| ("invalid_token", problem));
        self.text(error, scopes)
    }

    /// A token without enough scopes: 403. `scopes`: all that are needed.
    #[must_use]
    pub fn insufficient(&self, scopes: &[String]) -> String {
        self.text(Some(("insufficient_scope", "this takes more scopes")), scopes)
    }

    fn text(&self, error: Option<(&str, &str)>, scopes: &[String]) -> String {
        let mut parts = Vec::new();
        if let Some((code, description)) = error {
            parts.push(format!("error=\"{code}\""));
            parts.push(format!("error_description=\"{}\"", plain(description)));
        }
        if !scopes.is_empty() {
            let scopes: Vec<String> = scopes.iter().map(|scope| plain(scope)).collect();
            parts.push(format!("scope=\"{}\"", scopes.join(" ")));
        }
        if let Some(metadata) = &self.metadata {
            parts.push(format!("resource_metadata=\"{}\"", plain(metadata)));
        }
        match parts.as_slice() {
            [] => "Bearer".to_owned(),
            parts => format!("Bearer {}", parts.join(", ")),
        }
    }
}

/// What may stand between quotes in a header, and does not end them (RFC 6750, section 3).
fn plain(text: &str) -> String {
    text.chars().filter(|letter| matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\')).collect()
}

#[cfg(test)]
mod tests {
    use super::Challenge;

    #[test]
    fn challenges_name_the_metadata_and_all_scopes() {
        let challenge = Challenge { metadata: Some("https://node.example/.well-known/x".to_owned()) };
        let scopes = ["a".to_owned(), "b:\"c\r\n".to_owned()];
        assert_eq!(
            challenge.insufficient(&scopes),
            "Bearer error=\"insufficient_scope\", error_description=\"this takes more scopes\", scope=\"a b:c\", \
             resource_metadata=\"https://node.example/.well-known/x\""
        );
        assert_eq!(
            challenge.unauthorized(&scopes[..1], None),
            "Bearer scope=\"a\", resource_metadata=\"https://node.example/.well-known/x\""
        );
        assert_eq!(Challenge::default().unauthorized(&[], None), "Bearer");
    }
}

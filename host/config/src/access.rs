//! `[tls]` and `[access]`: how clients know the host, and how it knows them.

use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeTable;

use crate::file::Reader;
use crate::setting::Setting;

/// Signatures that tokens may have.
pub const ALGORITHMS: &[&str] = &["RS256", "PS256", "ES256", "EdDSA"];
/// How far an issuer's clock may be from ours: more would keep dead tokens alive.
const LEEWAY: Duration = Duration::from_secs(300);
/// Between two machines that set their clocks.
const USUAL_LEEWAY: Duration = Duration::from_secs(30);

/// The certificate that the host shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The chain, PEM, the host's own first.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// How clients prove who they are. As soon as there is one way, all must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessConfig {
    /// Keys that `tidegate access add-key` makes. False.
    pub keys: Setting<bool>,
    /// What the host is called in tokens; there must be one where there are issuers.
    pub resource: Setting<Option<String>>,
    /// What clients should ask for at first; none: every scope that the policy names.
    pub scopes: Setting<Option<Vec<String>>>,
    /// Certificates, PEM, that issuers' servers are believed by, beside the public ones.
    pub roots: Setting<Option<PathBuf>>,
    /// Who gives tokens.
    pub issuers: Setting<Vec<IssuerConfig>>,
}

/// An `[[access.issuer]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerConfig {
    /// As it calls itself in tokens.
    pub issuer: String,
    /// Where its keys are.
    pub jwks: Option<String>,
    /// A file of its keys.
    pub jwks_file: Option<PathBuf>,
    /// Signatures that are accepted; all of [`ALGORITHMS`].
    pub algorithms: Vec<String>,
    /// Values of a token's `typ` that are accepted beside none; `at+jwt`.
    pub types: Vec<String>,
    /// How far its clock may be from ours; 30 s.
    pub leeway: Duration,
}

impl AccessConfig {
    /// Whether clients are asked who they are.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.keys.value || !self.issuers.value.is_empty()
    }
}

impl Reader<'_, '_> {
    pub(crate) fn tls(&mut self, table: &DeTable<'_>) -> Option<TlsConfig> {
        self.document.check_keys(table, "[tls]", &["certificate", "key"]);
        let mut file = |key| {
            let Some(value) = table.get(key) else {
                let at = table.values().next().map_or(0..0, |value| value.span());
                self.document
                    .problem(at, format!("`{key}` is missing in [tls]: it takes `certificate` and `key`, PEM files"));
                return None;
            };
            self.path(value, key)
        };
        let (certificate, key) = (file("certificate"), file("key"));
        Some(TlsConfig { certificate: certificate?, key: key? })
    }

    pub(crate) fn access(&mut self, table: &DeTable<'_>, values: &mut crate::file::FileValues) {
        self.document.check_keys(table, "[access]", &["keys", "resource", "scopes", "roots", "issuer"]);
        values.access_keys = self.value(table, "keys", |reader, value, key| reader.document.boolean(value, key));
        values.access_roots = self.value(table, "roots", Self::path);
        values.access_scopes =
            self.value(table, "scopes", |reader, value, key| reader.plain_texts(value, key, scope_problem));
        values.access_resource = self.value(table, "resource", |reader, value, key| {
            let text = reader.document.string(value, key)?;
            reader.checked(value, address(text, "resource"))
        });
        values.access_issuers = self.value(table, "issuer", |reader, value, _| {
            let items = reader.document.array(value, "access.issuer")?;
            Some(items.iter().filter_map(|item| reader.issuer(item)).collect())
        });
        if let Some(value) = table.get("issuer").filter(|_| !table.contains_key("resource")) {
            let message = "[access] has issuers and no `resource`: say what this host is called in tokens, the address that \
                           clients use, such as `https://node.example.com/PATH`";
            self.document.problem(value.span(), message);
        }
    }

    fn issuer(&mut self, value: &tidegate_rules::document::Value<'_>) -> Option<IssuerConfig> {
        let table = self.document.table(value, "access.issuer")?;
        let keys = ["issuer", "jwks", "jwks-file", "algorithms", "types", "leeway"];
        self.document.check_keys(table, "[[access.issuer]]", &keys);
        let (issuer, span) = self.document.required_string(table, "issuer", "[[access.issuer]]", value.span())?;
        let issuer = match address(issuer, "issuer") {
            Ok(issuer) => issuer,
            Err(message) => {
                self.document.problem(span, message);
                return None;
            }
        };
        let jwks = self.value(table, "jwks", |reader, value, key| {
            let text = reader.document.string(value, key)?;
            reader.checked(value, address(text, key))
        });
        let algorithms = self.value(table, "algorithms", |reader, value, key| {
            reader.plain_texts(value, key, |text| {
                (!ALGORITHMS.contains(&text))
                    .then_some("is no algorithm of tokens here: `RS256`, `PS256`, `ES256` and `EdDSA` are")
            })
        });
        let types = self.value(table, "types", |reader, value, key| reader.plain_texts(value, key, |_| None));
        let leeway = self
            .value(table, "leeway", |reader, value, key| reader.document.duration(value, key, Duration::ZERO, LEEWAY));
        Some(IssuerConfig {
            issuer,
            jwks: jwks.map(|(jwks, _)| jwks),
            jwks_file: self.value(table, "jwks-file", Self::path).map(|(path, _)| path),
            algorithms: algorithms
                .map_or_else(|| ALGORITHMS.iter().map(|name| (*name).to_owned()).collect(), |(names, _)| names),
            types: types.map_or_else(|| vec!["at+jwt".to_owned()], |(types, _)| types),
            leeway: leeway.map_or(USUAL_LEEWAY, |(leeway, _)| leeway),
        })
    }
}

/// An https address, or one of this machine.
fn address(text: &str, key: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| {
        let local = ["127.0.0.1", "localhost", "[::1]"];
        let rest = text.strip_prefix("http://")?;
        let own =
            |host: &str| rest.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']));
        local.iter().any(|host| own(host)).then_some(rest)
    });
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(['#', '?', ' ', '"', '@', '|', '\\']) => Ok(text.to_owned()),
        _ => Err(format!(
            "`{key}` is `{text}`: it must be a https:// address without `?` and `#` (http:// on this machine only)"
        )),
    }
}

fn scope_problem(text: &str) -> Option<&'static str> {
    let plain = text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    match text {
        "offline_access" => Some("is between a client and its authorization server: nothing here takes it"),
        "" => Some("is no scope"),
        _ if !plain => Some("is no scope: no spaces, quotes and backslashes"),
        _ => None,
    }
}

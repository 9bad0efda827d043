//! The configuration of a registry: `registry.toml`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use tidegate_rules::document::{Document, Value};
use toml::de::DeTable;

use crate::config::ConfigError;

/// What a registry's file sets; what is not set has its default where it is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistryConfig {
    /// `listen`: address and port.
    pub listen: Option<SocketAddr>,
    /// `data`: the directory for everything that is kept.
    pub data: Option<PathBuf>,
    /// `plain-http`: without a certificate on an address that other machines can reach.
    pub plain_http: bool,
    /// `anonymous-pull`: true, or a list of repositories and namespaces.
    pub anonymous_pull: AnonymousPullConfig,
    /// `grace`.
    pub grace: Option<Duration>,
    /// `gc-every`.
    pub gc_every: Option<Duration>,
    /// `index-key`: the private key that signs the index.
    pub index_key: Option<PathBuf>,
    /// `[tls]`: certificate and key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// `[quota]`: bytes by namespace.
    pub quotas: BTreeMap<String, u64>,
    /// `[quota] default`.
    pub default_quota: Option<u64>,
    /// `[limits] max-blob`, in bytes.
    pub max_blob: Option<u64>,
    /// `[limits] connections`.
    pub connections: Option<u64>,
    /// `[limits] uploads`: that receive bytes at the same time.
    pub uploads: Option<u64>,
    /// `[limits] open-uploads`: of one namespace.
    pub open_uploads: Option<u64>,
    /// `[limits] head-timeout`.
    pub head_timeout: Option<Duration>,
    /// `[limits] silence`.
    pub silence: Option<Duration>,
}

/// What may be pulled without credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AnonymousPullConfig {
    /// Nothing.
    #[default]
    Nothing,
    /// Everything.
    Everything,
    /// What these say: `NAMESPACE/*` or `NAMESPACE/NAME`.
    Of(Vec<String>),
}

const TOP: &[&str] =
    &["listen", "data", "plain-http", "anonymous-pull", "grace", "gc-every", "index-key", "tls", "quota", "limits"];
const LIMITS: &[&str] = &["max-blob", "connections", "uploads", "open-uploads", "head-timeout", "silence"];
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// Largest size that can be set, in bytes: 1 EiB, more than a disk has.
const MOST: u64 = 1 << 60;

/// Reads a registry's configuration. `named`: somebody named the file, so that it must be there. Relative paths in it start
/// from its folder.
///
/// # Errors
/// The file cannot be read, or every problem in it.
pub fn read_registry(path: &Path, named: bool) -> Result<RegistryConfig, ConfigError> {
    match fs::read_to_string(path) {
        Ok(text) => parse(path, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !named => Ok(RegistryConfig::default()),
        Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
    }
}

fn parse(path: &Path, text: &str) -> Result<RegistryConfig, ConfigError> {
    let (mut document, table) = Document::read(&path.display().to_string(), text);
    let folder = path.parent().unwrap_or(Path::new("/"));
    let config = table.map(|table| top(&mut document, &table, folder)).unwrap_or_default();
    let problems = document.into_problems();
    if problems.is_empty() { Ok(config) } else { Err(ConfigError::File { problems }) }
}

fn top(document: &mut Document<'_>, table: &DeTable<'_>, folder: &Path) -> RegistryConfig {
    document.check_keys(table, "", TOP);
    let mut config = RegistryConfig {
        listen: table.get("listen").and_then(|value| listen(document, value)),
        data: table.get("data").and_then(|value| document.string(value, "data")).map(|text| folder.join(text)),
        index_key: table
            .get("index-key")
            .and_then(|value| document.string(value, "index-key"))
            .map(|text| folder.join(text)),
        plain_http: table.get("plain-http").and_then(|value| document.boolean(value, "plain-http")).unwrap_or(false),
        anonymous_pull: table.get("anonymous-pull").map(|value| anonymous(document, value)).unwrap_or_default(),
        grace: table.get("grace").and_then(|value| document.duration(value, "grace", SECOND, YEAR)),
        gc_every: table.get("gc-every").and_then(|value| document.duration(value, "gc-every", SECOND, YEAR)),
        ..RegistryConfig::default()
    };
    if let Some(tls) = table.get("tls").and_then(|value| document.table(value, "tls")) {
        document.check_keys(tls, "[tls]", &["certificate", "key"]);
        let mut file =
            |key: &str| tls.get(key).and_then(|value| document.string(value, key)).map(|text| folder.join(text));
        match (file("certificate"), file("key")) {
            (Some(certificate), Some(key)) => config.tls = Some((certificate, key)),
            _ => {
                let span = table.get("tls").map(Value::span).unwrap_or_default();
                document.problem(span, "`[tls]` needs `certificate` and `key`, two PEM files");
            }
        }
    }
    if let Some(quota) = table.get("quota").and_then(|value| document.table(value, "quota")) {
        for (namespace, value) in quota {
            let name: &str = namespace.get_ref();
            match (name, document.size(value, name, 1, MOST)) {
                ("default", size) => config.default_quota = size,
                (name, Some(size)) => drop(config.quotas.insert(name.to_owned(), size)),
                _ => {}
            }
        }
    }
    if let Some(limits) = table.get("limits").and_then(|value| document.table(value, "limits")) {
        document.check_keys(limits, "[limits]", LIMITS);
        config.max_blob = limits.get("max-blob").and_then(|value| document.size(value, "max-blob", 1 << 10, MOST));
        let mut number = |key: &str| limits.get(key).and_then(|value| document.number(value, key, 1, 1_000_000));
        config.connections = number("connections");
        config.uploads = number("uploads");
        config.open_uploads = number("open-uploads");
        let mut time = |key: &str| limits.get(key).and_then(|value| document.duration(value, key, SECOND, HOUR));
        config.head_timeout = time("head-timeout");
        config.silence = time("silence");
    }
    config
}

fn listen(document: &mut Document<'_>, value: &Value<'_>) -> Option<SocketAddr> {
    let text = document.string(value, "listen")?;
    let parsed = parse_registry_listen(text);
    parsed.map_err(|message| document.problem(value.span(), message)).ok()
}

/// An address and a port; port 0: any free one. Whether others may reach it, the registry decides by its certificate.
///
/// # Errors
/// Another text; what to write instead.
pub fn parse_registry_listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "`{text}` is not an address and a port: write `127.0.0.1:5000` or `0.0.0.0:5000` (names are not resolved)"
        )
    })
}

fn anonymous(document: &mut Document<'_>, value: &Value<'_>) -> AnonymousPullConfig {
    if value.get_ref().as_bool().is_some() {
        return match document.boolean(value, "anonymous-pull") {
            Some(true) => AnonymousPullConfig::Everything,
            _ => AnonymousPullConfig::Nothing,
        };
    }
    let Some(items) = document.array(value, "anonymous-pull") else { return AnonymousPullConfig::Nothing };
    let texts: Vec<String> =
        items.iter().filter_map(|item| document.string(item, "anonymous-pull").map(str::to_owned)).collect();
    AnonymousPullConfig::Of(texts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn a_registry_file_is_read_completely_or_not_at_all() {
        let text = "listen = \"0.0.0.0:5000\"\ndata = \"d\"\nanonymous-pull = [\"public/*\"]\ngrace = \"2h\"\nindex-key = \"i.key\"\n\
                    [tls]\ncertificate = \"c.pem\"\nkey = \"/k.pem\"\n[quota]\ndefault = \"1GiB\"\nacme = \"5GiB\"\n\
                    [limits]\nmax-blob = \"64MiB\"\nuploads = 4\nsilence = \"5s\"\n";
        let config = parse(Path::new("/etc/x/registry.toml"), text).unwrap();
        assert_eq!(config.tls, Some(("/etc/x/c.pem".into(), "/k.pem".into())));
        assert_eq!(config.index_key, Some("/etc/x/i.key".into()));
        assert_eq!((config.default_quota, config.quotas.get("acme")), (Some(1 << 30), Some(&(5 << 30))));
        assert_eq!((config.uploads, config.silence, config.max_blob), (Some(4), Some(SECOND * 5), Some(64 << 20)));
        assert_eq!(config.anonymous_pull, AnonymousPullConfig::Of(vec!["public/*".to_owned()]));
        assert_eq!(
            parse(Path::new("r"), "anonymous-pull = true").unwrap().anonymous_pull,
            AnonymousPullConfig::Everything
        );
        for (text, says) in [
            ("listen = \"localhost:5000\"", "names are not resolved"),
            ("data = 1", "data"),
            ("nothing = 1", "nothing"),
            ("[tls]\ncertificate = \"c\"", "needs `certificate` and `key`"),
            ("[limits]\nuploads = 0", "uploads"),
            ("[quota]\nacme = \"1 GB\"", "not a size"),
        ] {
            let error = parse(Path::new("r.toml"), text).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("r.toml:"), "{text}: {error}");
        }
    }
}

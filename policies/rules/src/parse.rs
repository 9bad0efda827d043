//! Policy texts to a [`Policy`].

mod client_limits;
mod clients;
mod grants;
mod items;
mod signers;

use std::collections::btree_map::Entry;
use std::ops::Range;
use std::path::{Path, PathBuf};

use tidegate_grant::{Limits, PoolLimits};
use toml::de::DeTable;

use crate::claims::{Claim, conflicts, shared_namespaces};
use crate::document::{Document, Value};
use crate::policy::{ComponentPattern, LimitSetting, Policy};
use crate::problem::{PolicyError, Problem};
use crate::{LOCAL_BUILD, nearest};

/// The text of one policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file's name, as origins and problems show it.
    pub name: String,
    /// Absolute path of the folder that relative paths in the text start from.
    pub folder: PathBuf,
    /// The text.
    pub text: String,
}

impl Source {
    /// A source that is shown by its path; relative paths in it start from its folder.
    #[must_use]
    pub fn new(path: &Path, text: impl Into<String>) -> Self {
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        Self { name: path.display().to_string(), folder, text: text.into() }
    }
}

/// Reads policy files as one policy: signers, secrets and grants of all of them together. Without sources: believes
/// nobody, grants nothing.
///
/// # Errors
/// Every problem in every file: TOML that does not parse, unknown keys, values out of bounds, unknown signers and
/// secrets, grants that contradict each other. A policy with a problem is not used in part.
pub fn parse(sources: &[Source]) -> Result<Policy, PolicyError> {
    let mut collected = Collected::default();
    for source in sources {
        read(source, &mut collected);
    }
    check_names(&mut collected);
    collected.problems.extend(conflicts(&collected.claims));
    if collected.problems.is_empty() {
        collected.policy.warnings.extend(shared_namespaces(&collected.claims));
        Ok(collected.policy)
    } else {
        // Files in the order they were given, lines in order.
        let place = |file: &str| sources.iter().position(|source| source.name == file);
        collected.problems.sort_by_key(|problem| (place(&problem.file), problem.line, problem.column));
        Err(PolicyError { problems: collected.problems })
    }
}

/// What was read so far, of all files.
#[derive(Default)]
struct Collected {
    policy: Policy,
    claims: Vec<Claim>,
    /// Names of signers and secrets that grants use, and where.
    uses: Vec<Use>,
    problems: Vec<Problem>,
}

/// A name that must be defined in some file.
struct Use {
    name: String,
    kind: Kind,
    /// The problem, if it is not.
    at: Problem,
}

enum Kind {
    Signer,
    Secret,
}

/// Reads one file's table.
struct Reader<'s, 'i> {
    document: Document<'i>,
    folder: &'s Path,
    collected: &'s mut Collected,
}

const TOP: &[&str] = &["version", "signers", "grant", "client", "client-limits", "pool", "secrets"];

fn read(source: &Source, collected: &mut Collected) {
    let (document, table) = Document::read(&source.name, &source.text);
    let mut reader = Reader { document, folder: &source.folder, collected };
    if let Some(table) = table {
        reader.top(&table);
    }
    let problems = reader.document.into_problems();
    collected.problems.extend(problems);
}

impl Reader<'_, '_> {
    fn top(&mut self, table: &DeTable<'_>) {
        self.document.check_keys(table, "", TOP);
        match table.get("version") {
            Some(value) => {
                let version = self.document.number(value, "version", 0, u64::MAX);
                if version.is_some_and(|version| version != 1) {
                    self.document.problem(value.span(), "this host reads policies of `version = 1` only");
                }
            }
            None => self.document.problem(0..0, "`version = 1` is missing at the top of the file"),
        }
        if let Some(value) = table.get("signers") {
            self.signers(value);
        }
        if let Some(value) = table.get("secrets") {
            self.secrets(value);
        }
        if let Some(value) = table.get("pool") {
            self.pool(value);
        }
        if let Some(value) = table.get("client-limits") {
            self.client_limits(value);
        }
        if let Some(value) = table.get("grant") {
            for grant in self.document.array(value, "grant").unwrap_or_default() {
                self.grant(grant);
            }
        }
        self.clients(table);
    }

    fn clients(&mut self, table: &DeTable<'_>) {
        let Some(value) = table.get("client") else { return };
        for client in self.document.array(value, "client").unwrap_or_default() {
            self.client(client);
        }
    }

    fn pool(&mut self, value: &Value<'_>) {
        let Some(table) = self.document.table(value, "pool") else { return };
        self.document.check_keys(table, "[pool]", &["stack", "instances"]);
        if let Some(value) = table.get("stack") {
            // Below one page of 64 KiB not even a start function runs.
            if let Some(stack) = self.document.size(value, "stack", 64 << 10, PoolLimits::MAX_STACK) {
                self.collected.policy.pool.stack = stack;
            }
            self.pool_origin("stack", value.span());
        }
        if let Some(value) = table.get("instances") {
            let max = u64::from(PoolLimits::MAX_INSTANCES);
            if let Some(instances) = self.document.number(value, "instances", 1, max) {
                self.collected.policy.pool.instances = u32::try_from(instances).unwrap_or(PoolLimits::MAX_INSTANCES);
            }
            self.pool_origin("instances", value.span());
        }
    }

    fn pool_origin(&mut self, key: &'static str, span: Range<usize>) {
        match self.collected.policy.pool_origins.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(self.document.origin(&span));
            }
            Entry::Occupied(entry) => {
                let message = format!("`{key}` of [pool] is already set at {}; there is one pool", entry.get());
                self.document.problem(span, message);
            }
        }
    }

    /// An absolute path, or one relative to the file's folder.
    fn path(&mut self, text: &str, what: &str, span: Range<usize>) -> Option<PathBuf> {
        let problem = if text.is_empty() {
            Some("is empty")
        } else if text.starts_with('~') {
            Some("begins with `~`, which only shells expand: write the whole path")
        } else if text.contains('\0') {
            Some("contains a zero byte")
        } else if text.contains('*') {
            Some("contains `*`: globs are not supported, name the directory; everything below is granted")
        } else {
            None
        };
        if let Some(problem) = problem {
            self.document.problem(span, format!("`{what}` {problem}"));
            return None;
        }
        let path = self.folder.join(text);
        if path.is_absolute() {
            return Some(path);
        }
        self.document.problem(span, format!("`{what}` is relative, and the policy file's folder is not known"));
        None
    }
}

/// Signers and secrets that no file defines.
fn check_names(collected: &mut Collected) {
    let policy = &collected.policy;
    for used in &collected.uses {
        let (known, names): (bool, Vec<&str>) = match used.kind {
            Kind::Signer => (policy.knows_signer(&used.name), policy.signers.keys().map(String::as_str).collect()),
            Kind::Secret => {
                (policy.secrets.contains_key(&used.name), policy.secrets.keys().map(String::as_str).collect())
            }
        };
        if known {
            continue;
        }
        let mut problem = used.at.clone();
        let table = match used.kind {
            Kind::Signer => "signers",
            Kind::Secret => "secrets",
        };
        let hint = match (nearest(&used.name, &names), &used.kind) {
            (Some(name), _) => format!("did you mean `{name}`?"),
            (None, Kind::Signer) => format!("add [{table}.{}] with its public key, or use `{LOCAL_BUILD}`", used.name),
            (None, Kind::Secret) => format!("add [{table}.{}] with `file` or `environment`", used.name),
        };
        problem.message = format!("no [{table}.{}]; {hint}", used.name);
        collected.problems.push(problem);
    }
}

/// Reads a limit of a grant. The bounds below are what makes sense at all: a page of memory, a millisecond.
fn limit(document: &mut Document<'_>, key: &str, value: &Value<'_>) -> Option<LimitSetting> {
    let number = |document: &mut Document<'_>, max: u32| {
        document.number(value, key, 1, u64::from(max)).and_then(|number| u32::try_from(number).ok())
    };
    Some(match key {
        "memory" => LimitSetting::Memory(document.size(value, key, 64 << 10, Limits::MAX_MEMORY)?),
        "table-elements" => LimitSetting::TableElements(document.number(value, key, 0, Limits::MAX_TABLE_ELEMENTS)?),
        "instances" => LimitSetting::Instances(number(document, Limits::MAX_INSTANCES)?),
        "host-call" => LimitSetting::HostCall(document.size(value, key, 1 << 10, Limits::MAX_BYTES)?),
        "output" => LimitSetting::Output(document.size(value, key, 1 << 10, Limits::MAX_BYTES)?),
        "deadline" => {
            let shortest = std::time::Duration::from_millis(1);
            LimitSetting::Deadline(document.duration(value, key, shortest, Limits::MAX_DEADLINE)?)
        }
        "concurrency" => LimitSetting::Concurrency(number(document, Limits::MAX_CONCURRENCY)?),
        _ => return None,
    })
}

/// `*` or an exact name.
fn component_pattern(text: &str) -> Result<ComponentPattern, String> {
    if text == "*" {
        Ok(ComponentPattern::Any)
    } else if text.contains(['*', '?', '[']) {
        Err(format!("`{text}` is a pattern; write one exact name, or `*` for every component of the signer"))
    } else if crate::names::is_name(text) {
        Ok(ComponentPattern::Exact(text.to_owned()))
    } else {
        Err(format!("`{text}` is not a component's name: lower case letters, digits and single `-`, a letter first"))
    }
}

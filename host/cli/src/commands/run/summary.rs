//! What a host says when it starts: what serves, who signed it, what each may do, and how to connect.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tidegate::{ComponentReport, Loaded};
use tidegate_config::{Config, Listen};

use crate::output::{Style, printable};

/// Everything there is to say.
pub(crate) struct Summary<'a> {
    pub(crate) config: &'a Config,
    pub(crate) loaded: &'a Loaded,
    /// How many tools there are.
    pub(crate) tools: usize,
    /// Where HTTP is served; none: standard input and output.
    pub(crate) address: Option<Place>,
    /// How many `[[client]]` lines the policy has.
    pub(crate) clients: usize,
    /// What was named on the command line.
    pub(crate) components: &'a [PathBuf],
    /// From the start to ready.
    pub(crate) took: Duration,
}

/// Where clients come in.
pub(crate) enum Place {
    /// `http://127.0.0.1:8765`; clients use the name that is in the certificate in place of the address.
    Url(String),
    /// A Unix socket's path.
    Socket(PathBuf),
}

impl Place {
    pub(crate) fn of(config: &Config, bound: Option<SocketAddr>) -> Self {
        match (&config.listen.value, bound) {
            (Listen::Unix(path), _) => Self::Socket(path.clone()),
            (Listen::Network(address), bound) => {
                let scheme = if config.tls.value.is_some() { "https" } else { "http" };
                Self::Url(format!("{scheme}://{}", bound.unwrap_or(*address)))
            }
        }
    }
}

impl Summary<'_> {
    /// To standard error: standard output may belong to a protocol.
    pub(crate) fn print(&self) {
        let style = Style::stderr();
        let mut text = format!("{} {}\n", style.strong("tidegate"), crate::args::VERSION);
        if self.config.development.value {
            text.push_str(&development(style));
        }
        for component in &self.loaded.components {
            text.push_str(&describe(component, style));
        }
        for refused in &self.loaded.refused {
            let reason = refused.reason.replace('\n', "\n           ");
            text.push_str(&format!("\n{}  {}\n           {reason}\n", style.bad("refused"), printable(&refused.what)));
        }
        if !self.loaded.refused.is_empty() {
            text.push_str("\n`tidegate policy explain COMPONENT` shows the policy lines that would permit more\n");
        }
        if self.loaded.components.is_empty() {
            text.push_str(
                "\nno component is loaded: add one with `tidegate add X.wasm`, or start with `--components PATH`\n",
            );
        }
        text.push_str(&self.totals());
        text.push_str(&self.connect(style));
        eprint!("{text}");
    }

    fn totals(&self) -> String {
        let components = &self.loaded.components;
        let count = |is: fn(&ComponentReport) -> bool| components.iter().filter(|component| is(component)).count();
        let (cached, native) = (count(|component| component.cached), count(|component| component.native.is_some()));
        let code = match (native, components.len().saturating_sub(cached).saturating_sub(native)) {
            (0, compiled) => format!("{compiled} compiled, {cached} from the cache"),
            (native, _) => format!("{native} from signed native code"),
        };
        format!(
            "\n{} components, {} tools, {} refused; ready in {} ({code})\n",
            components.len(),
            self.tools,
            self.loaded.refused.len(),
            milliseconds(self.took),
        )
    }

    /// Where clients find the protocols.
    fn connect(&self, style: Style) -> String {
        let Some(place) = &self.address else {
            return "serving one client over standard input and output\n".to_owned();
        };
        let base = match place {
            Place::Url(url) => url,
            Place::Socket(path) => {
                return format!(
                    "serving at the Unix socket {}, for who may use it: {}\n\nCtrl-C stops the host\n",
                    style.strong(path.display()),
                    match self.clients {
                        0 => "this user".to_owned(),
                        _ => "this user, and others as the policy's [[client]] lines say".to_owned(),
                    }
                );
            }
        };
        let mut text = format!("serving on {base}");
        // The first path of a component is the one for clients of today; others are for those of yesterday.
        let paths: Vec<&String> =
            self.loaded.components.iter().filter_map(|component| component.paths.first()).collect();
        if paths.is_empty() {
            text.push_str(", but no component answers there: add a protocol component\n");
            return text;
        }
        text.push_str(&self.clients(style));
        text.push_str("\n\nconnect a client:\n");
        for path in paths {
            let url = format!("{base}{path}");
            text.push_str(&format!("  {}\n", style.strong(&url)));
            if let Some(list) = list_name(path) {
                let server = match self.config.access.keys.value {
                    true => json!({ "type": "http", "url": url, "headers": { "Authorization": "Bearer KEY" } }),
                    false => json!({ "type": "http", "url": url }),
                };
                text.push_str(&format!("  {}\n", json!({ list: { "tidegate": server } })));
            }
        }
        text.push_str("or let it start the host itself, in place of this one, over standard input and output:\n");
        text.push_str(&format!("  {}\n\nCtrl-C stops the host\n", self.stdio_server()));
        text
    }

    /// Who is let in.
    fn clients(&self, style: Style) -> String {
        let access = &self.config.access;
        let mut ways = Vec::new();
        if access.keys.value {
            ways.push("keys of this node (`tidegate access list`)".to_owned());
        }
        ways.extend(access.issuers.value.iter().map(|issuer| format!("tokens of {}", issuer.issuer)));
        match (ways.as_slice(), self.clients) {
            ([], 0) => String::new(),
            ([], _) => {
                let text = "the policy's [[client]] lines mean nothing here: nobody is asked who they are, as the configuration \
                            has no [access]";
                format!("\n{}", style.warn(text))
            }
            (ways, 0) => format!(
                "\nclients prove who they are by {}\n{}",
                ways.join(" and "),
                style.warn("the policy has no [[client]] lines: nobody may use anything")
            ),
            (ways, _) => format!("\nclients prove who they are by {}", ways.join(" and ")),
        }
    }

    /// The command that serves the same over standard input and output.
    fn stdio_server(&self) -> Value {
        let program = std::env::current_exe().unwrap_or_else(|_| "tidegate".into());
        let mut arguments = vec!["run".to_owned(), "--stdio".to_owned()];
        let mut option = |name: &str, path: &Path| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            arguments.extend([name.to_owned(), path.display().to_string()]);
        };
        option("--state", &self.config.state.value);
        self.config.policy.value.iter().for_each(|policy| option("--policy", policy));
        self.components.iter().for_each(|path| option("--components", path));
        if self.config.development.value {
            arguments.push("--development".to_owned());
        }
        json!({ "command": program, "args": arguments })
    }
}

/// Nobody shall overlook it.
pub(crate) fn development(style: Style) -> String {
    let text = "DEVELOPMENT MODE: components built on this machine run without a signature";
    format!("{}\n", style.warn(text))
}

/// A component in some lines.
pub(crate) fn describe(component: &ComponentReport, style: Style) -> String {
    let ComponentReport { name, version, kind, .. } = component;
    let mut text = format!("\n{}  {} {version}  {kind}", style.good("loaded"), style.strong(name));
    if let Some(description) = &component.description {
        text.push_str(&format!("  {}", style.dim(printable(description))));
    }
    let by = match component.signer.proof() {
        Some(proof) => format!("signed by {} ({})", component.signer.name, printable(&proof)),
        None => style.warn("not signed: built on this machine (development mode)"),
    };
    text.push_str(&format!("\n  {by}\n"));
    if let Some(native) = &component.native {
        let proof = native.proof().unwrap_or_default();
        text.push_str(&format!("  native code signed by {} ({})\n", native.name, printable(&proof)));
    }
    for may in &component.may {
        text.push_str(&format!("  may    {}  {}\n", printable(&may.what), style.dim(&may.by)));
    }
    if component.may.is_empty() {
        text.push_str("  may    compute, and reach nothing\n");
    }
    if !component.tools.is_empty() {
        let tools: Vec<_> = component.tools.iter().map(|tool| printable(&tool.name)).collect();
        text.push_str(&format!("  tools  {}\n", tools.join(", ")));
    }
    for left_out in &component.left_out {
        text.push_str(&format!("  {}\n", style.dim(format!("no tool: {}", printable(left_out)))));
    }
    text
}

fn milliseconds(duration: Duration) -> String {
    if duration.as_secs() >= 10 { format!("{} s", duration.as_secs()) } else { format!("{} ms", duration.as_millis()) }
}

/// How client applications name their list of servers of a protocol: after the protocol, whose name its path is.
fn list_name(path: &str) -> Option<String> {
    let name = path.strip_prefix('/')?;
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| format!("{name}Servers"))
}

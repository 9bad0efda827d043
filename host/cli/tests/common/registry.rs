//! A registry of ours, and a web server of somebody else's.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::{Node, set_mode};

/// Of [`super::ADD`].
pub(crate) const MANIFEST: &str =
    "name = \"adder\"\nversion = \"1.0.0\"\nkind = \"tool\"\ndescription = \"Adds two numbers.\"\n";
const PATIENCE: Duration = Duration::from_secs(60);

/// A registry that is killed with this value.
pub(crate) struct Registry {
    child: Child,
    pub(crate) host: String,
}

impl Registry {
    pub(crate) fn start(node: &Node) -> Self {
        Self::at(node, "127.0.0.1:0")
    }

    pub(crate) fn at(node: &Node, listen: &str) -> Self {
        Self::with(node, &["--listen", listen])
    }

    pub(crate) fn with(node: &Node, arguments: &[&str]) -> Self {
        let mut command = node.command(&["registry", "serve", "--log", "warn"]);
        command.args(arguments);
        let child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut registry = Self { child, host: String::new() };
        let (send, lines) = channel();
        let said = BufReader::new(registry.child.stderr.take().unwrap());
        std::thread::spawn(move || said.lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
        let end = Instant::now() + PATIENCE;
        while registry.host.is_empty() {
            let line = lines.recv_timeout(end.saturating_duration_since(Instant::now())).expect("the registry starts");
            if let Some((_, rest)) = line.split_once("http://") {
                registry.host.push_str(rest.split(',').next().unwrap());
            }
        }
        registry
    }

    /// SIGKILL: no instruction runs after it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a token and puts it where commands find it.
pub(crate) fn log_in(node: &Node, registry: &Registry, scope: &str, permission: &str) -> String {
    let name = format!("t{}", std::fs::read_dir(node.path("home")).unwrap().count());
    let made = node.run(&["registry", "token", "add", &name, "--scope", scope, "--permission", permission]).success();
    let token = made.out.trim().to_owned();
    write_credentials(node, &registry.host, &token);
    token
}

pub(crate) fn write_credentials(node: &Node, host: &str, token: &str) {
    let folder = node.path("home/.config/tidegate");
    std::fs::create_dir_all(&folder).unwrap();
    let text = serde_json::json!({ "registries": { host: { "password": token } } });
    let file = folder.join("registries.json");
    std::fs::write(&file, text.to_string()).unwrap();
    set_mode(&file, 0o600);
}

/// Python's web server on a folder: no media types that we know, no ranges, HTTP/1.0. Killed with this value.
pub(crate) struct WebServer {
    child: Child,
    pub(crate) address: String,
}

impl WebServer {
    pub(crate) fn of(folder: &Path) -> Self {
        let mut command = Command::new("python3");
        command.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "0", "--directory"]).arg(folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("python3 is installed");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.split("port ").nth(1).unwrap().split(' ').next().unwrap();
        let address = format!("http://127.0.0.1:{port}");
        Self { child, address }
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

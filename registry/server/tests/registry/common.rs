//! A registry on loopback, and a client that sends exactly what a test wants.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_reference::Digest;
use tidegate_registry_server::{Permission, Server, Settings, TokenFile};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry that runs until it is dropped.
pub(crate) struct Registry {
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    runtime: Option<Runtime>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Registry {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::at(folder, change)
    }

    pub(crate) fn at(folder: TempDir, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::new("127.0.0.1:0".parse().unwrap(), folder.path().to_owned());
        change(&mut settings);
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(Server::bind(settings)).unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel();
        runtime.spawn(server.serve(async { drop(stopped.await) }));
        Self { address, folder, stop: Some(stop), runtime: Some(runtime) }
    }

    /// Ends the registry and keeps what it has.
    pub(crate) fn end(mut self) -> TempDir {
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        drop(self);
        folder
    }

    /// A token's `Authorization`.
    pub(crate) fn token(&self, name: &str, scope: &str, permission: Permission) -> String {
        let new = TokenFile::of(self.folder.path()).add(name, vec![scope.parse().unwrap()], permission, None).unwrap();
        format!("Bearer {}", new.text)
    }

    pub(crate) fn ask(&self, token: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        if !token.is_empty() {
            head += &format!("Authorization: {token}\r\n");
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // The registry may answer and hang up before it has read everything.
        let _ = stream.write_all(body);
        Answer::read(stream, method)
    }

    pub(crate) fn get(&self, token: &str, path: &str) -> Answer {
        self.ask(token, "GET", path, &[], b"")
    }

    /// Pushes a blob in two requests.
    pub(crate) fn push_blob(&self, token: &str, name: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let begun = self.ask(token, "POST", &format!("/v2/{name}/blobs/uploads/"), &[], b"");
        assert_eq!(begun.status, 202, "{}", begun.text());
        let to = format!("{}?digest={digest}", begun.header("location"));
        let done = self.ask(token, "PUT", &to, &[], bytes);
        assert_eq!(done.status, 201, "{}", done.text());
        digest
    }

    /// Pushes a component's manifest with both of its blobs.
    pub(crate) fn push(&self, token: &str, name: &str, tag: &str, component: &[u8]) -> Digest {
        let manifest = self.manifest(token, name, component);
        let done = self.put(token, name, tag, &manifest);
        assert_eq!(done.status, 201, "{}", done.text());
        Digest::of(manifest.to_string().as_bytes())
    }

    pub(crate) fn manifest(&self, token: &str, name: &str, component: &[u8]) -> Value {
        let config = self.push_blob(token, name, b"{}");
        let layer = self.push_blob(token, name, component);
        json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": "application/vnd.wasm.config.v0+json", "digest": config, "size": 2 },
            "layers": [{ "mediaType": "application/wasm", "digest": layer, "size": component.len() }],
        })
    }

    pub(crate) fn put(&self, token: &str, name: &str, target: &str, manifest: &Value) -> Answer {
        let path = format!("/v2/{name}/manifests/{target}");
        self.ask(token, "PUT", &path, &[("Content-Type", MANIFEST)], manifest.to_string().as_bytes())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(runtime) = self.runtime.take() {
            // The store must be closed before it is opened again.
            runtime.shutdown_timeout(Duration::from_secs(20));
        }
    }
}

impl Answer {
    pub(crate) fn read(stream: TcpStream, method: &str) -> Self {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {line:?}")).parse().unwrap();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let mut body = Vec::new();
        if method != "HEAD" {
            let length: u64 = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
            reader.take(length).read_to_end(&mut body).unwrap();
        }
        Self { status, headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The status, the code and a part of the message.
    pub(crate) fn is(&self, status: u16, code: &str, says: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        let error = &self.json()["errors"][0];
        assert_eq!(error["code"], code, "{}", self.text());
        assert!(error["message"].as_str().unwrap().contains(says), "`{says}` in {}", self.text());
    }
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

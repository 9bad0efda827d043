//! Commands for a registry that runs: over a socket in its directory, which only its user may enter. One line of JSON each
//! way. Where none runs, the store is opened directly.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidegate_reference::{Digest, RepositoryName, Tag};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::time::timeout;

use crate::api::App;
use crate::store::{Store, StoreError, Swept, YankChange};

/// Largest command or reply, in bytes.
const MAX_LINE: u64 = 64 << 10;
/// Time for a command to arrive.
const COMMAND: Duration = Duration::from_secs(5);
/// Longest wait for a reply: a collection looks at every file.
const REPLY: Duration = Duration::from_secs(600);

/// What may be asked of a registry.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Removes what nobody needs and is older than this many seconds; none: as it is set.
    Collect {
        /// The grace.
        grace: Option<u64>,
    },
    /// Withdraws a version.
    Yank {
        /// The repository.
        name: RepositoryName,
        /// The version.
        tag: Tag,
        /// Why, for people.
        reason: Option<String>,
    },
    /// Takes that back.
    Unyank {
        /// The repository.
        name: RepositoryName,
        /// The version.
        tag: Tag,
    },
}

/// What came of a command.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// What was removed.
    Collected(Swept),
    /// The manifest of the version.
    Yanked(Digest),
    /// It did not work.
    Failed(String),
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The registry says why.
    #[error("{0}")]
    Failed(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The socket.
    #[error("cannot use the socket `{path}`", path = .path.display())]
    Socket {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A reply that is none.
    #[error("the running registry answered something else than was asked: it has another version")]
    Reply,
}

/// The socket of a registry that is about to run.
pub(crate) struct Listener {
    socket: UnixListener,
    path: PathBuf,
}

fn socket_path(data: &Path) -> PathBuf {
    data.join("control.sock")
}

/// Carries out a command: in the registry that runs with the directory, or here if none does. Blocks.
///
/// # Errors
/// As [`ControlError`] says.
pub fn control(data: &Path, command: &Command, grace: Duration) -> Result<Reply, ControlError> {
    let path = socket_path(data);
    let reply = match UnixStream::connect(&path) {
        Ok(stream) => ask(&stream, command).map_err(|source| ControlError::Socket { path, source })?,
        Err(_) => carry_out(&Store::open(data)?, command, grace),
    };
    match reply {
        Reply::Failed(message) => Err(ControlError::Failed(message)),
        reply => Ok(reply),
    }
}

fn ask(mut stream: &UnixStream, command: &Command) -> io::Result<Reply> {
    stream.set_read_timeout(Some(REPLY))?;
    let mut line = serde_json::to_vec(command)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut reply = String::new();
    BufReader::new(stream.take(MAX_LINE)).read_line(&mut reply)?;
    Ok(serde_json::from_str(&reply)?)
}

fn carry_out(store: &Store, command: &Command, grace: Duration) -> Reply {
    let done = match command {
        Command::Collect { grace: set } => store.collect(set.map_or(grace, Duration::from_secs)).map(Reply::Collected),
        Command::Yank { name, tag, reason } => {
            let reason = reason.clone().map(|reason| reason.chars().filter(|c| !c.is_control()).take(500).collect());
            store.yank(name, tag, YankChange::Yank { reason }).map(Reply::Yanked)
        }
        Command::Unyank { name, tag } => store.yank(name, tag, YankChange::Undo).map(Reply::Yanked),
    };
    done.unwrap_or_else(|error| {
        let cause = std::error::Error::source(&error).map_or(String::new(), |cause| format!(": {cause}"));
        Reply::Failed(format!("{error}{cause}"))
    })
}

/// Listens in the directory. The store is open: no other registry runs there, and a socket that is there is an old one.
pub(crate) fn listen(data: &Path) -> Result<Listener, ControlError> {
    let path = socket_path(data);
    let bind = || {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(socket)
    };
    let socket = bind().map_err(|source| ControlError::Socket { path: path.clone(), source })?;
    Ok(Listener { socket, path })
}

impl Listener {
    /// Carries out commands, one after the other.
    pub(crate) async fn serve(self, app: Arc<App>, grace: Duration) {
        loop {
            let Ok((stream, _)) = self.socket.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let (read, mut write) = stream.into_split();
            let mut line = String::new();
            let mut read = tokio::io::BufReader::new(read.take(MAX_LINE));
            let Ok(Ok(_)) = timeout(COMMAND, read.read_line(&mut line)).await else { continue };
            let Ok(command) = serde_json::from_str::<Command>(&line) else { continue };
            tracing::info!(?command, "a command");
            let store = Arc::clone(&app.store);
            let Ok(reply) = tokio::task::spawn_blocking(move || carry_out(&store, &command, grace)).await else {
                continue;
            };
            if let Reply::Collected(swept) = &reply {
                app.metrics.swept.fetch_add(swept.files, Ordering::Relaxed);
            }
            let Ok(mut json) = serde_json::to_vec(&reply) else { continue };
            json.push(b'\n');
            let _ = timeout(COMMAND, write.write_all(&json)).await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

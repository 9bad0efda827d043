//! Commands to a running host: a Unix socket in its state directory, which only the host's user can open.
//!
//! One JSON object a line in each direction. A client sends one [`Request`]; the host answers with [`Reply`] lines, of
//! which the last is `Done` or `Failed`. No client of a protocol and no component can reach it.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_freshness::Floor;
use tidegate_reference::Version;
use tidegate_router::CallError;
use tidegate_source_dir::ReadError;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::call::CallEvent;
use crate::host::{absolute, chain};
use crate::model_report::{ModelDetails, ModelListing, ModelReport};
use crate::report::{ComponentReport, Listing, OutputReport, RefusedReport};
use crate::{AdmitError, Host, RemoveError, RollBackError};

/// Bytes of one line: arguments of a call travel in it.
const LINE: u64 = 64 << 20;

/// A command.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "command")]
pub enum Request {
    /// What serves.
    List,
    /// Verify, install and serve a component file.
    Add {
        /// Absolute path.
        path: PathBuf,
    },
    /// Take a component out.
    Remove {
        /// Its name.
        name: String,
    },
    /// Lower a version floor.
    RollBack {
        /// The component's name.
        name: String,
        /// The floor from now on.
        version: Version,
        /// Whose signature counts from now on; none: whose did before.
        signer: Option<String>,
        /// Why.
        reason: String,
    },
    /// What models there are.
    ModelList,
    /// Verify and keep a model.
    ModelAdd {
        /// Absolute path of its folder or of its manifest.
        path: PathBuf,
    },
    /// Take a model out.
    ModelRemove {
        /// Its name.
        name: String,
    },
    /// What a model is, by its backend's word.
    ModelInspect {
        /// Its name.
        name: String,
    },
    /// Call a tool.
    Call {
        /// Its name in the catalog.
        tool: String,
        /// A JSON object.
        arguments: Value,
    },
}

/// An answer line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reply")]
pub enum Reply {
    /// How far a call is.
    Progress {
        /// Grows.
        progress: f64,
        /// Where it ends.
        total: Option<f64>,
        /// For people.
        message: Option<String>,
    },
    /// What a call says.
    Message {
        /// How urgent.
        severity: String,
        /// What.
        data: Value,
    },
    /// The end of `list`.
    Listing(Box<Listing>),
    /// The end of `add`.
    Added(Box<ComponentReport>),
    /// The end of `remove`.
    Removed,
    /// The end of `roll-back`: the floor that was there.
    RolledBack(Floor),
    /// The end of `model-list`.
    Models(Box<ModelListing>),
    /// The end of `model-add`.
    ModelAdded(Box<ModelReport>),
    /// The end of `model-inspect`.
    Model(Box<ModelDetails>),
    /// The end of `call`.
    Output(Box<OutputReport>),
    /// The end of anything that did not work.
    Failed {
        /// Whose fault.
        fault: Fault,
        /// What happened and what to do.
        message: String,
    },
}

/// Whose fault a failure is; the command line's exit codes follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// What was asked for is wrong.
    Usage,
    /// There is nothing of that name.
    NotFound,
    /// Signature or policy refuse.
    Refused,
    /// The component failed.
    Component,
    /// The host or the machine failed.
    Host,
}

/// A running host cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The socket cannot be made.
    #[error("cannot take commands at `{}`", path.display())]
    Bind {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another host runs with this state directory.
    #[error("another host runs with the state directory of `{}`: stop it, or give another one with `--state`", .0.display())]
    Running(PathBuf),
    /// The connection broke.
    #[error("the running host at `{}` does not answer", path.display())]
    Broken {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Host {
    /// Takes commands at the state directory's socket until the future is dropped. `refused`: what was found at the
    /// start and not let in.
    ///
    /// # Errors
    /// When the socket cannot be made, or another host has it.
    pub async fn control(&self, refused: Vec<RefusedReport>) -> Result<Control, ControlError> {
        let path = self.node.paths.control();
        if UnixStream::connect(&path).await.is_ok() {
            return Err(ControlError::Running(path));
        }
        let failed = |source| ControlError::Bind { path: path.clone(), source };
        // Nobody listens: the socket of a host that did not end in order.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = bind_private(&self.node.paths.root, &path).map_err(failed)?;
        Ok(Control { host: self.clone(), listener, refused: Arc::new(Mutex::new(refused)), path })
    }
}

/// Binds a socket that nobody but this user can ever open: made in a folder of its own, and moved into place with its mode
/// set, because a state directory that was there before may be open to others.
fn bind_private(state: &Path, path: &Path) -> io::Result<UnixListener> {
    let folder = state.join(format!(".control.{}", std::process::id()));
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    let made = folder.join("socket");
    let bound = UnixListener::bind(&made).and_then(|listener| {
        std::fs::set_permissions(&made, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&made, path)?;
        Ok(listener)
    });
    let _ = std::fs::remove_dir_all(&folder);
    bound
}

/// A bound control socket; removed when dropped.
pub struct Control {
    host: Host,
    listener: UnixListener,
    refused: Arc<Mutex<Vec<RefusedReport>>>,
    path: PathBuf,
}

impl Control {
    /// Answers commands until the future is dropped.
    pub async fn serve(self) {
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                // Out of descriptors: nothing to do but wait.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            };
            let (host, refused) = (self.host.clone(), Arc::clone(&self.refused));
            tokio::spawn(async move {
                if let Err(error) = answer(&host, &refused, stream).await {
                    tracing::debug!(%error, "a command ended early");
                }
            });
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn answer(host: &Host, refused: &Mutex<Vec<RefusedReport>>, stream: UnixStream) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(tokio::io::AsyncReadExt::take(reader, LINE));
    let mut line = String::new();
    reader.read_line(&mut line).await?;
    let request = match serde_json::from_str(&line) {
        Ok(request) => request,
        Err(error) => {
            let message = format!("not a command of this version: {error}");
            return write(&mut writer, &Reply::Failed { fault: Fault::Usage, message }).await;
        }
    };
    let reply = match request {
        Request::Call { tool, arguments } => {
            // The caller going away cancels the call.
            let mut gone = String::new();
            return tokio::select! {
                ended = call(host, &tool, &arguments, &mut writer) => ended,
                _ = reader.read_line(&mut gone) => Ok(()),
            };
        }
        Request::List => {
            let refused = refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Reply::Listing(Box::new(host.listing(refused)))
        }
        other => host.carry_out(other).await,
    };
    write(&mut writer, &reply).await
}

impl Host {
    /// Carries out a command that has one answer: all but `list`, which needs to know what was refused at the start, and
    /// `call`, which has events.
    pub async fn carry_out(&self, request: Request) -> Reply {
        match request {
            Request::Add { path } => self.add(&path).await.into(),
            Request::Remove { name } => self.remove(&name).into(),
            Request::RollBack { name, version, signer, reason } => {
                self.roll_back(&name, &version, signer.as_deref(), &reason).into()
            }
            #[cfg(feature = "models")]
            Request::ModelList => Reply::Models(Box::new(self.models())),
            #[cfg(feature = "models")]
            Request::ModelAdd { path } => self.add_model(&path).await.into(),
            #[cfg(feature = "models")]
            Request::ModelRemove { name } => self.remove_model(&name).await.into(),
            #[cfg(feature = "models")]
            Request::ModelInspect { name } => self.inspect_model(&name).await,
            _ => {
                let message = "this build does not do that".to_owned();
                Reply::Failed { fault: Fault::Usage, message }
            }
        }
    }
}

async fn call(
    host: &Host,
    tool: &str,
    arguments: &Value,
    writer: &mut (impl tokio::io::AsyncWrite + Unpin),
) -> io::Result<()> {
    let mut call = host.call_tool(tool, &arguments.to_string());
    while let Some(event) = call.next().await {
        write(writer, &Reply::from(event)).await?;
    }
    Ok(())
}

async fn write(writer: &mut (impl tokio::io::AsyncWrite + Unpin), reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    writer.write_all(&line).await
}

impl From<Result<ComponentReport, AdmitError>> for Reply {
    fn from(added: Result<ComponentReport, AdmitError>) -> Self {
        let error = match added {
            Ok(report) => return Self::Added(Box::new(report)),
            Err(error) => error,
        };
        let fault = match &error {
            AdmitError::Read(ReadError::NotThere(_)) => Fault::NotFound,
            AdmitError::Read(_) => Fault::Usage,
            AdmitError::Store(_) | AdmitError::Floors(_) => Fault::Host,
            _ => Fault::Refused,
        };
        Self::Failed { fault, message: chain(&error) }
    }
}

impl From<Result<(), RemoveError>> for Reply {
    fn from(removed: Result<(), RemoveError>) -> Self {
        let error = match removed {
            Ok(()) => return Self::Removed,
            Err(error) => error,
        };
        let fault = match &error {
            RemoveError::Unknown(_) => Fault::NotFound,
            RemoveError::Store(_) => Fault::Host,
        };
        Self::Failed { fault, message: chain(&error) }
    }
}

impl From<Result<Floor, RollBackError>> for Reply {
    fn from(rolled_back: Result<Floor, RollBackError>) -> Self {
        let error = match rolled_back {
            Ok(before) => return Self::RolledBack(before),
            Err(error) => error,
        };
        let fault = match &error {
            RollBackError::Unknown(_) => Fault::NotFound,
            RollBackError::UnknownSigner(_) | RollBackError::NoReason => Fault::Usage,
            RollBackError::Floors(_) => Fault::Host,
        };
        Self::Failed { fault, message: chain(&error) }
    }
}

impl From<CallEvent> for Reply {
    fn from(event: CallEvent) -> Self {
        match event {
            CallEvent::Progress(report) => {
                Self::Progress { progress: report.progress, total: report.total, message: report.message }
            }
            CallEvent::Message(message) => Self::Message {
                severity: format!("{:?}", message.severity).to_lowercase(),
                data: serde_json::from_str(&message.data).unwrap_or(Value::Null),
            },
            CallEvent::Done(Ok(output)) => Self::Output(Box::new(output.into())),
            CallEvent::Done(Err(error)) => {
                let fault = match &error {
                    CallError::NotFound(_) => Fault::NotFound,
                    CallError::InvalidArguments(_) => Fault::Usage,
                    CallError::Denied(_) | CallError::Forbidden(_) => Fault::Refused,
                    CallError::Busy(_) => Fault::Host,
                    CallError::Deadline(_) | CallError::Cancelled | CallError::Failed(_) => Fault::Component,
                };
                Self::Failed { fault, message: call_error(&error) }
            }
        }
    }
}

/// A call's error for people.
pub(crate) fn call_error(error: &CallError) -> String {
    match error {
        CallError::NotFound(what) => {
            format!("nothing called `{what}` is in the catalog: `tidegate list` shows what is")
        }
        CallError::InvalidArguments(text) => format!("the arguments do not fit: {text}"),
        CallError::Forbidden(refusal) => refusal.reason.clone(),
        CallError::Denied(text) | CallError::Busy(text) | CallError::Failed(text) => text.clone(),
        CallError::Deadline(milliseconds) => {
            format!("it took longer than its deadline of {milliseconds} ms (policy key `deadline`)")
        }
        CallError::Cancelled => "it was cancelled".to_owned(),
    }
}

/// A connection to a running host.
pub struct Client {
    path: PathBuf,
    lines: tokio::io::Lines<BufReader<UnixStream>>,
}

impl Client {
    /// Connects to the host that runs with the state directory `state`; nothing if none does.
    pub async fn connect(state: &Path) -> Option<Self> {
        let path = state.join("control.sock");
        let stream = UnixStream::connect(&path).await.ok()?;
        Some(Self { path, lines: BufReader::new(stream).lines() })
    }

    /// Sends the command. Answers come from [`Client::next`].
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send(&mut self, request: &Request) -> Result<(), ControlError> {
        let request = match request {
            Request::Add { path } => Request::Add { path: absolute(path) },
            Request::ModelAdd { path } => Request::ModelAdd { path: absolute(path) },
            other => other.clone(),
        };
        let sent = async {
            let mut line = serde_json::to_vec(&request)?;
            line.push(b'\n');
            self.lines.get_mut().write_all(&line).await
        };
        sent.await.map_err(|source| ControlError::Broken { path: self.path.clone(), source })
    }

    /// The next answer line; nothing when the host has hung up.
    ///
    /// # Errors
    /// When the connection breaks, or the host speaks another version.
    pub async fn next(&mut self) -> Result<Option<Reply>, ControlError> {
        let broken = |source| ControlError::Broken { path: self.path.clone(), source };
        match self.lines.next_line().await.map_err(broken)? {
            None => Ok(None),
            Some(line) => serde_json::from_str(&line).map(Some).map_err(|error| broken(error.into())),
        }
    }
}

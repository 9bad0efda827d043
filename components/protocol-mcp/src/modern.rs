//! What a modern request says of itself in `_meta`; the same on every transport.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::bindings::tidegate::types::event::ClientFeatures;
use crate::content::severity;
use crate::errors::{RpcError, UNSUPPORTED_VERSION};
use crate::json::{Params, Writer, object, text};
use crate::methods::features;
use crate::revision::{Era, Revision};
use crate::session::View;
use crate::tasks;

/// Whether parameters name a revision: such a request is modern, whatever else it says.
pub(crate) fn claims(params: &Params<'_>) -> bool {
    params.meta().is_ok_and(|meta| meta.protocol_version.is_some())
}

/// The revision that a request names, once its metadata is complete.
///
/// # Errors
/// -32602 naming what is missing.
pub(crate) fn version<'a>(params: &Params<'a>) -> Result<Cow<'a, str>, RpcError> {
    let meta = params.meta()?;
    let version = text("_meta.io.modelcontextprotocol/protocolVersion", meta.protocol_version)?;
    let name = "_meta.io.modelcontextprotocol/clientCapabilities";
    let capabilities = meta.client_capabilities.ok_or_else(|| RpcError::params(format!("`{name}` is missing")))?;
    object(name, capabilities)?;
    if let Some(raw) = meta.client_info {
        object("_meta.io.modelcontextprotocol/clientInfo", raw)?;
    }
    Ok(version)
}

/// How to speak with the client of a request.
///
/// # Errors
/// As [`version`], and -32022 for a revision that is not served.
pub(crate) fn view(params: &Params<'_>) -> Result<View, RpcError> {
    let wanted = version(params)?;
    let revision = Revision::named(&wanted).filter(|one| one.is_modern()).ok_or_else(|| unsupported(&wanted))?;
    let meta = params.meta()?;
    let level = match meta.log_level {
        Some(raw) => {
            let name = text("_meta.io.modelcontextprotocol/logLevel", Some(raw))?;
            Some(severity(&name).ok_or_else(|| RpcError::params(format!("`{name}` is no log level")))?)
        }
        None => None,
    };
    let features = meta.client_capabilities.map_or(Ok(ClientFeatures::empty()), features)?;
    let tasks = meta.client_capabilities.map(declares_tasks);
    Ok(View { revision, features, level, tasks })
}

fn declares_tasks(capabilities: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Capabilities {
        extensions: Option<BTreeMap<String, IgnoredAny>>,
    }
    let read = serde_json::from_str::<Capabilities>(capabilities.get());
    read.is_ok_and(|read| read.extensions.is_some_and(|all| all.contains_key(tasks::EXTENSION)))
}

fn unsupported(wanted: &str) -> RpcError {
    let mut data = Writer::default();
    data.begin_object().key("supported").begin_array();
    for one in Revision::of(Era::Modern) {
        data.string(one.name);
    }
    data.end_array().field("requested", wanted).end_object();
    RpcError::new(UNSUPPORTED_VERSION, format!("protocol version `{wanted}` is not served this way"))
        .data(data.finish())
        .status(400)
}

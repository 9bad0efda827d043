//! Byte streams (stdio) to protocol components.

use std::sync::Arc;

use tidegate_grant::Principal;
use tidegate_supervisor::{Component, RunError};
use tokio::io::{AsyncRead, AsyncWrite};
use wasmtime_wasi::p2::pipe::{AsyncReadStream, AsyncWriteStream};
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream};

use crate::Router;
use crate::client::Client;
use crate::http::conversation;

/// Bytes that may wait for the reader of the output before the component's writes wait.
const OUTPUT_BUFFER: usize = 1 << 20;

/// A protocol component did not serve a byte stream to its end.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The component serves no byte streams.
    #[error("`{0}` serves no byte streams")]
    NoHandler(String),
    /// Its instance failed.
    #[error("`{component}` failed")]
    Failed {
        /// The component.
        component: String,
        /// How.
        #[source]
        source: RunError,
    },
    /// It ended with an error of its own.
    #[error("`{component}` ended with an error: {problem}")]
    Ended {
        /// The component.
        component: String,
        /// What it says.
        problem: String,
    },
}

impl Router {
    /// Serves `principal` over a pair of byte streams until `input` ends.
    ///
    /// # Errors
    /// When the component fails.
    pub async fn stream(
        &self,
        component: &Arc<Component>,
        principal: Principal,
        input: impl AsyncRead + Send + Unpin + 'static,
        output: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Result<(), StreamError> {
        let name = || component.name().to_owned();
        if component.exports().stream.is_none() {
            return Err(StreamError::NoHandler(name()));
        }
        let served = component.run(
            conversation(component),
            |ctx| ctx.slots.insert(Client::new(principal, 0)),
            move |store, instance, exports| {
                Box::pin(async move {
                    let Some(indices) = &exports.stream else {
                        return Err(wasmtime::Error::msg("serves no byte streams"));
                    };
                    let table = &mut store.data_mut().table;
                    let input: DynInputStream = Box::new(AsyncReadStream::new(input));
                    let input = table.push(input)?;
                    let output: DynOutputStream = Box::new(AsyncWriteStream::new(OUTPUT_BUFFER, output));
                    let output = table.push(output)?;
                    let protocol = indices.load(&mut *store, instance)?;
                    let stream = protocol.tidegate_protocol_byte_stream();
                    stream.call_serve(&mut *store, input, output).await
                })
            },
        );
        match served.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(problem)) => Err(StreamError::Ended { component: name(), problem }),
            Err(source) => Err(StreamError::Failed { component: name(), source }),
        }
    }
}

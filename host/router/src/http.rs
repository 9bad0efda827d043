//! HTTP requests to protocol components. Headers and bodies reach the component untouched.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use tidegate_engine::TimeLimit;
use tidegate_supervisor::{Component, Permit, RunError};
use tokio::sync::oneshot;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{Error as BodyError, WasiHttpView};

use crate::Router;

/// A protocol component did not answer a request.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The component serves no HTTP.
    #[error("`{0}` serves no HTTP")]
    NoHandler(String),
    /// Too many of its requests run and wait.
    #[error("`{component}`: {busy}")]
    Busy {
        /// The component.
        component: String,
        /// How many.
        busy: tidegate_supervisor::Busy,
    },
    /// It failed.
    #[error("`{component}` failed: {problem}")]
    Failed {
        /// The component.
        component: String,
        /// How.
        problem: String,
    },
}

type Answer = Result<Response<HyperOutgoingBody>, ErrorCode>;

impl Router {
    /// Hands a request to an instance of its own and gives the answer as soon as its head is there; the body follows.
    /// When the future is dropped before the answer's head, the instance and its calls are dropped too.
    ///
    /// # Errors
    /// When the component gives no answer.
    pub async fn http<B>(
        &self,
        component: &Arc<Component>,
        request: Request<B>,
    ) -> Result<Response<HyperOutgoingBody>, HttpError>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        if component.exports().http.is_none() {
            return Err(HttpError::NoHandler(component.name().to_owned()));
        }
        let name = || component.name().to_owned();
        let permit = component.admit().await.map_err(|busy| HttpError::Busy { component: name(), busy })?;
        let (sender, mut answer) = oneshot::channel();
        let mut serving = Box::pin(serve(Arc::clone(component), permit, request, sender));
        let ended = tokio::select! {
            // The instance first: where it ends at once, nothing is left to be driven by another task.
            biased;
            ended = &mut serving => ended,
            answer = &mut answer => {
                let component = name();
                tokio::spawn(async move {
                    if let Err(error) = serving.await {
                        tracing::warn!(component, %error, "failed after the head of its answer");
                    }
                });
                return given(answer.ok(), name);
            }
        };
        ended.map_err(|error| HttpError::Failed { component: name(), problem: error.to_string() })?;
        given(answer.try_recv().ok(), name)
    }
}

fn given(answer: Option<Answer>, name: impl Fn() -> String) -> Result<Response<HyperOutgoingBody>, HttpError> {
    match answer {
        Some(Ok(response)) => Ok(response),
        Some(Err(code)) => Err(HttpError::Failed { component: name(), problem: format!("it answered with {code:?}") }),
        None => Err(HttpError::Failed { component: name(), problem: "it gave no answer".to_owned() }),
    }
}

async fn serve<B>(
    component: Arc<Component>,
    permit: Permit,
    request: Request<B>,
    sender: oneshot::Sender<Answer>,
) -> Result<(), RunError>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    let _permit = permit;
    component
        .run(conversation(&component), |_| (), move |store, instance, exports| {
            Box::pin(async move {
                let Some(indices) = &exports.http else {
                    return Err(wasmtime::Error::msg("serves no HTTP"));
                };
                let request = store.data_mut().http().new_incoming_request(Scheme::Http, request)?;
                let answer = store.data_mut().http().new_response_outparam(sender)?;
                let proxy = indices.load(&mut *store, instance)?;
                proxy.wasi_http_incoming_handler().call_handle(&mut *store, request, answer).await
            })
        })
        .await
}

/// A conversation may last, because a client may listen for days; it may not compute without end.
pub(crate) fn conversation(component: &Component) -> TimeLimit {
    TimeLimit::Busy(component.limits().deadline)
}

impl HttpError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }
}

//! HTTP requests to protocol components. Headers and bodies reach the component untouched.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use http_body_util::BodyExt as _;
use tidegate_grant::Principal;
use tidegate_supervisor::{Component, Permit, RunError, TimeLimit};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme as GuestScheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{Error as BodyError, WasiHttpView};

use crate::Router;
use crate::client::{Client, Watched};
use crate::quota::{Excess, Turn};

/// How long an instance may run without its client, or after the head of its answer. Calls have deadlines of their own;
/// this ends a protocol component that never ends.
const ALONE: Duration = Duration::from_secs(24 * 3600);

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear; within the machine, or behind a proxy.
    Http,
    /// Over TLS.
    Https,
}

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
    /// The client asks for more than it may.
    #[error(transparent)]
    Excess(#[from] Excess),
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
    /// Hands a request of `principal`, which came over `scheme`, to an instance of its own and gives the answer as soon as
    /// its head is there; the body follows.
    ///
    /// When the future is dropped before the answer's head, or the answer's body before its end, the client has gone:
    /// the instance is told (`tidegate:gateway/client`) and runs on, for at most a day.
    ///
    /// # Errors
    /// When the component gives no answer.
    pub async fn http<B>(
        &self,
        component: &Arc<Component>,
        principal: Principal,
        scheme: Scheme,
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
        let turn = self.quotas().begin(&principal)?;
        let permit = component.admit().await.map_err(|busy| HttpError::Busy { component: name(), busy })?;
        let (sender, mut answer) = oneshot::channel();
        let client = Client::new(principal, 1);
        let held = (permit, turn);
        let serving = Box::pin(serve(Arc::clone(component), held, (scheme, request), sender, client.clone()));
        let mut running = Running { serving: Some(serving), client, component: Arc::clone(component) };
        let ended = tokio::select! {
            // The instance first: where it ends at once, nothing is left to be driven by another task.
            biased;
            ended = &mut running => ended,
            answer = &mut answer => {
                let client = running.client.clone();
                running.run_on();
                let response = given(answer.ok(), name)?;
                return Ok(response.map(|body| Watched::new(body, client).boxed_unsync()));
            }
        };
        ended.map_err(|error| HttpError::Failed { component: name(), problem: error.to_string() })?;
        given(answer.try_recv().ok(), name)
    }
}

/// An instance that serves a request. Dropped before its end, it is told that its client has gone, and runs on.
struct Running<F: Future<Output = Result<(), RunError>> + Send + 'static> {
    serving: Option<Pin<Box<F>>>,
    client: Client,
    component: Arc<Component>,
}

impl<F: Future<Output = Result<(), RunError>> + Send + 'static> Running<F> {
    /// Lets it run on in a task of its own.
    fn run_on(&mut self) {
        let (Some(serving), Ok(runtime)) = (self.serving.take(), Handle::try_current()) else { return };
        let component = Arc::clone(&self.component);
        runtime.spawn(async move {
            let component = component.name();
            match tokio::time::timeout(ALONE, serving).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(component, %error, "failed after the head of its answer"),
                Err(_) => tracing::warn!(component, "was stopped a day after the head of its answer"),
            }
        });
    }
}

impl<F: Future<Output = Result<(), RunError>> + Send + 'static> Future for Running<F> {
    type Output = Result<(), RunError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(serving) = self.serving.as_mut() else { return Poll::Pending };
        let ended = serving.as_mut().poll(context);
        if ended.is_ready() {
            self.serving = None;
        }
        ended
    }
}

impl<F: Future<Output = Result<(), RunError>> + Send + 'static> Drop for Running<F> {
    fn drop(&mut self) {
        if self.serving.is_some() {
            self.client.close();
            self.run_on();
        }
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
    held: (Permit, Turn),
    (scheme, request): (Scheme, Request<B>),
    sender: oneshot::Sender<Answer>,
    client: Client,
) -> Result<(), RunError>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    let _held = held;
    component
        .run(
            conversation(&component),
            |ctx| {
                // For what is used on its behalf without a call through this router.
                ctx.slots.insert(client.principal().clone());
                ctx.slots.insert(client);
            },
            move |store, instance, exports| {
                Box::pin(async move {
                    let Some(indices) = &exports.http else {
                        return Err(wasmtime::Error::msg("serves no HTTP"));
                    };
                    let request = store.data_mut().http().new_incoming_request(scheme.guest(), request)?;
                    let answer = store.data_mut().http().new_response_outparam(sender)?;
                    let proxy = indices.load(&mut *store, instance)?;
                    proxy.wasi_http_incoming_handler().call_handle(&mut *store, request, answer).await
                })
            },
        )
        .await
}

/// A conversation may last, because a client may listen for days; it may not compute without end.
pub(crate) fn conversation(component: &Component) -> TimeLimit {
    TimeLimit::Busy(component.limits().deadline)
}

impl Scheme {
    /// As components see it.
    fn guest(self) -> GuestScheme {
        match self {
            Self::Http => GuestScheme::Http,
            Self::Https => GuestScheme::Https,
        }
    }
}

impl HttpError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }
}

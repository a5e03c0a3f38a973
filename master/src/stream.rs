//! A stream out of a state and an async step, for server-sent events.
//!
//! The one adapter that would otherwise bring a whole futures crate.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

type Step<T, S> = Pin<Box<dyn Future<Output = Option<(T, S)>> + Send>>;

/// Makes a stream that calls `step` with the state for each item, until it gives `None`.
pub(crate) fn from_fn<T, S, F, Fut>(state: S, mut step: F) -> impl Stream<Item = T>
where
    T: 'static,
    S: Send + 'static,
    F: FnMut(S) -> Fut + Send + Unpin + 'static,
    Fut: Future<Output = Option<(T, S)>> + Send + 'static,
{
    FromFn {
        pending: Some(Box::pin(step(state)) as Step<T, S>),
        step,
    }
}

struct FromFn<T, S, F> {
    pending: Option<Step<T, S>>,
    step: F,
}

impl<T, S, F, Fut> Stream for FromFn<T, S, F>
where
    F: FnMut(S) -> Fut + Unpin,
    Fut: Future<Output = Option<(T, S)>> + Send + 'static,
{
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(pending) = self.pending.as_mut() else {
            return Poll::Ready(None);
        };
        match pending.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                self.pending = None;
                Poll::Ready(None)
            }
            Poll::Ready(Some((item, state))) => {
                self.pending = Some(Box::pin((self.step)(state)));
                Poll::Ready(Some(item))
            }
        }
    }
}

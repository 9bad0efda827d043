//! Polls at once again what was woken while it was polled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Polls in a row at most; then the runtime's other tasks have their turn.
const ROUNDS: u32 = 4;

/// Nobody polls.
const IDLE: u8 = 0;
/// Being polled.
const POLLING: u8 = 1;
/// Woken since: by itself while it was polled, or by somebody else.
const WOKEN: u8 = 2;

/// Drives a future that wakes itself, as a connection does whose handler reads the body that the same connection receives.
/// The runtime would put such a task at the end of a queue and wake another thread to take it: two system calls and a move
/// to another processor for each request. Guests that yield are not affected: they use the runtime's own yield, which wakes
/// after the poll.
#[derive(Debug, Default)]
pub(crate) struct Again {
    inner: Option<(Arc<Signal>, Waker)>,
}

#[derive(Debug)]
struct Signal {
    state: AtomicU8,
    task: Waker,
}

impl Again {
    /// Polls by `poll` until it is ready, or was not woken meanwhile, or has had enough rounds.
    pub(crate) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if !self.inner.as_ref().is_some_and(|(signal, _)| signal.task.will_wake(cx.waker())) {
            self.inner = None;
        }
        let (signal, waker) = self.inner.get_or_insert_with(|| {
            let signal = Arc::new(Signal { state: AtomicU8::new(IDLE), task: cx.waker().clone() });
            (Arc::clone(&signal), signal.into())
        });
        for _ in 0..ROUNDS {
            signal.state.store(POLLING, Ordering::SeqCst);
            let polled = poll(&mut Context::from_waker(waker));
            let woken = signal.state.compare_exchange(POLLING, IDLE, Ordering::SeqCst, Ordering::SeqCst).is_err();
            if polled.is_ready() || !woken {
                return polled;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(WOKEN, Ordering::SeqCst) == IDLE {
            self.task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicU32);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// What a future does when it is polled.
    type Step = fn(&Waker);

    /// Polls once something that does `steps` one after the other and then is ready; gives the answer, how often it was
    /// polled, how often the task was woken, and the waker that it was given.
    fn polled(steps: &[Step]) -> (Poll<()>, usize, u32, Waker) {
        let counter = Arc::new(Counter::default());
        let task = Waker::from(Arc::clone(&counter));
        let (mut times, mut kept) = (0, Waker::noop().clone());
        let polled = Again::default().poll(&mut Context::from_waker(&task), |cx| {
            kept = cx.waker().clone();
            let step = steps.get(times);
            times += 1;
            step.map_or(Poll::Ready(()), |step| {
                step(cx.waker());
                Poll::Pending
            })
        });
        (polled, times, counter.0.load(Ordering::SeqCst), kept)
    }

    #[test]
    fn what_wakes_itself_is_polled_again_at_once() {
        let (answer, times, woken, _) = polled(&[Waker::wake_by_ref]);
        assert_eq!((answer, times, woken), (Poll::Ready(()), 2, 0));
    }

    #[test]
    fn what_waits_is_left_alone_and_a_later_wake_reaches_the_task() {
        let counter = Arc::new(Counter::default());
        let task = Waker::from(Arc::clone(&counter));
        let (mut again, mut kept) = (Again::default(), Vec::new());
        let mut wait = |again: &mut Again| {
            again.poll(&mut Context::from_waker(&task), |cx| {
                kept.push(cx.waker().clone());
                Poll::<()>::Pending
            })
        };
        assert!(wait(&mut again).is_pending());
        assert!(wait(&mut again).is_pending());
        assert_eq!(counter.0.load(Ordering::SeqCst), 0);
        assert_eq!(kept.len(), 2);
        for waker in kept {
            // The second wake finds the first not yet answered.
            waker.wake();
        }
        assert_eq!(counter.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn what_wakes_itself_for_ever_lets_others_have_their_turn() {
        let (answer, times, woken, kept) = polled(&[Waker::wake_by_ref as Step; 100]);
        assert_eq!((answer, times, woken), (Poll::Pending, ROUNDS as usize, 1));
        drop(kept);
    }
}

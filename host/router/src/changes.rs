//! Changes of the catalog and of resources, for whoever watches.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tidegate_bindings::types::event::Change;
use tokio::sync::Notify;

/// Changes that wait in one watch. Beyond, all resource changes become one `resources`.
const WAITING: usize = 1024;

/// Everybody who watches.
#[derive(Default)]
pub(crate) struct Changes {
    watches: Mutex<Vec<Weak<Shared>>>,
}

/// One who watches.
pub struct Watch {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Vec<Change>>,
    ready: Notify,
}

impl Changes {
    /// Starts to watch.
    pub(crate) fn watch(&self) -> Watch {
        let shared = Arc::new(Shared::default());
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|watch| watch.strong_count() > 0);
        watches.push(Arc::downgrade(&shared));
        Watch { shared }
    }

    /// Tells everybody.
    pub(crate) fn tell(&self, change: &Change) {
        let watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        for shared in watches.iter().filter_map(Weak::upgrade) {
            shared.add(change.clone());
        }
    }
}

impl Watch {
    /// The changes since the last call, each once, in the order in which they came first.
    pub fn next(&self) -> Vec<Change> {
        std::mem::take(&mut *self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until a change waits.
    pub async fn wait(&self) {
        while self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            self.shared.ready.notified().await;
        }
    }
}

impl Shared {
    fn add(&self, change: Change) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.iter().any(|present| same(present, &change)) {
            return;
        }
        if waiting.len() >= WAITING {
            waiting.retain(|present| !matches!(present, Change::Resource(_) | Change::Resources));
            waiting.push(Change::Resources);
        } else {
            waiting.push(change);
        }
        drop(waiting);
        self.ready.notify_one();
    }
}

fn same(a: &Change, b: &Change) -> bool {
    match (a, b) {
        (Change::Resource(a), Change::Resource(b)) => a == b,
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn a_change_is_seen_once_by_everybody_who_watched_before() {
        let changes = Changes::default();
        let early = changes.watch();
        changes.tell(&Change::Tools);
        changes.tell(&Change::Tools);
        changes.tell(&Change::Resource("a:1".to_owned()));
        let late = changes.watch();
        early.wait().await;
        assert_eq!(early.next().len(), 2);
        assert!(early.next().is_empty());
        assert!(late.next().is_empty());
    }

    #[test]
    fn many_resource_changes_become_one() {
        let changes = Changes::default();
        let watch = changes.watch();
        changes.tell(&Change::Prompts);
        for number in 0..5_000 {
            changes.tell(&Change::Resource(format!("a:{number}")));
        }
        let seen = watch.next();
        assert!(seen.len() <= WAITING);
        assert!(matches!(seen.first(), Some(Change::Prompts)));
        assert!(seen.iter().any(|change| matches!(change, Change::Resources)));
    }
}

//! Components that say that their lists changed are asked again: each once at a time, however often it says so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegate_supervisor::Component;

use crate::Router;

/// Which components are being asked, and whether they said so again meanwhile. A component that says so in a loop must
/// not fill the host with questions.
#[derive(Default)]
pub(crate) struct Refreshes(Mutex<HashMap<usize, bool>>);

impl Refreshes {
    /// Whether it is to be asked now. If not, it is being asked, and [`Refreshes::again`] will say so.
    fn begin(&self, component: usize) -> bool {
        let mut asked = self.lock();
        if let Some(again) = asked.get_mut(&component) {
            *again = true;
            return false;
        }
        asked.insert(component, false);
        true
    }

    /// After it was asked: whether it is to be asked once more.
    fn again(&self, component: usize) -> bool {
        let mut asked = self.lock();
        match asked.get_mut(&component) {
            Some(again) if *again => {
                *again = false;
                true
            }
            _ => {
                asked.remove(&component);
                false
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<usize, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Router {
    /// Asks a component again what it offers, in a task of its own, not in the instance that is running the call.
    pub(crate) fn refresh_soon(&self, component: &Arc<Component>) {
        // Its address is its name: the task keeps it alive, so nothing else gets this address meanwhile.
        let name = Arc::as_ptr(component).addr();
        if !self.refreshes().begin(name) {
            return;
        }
        let (router, component) = (self.clone(), Arc::clone(component));
        tokio::spawn(async move {
            loop {
                if let Err(error) = router.refresh(&component).await {
                    tracing::warn!(component = component.name(), %error, "its new lists cannot be served");
                }
                if !router.refreshes().again(name) {
                    return;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::Refreshes;

    #[test]
    fn whoever_says_so_while_it_is_asked_is_asked_once_more() {
        let refreshes = Refreshes::default();
        assert!(refreshes.begin(1) && refreshes.begin(2));
        assert!((0..1_000).all(|_| !refreshes.begin(1)));
        assert!(refreshes.again(1), "once for all that it said");
        assert!(!refreshes.again(1) && !refreshes.again(2));
        assert!(refreshes.begin(1), "from the beginning");
        assert_eq!(refreshes.lock().len(), 1, "nothing is kept of those that are at rest");
    }
}

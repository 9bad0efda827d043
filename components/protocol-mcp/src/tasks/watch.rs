//! Tasks that a subscription tells of (`notifications/tasks`).

use super::{Kind, Task};
use crate::answer;
use crate::gateway::{Gateway, Source};
use crate::json::Writer;

/// Tasks that one subscription tells of; a client with more asks with `tasks/get`.
pub(crate) const MOST: usize = 64;

/// The tasks of a subscription.
pub(crate) struct Watched<G: Gateway>(Vec<(Task<G::Mailbox>, Option<String>)>);

impl<G: Gateway> Watched<G> {
    /// Those of these that there are.
    pub(crate) fn find(gateway: &G, ids: &[String]) -> Self {
        let found = ids.iter().take(MOST).filter_map(|id| Task::find(gateway, Kind::Extension, id));
        Self(found.map(|task| (task, None)).collect())
    }

    /// Their ids.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(task, _)| task.id.as_str())
    }

    /// What to wait for.
    pub(crate) fn sources(&self) -> impl Iterator<Item = Source<'_, G>> {
        self.0.iter().map(|(task, _)| Source::Mailbox(task.mailbox(), task.seen))
    }

    /// Notifications of what changed since the last call, at first of how each stands; `tag` writes their `_meta`. A task
    /// that has ended is not looked at again.
    pub(crate) fn news(&mut self, tag: impl Fn(&mut Writer)) -> Vec<String> {
        let mut news = Vec::new();
        self.0.retain_mut(|(task, last)| {
            // Forgotten, or it ended and that was told.
            let Some(_) = task.wishes() else { return false };
            let mut over = false;
            let text = answer::notification("notifications/tasks", |writer| {
                over = task.write_detailed(writer).is_final();
                tag(writer);
            });
            if last.as_ref() != Some(&text) {
                news.push(text.clone());
                *last = Some(text);
            }
            !over
        });
        news
    }
}

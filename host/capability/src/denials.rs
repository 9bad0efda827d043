use std::sync::Arc;

use tidegate_audit::{Audit, Event};

use crate::{Admission, ComponentInfo, Rate};

/// Writes the host calls of one component that policy refused to the audit log.
///
/// A component in a loop could fill the disk with refusals; beyond the rate they are counted, and the count is logged.
#[derive(Debug)]
pub struct Denials {
    component: Arc<str>,
    audit: Audit,
    rate: Rate,
}

impl Denials {
    /// Refusals a second that are written.
    pub const PER_SECOND: u32 = 10;
    /// Refusals at once that are written.
    pub const BURST: u32 = 100;

    /// The refusals of a component.
    #[must_use]
    pub fn new(component: &ComponentInfo) -> Self {
        Self {
            component: Arc::clone(&component.name),
            audit: component.audit.clone(),
            rate: Rate::new(Self::PER_SECOND, Self::BURST),
        }
    }

    /// Writes one refusal: what was wanted of which interface, and why not with the line that would permit it.
    pub fn write(&self, interface: &str, wanted: &str, reason: &str) {
        let component = &*self.component;
        match self.rate.admit() {
            Admission::Dropped => return,
            Admission::FirstDropped => {
                tracing::warn!(component, "more than {} refusals a second: not all are audited", Self::PER_SECOND);
                return;
            }
            Admission::Admitted { dropped: 0 } => {}
            Admission::Admitted { dropped } => tracing::warn!(component, "{dropped} refusals were not audited"),
        }
        self.audit.emit(Event::Denied {
            component: component.to_owned(),
            interface: interface.to_owned(),
            wanted: wanted.to_owned(),
            reason: reason.to_owned(),
        });
    }
}

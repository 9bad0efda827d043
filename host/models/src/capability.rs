//! The capability of `tidegate:model`: what backends see, and what users of models import.

use std::sync::Arc;

use tidegate_bindings::model_backend::tidegate::model::{control, weights as weights_wit};
use tidegate_bindings::models::tidegate::model::models as models_wit;
use tidegate_capability::{
    Capability, ComponentInfo, Ctx, Denials, Interface, LinkError, Linker, PrepareError, Prepared, Verdict,
};
use tidegate_grant::Grant;

use crate::manager::WeakModels;
use crate::users::{self, User};
use crate::{Models, weights};

/// Links `tidegate:model`. Backends reach the one model that they are given, so what they import is free; which models a
/// component may use, its grant says.
#[derive(Debug, Clone)]
pub struct ModelsCapability {
    /// Weakly: the instance of a loaded model has the router, which has the supervisor and with it this capability.
    models: WeakModels,
}

/// What all instances of a user share.
struct OfComponent(Arc<User>);

impl ModelsCapability {
    /// For the models of a node.
    #[must_use]
    pub fn new(models: &Models) -> Self {
        Self { models: models.downgrade() }
    }
}

impl Capability for ModelsCapability {
    fn name(&self) -> &'static str {
        "models"
    }

    fn check(&self, interface: Interface<'_>, grant: &Grant) -> Option<Verdict> {
        match interface.name {
            "tidegate:model/types" => Some(Verdict::Free("types, no functions")),
            "tidegate:model/weights" => Some(Verdict::Free("reaches only the model that it is given")),
            "tidegate:model/control" => Some(Verdict::Free("says when to stop")),
            "tidegate:model/models" => Some(match grant.models.first() {
                Some(model) => Verdict::Granted(model.origin.clone()),
                None => Verdict::Missing("models = [\"MODEL\"]".to_owned()),
            }),
            _ => None,
        }
    }

    fn link(&self, interface: Interface<'_>, linker: &mut Linker) -> Result<(), LinkError> {
        let linked = match interface.name {
            "tidegate:model/weights" => weights_wit::add_to_linker::<_, weights::Has>(linker, weights::of),
            "tidegate:model/control" => control::add_to_linker::<_, weights::Has>(linker, weights::of),
            "tidegate:model/models" => models_wit::add_to_linker::<_, users::Has>(linker, users::of),
            _ => Ok(()),
        };
        linked.map_err(|source| LinkError::new(interface, source))
    }

    fn prepare(&self, component: &ComponentInfo) -> Result<Arc<dyn Prepared>, PrepareError> {
        Ok(Arc::new(OfComponent(Arc::new(User {
            models: self.models.clone(),
            name: Arc::clone(&component.name),
            grant: Arc::clone(&component.grant),
            denials: Denials::new(component),
        }))))
    }
}

impl Prepared for OfComponent {
    fn attach(&self, ctx: &mut Ctx) {
        // Few components use models: the others' stores stay as small as they were.
        if !self.0.grant.models.is_empty() {
            ctx.slots.insert(Arc::clone(&self.0));
        }
    }
}

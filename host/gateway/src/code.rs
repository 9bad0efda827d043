//! What kind of code a node runs, and who compiles it.

use tidegate_bundle::{CodeLayout, CodeTarget};

/// What kind of code a node runs, and who compiles it. One kind for all components: it is how the engine is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// That of this processor ([`CodeTarget::here`]), or the interpreter's ([`CodeTarget::pulley`]).
    pub target: CodeTarget,
    /// Whether this host compiles components. Then native code beside them is not even read: what was compiled here is
    /// believed more than anybody's signature. If not, or in a build without the compiler, a component runs only with native
    /// code that a signer with the role `native-code` signed.
    pub compile: bool,
    /// How memories lie in the address space; none: the best that fits where this host compiles, and otherwise what native
    /// code is compiled for if nobody says another.
    pub layout: Option<CodeLayout>,
}

impl Default for Code {
    fn default() -> Self {
        Self { target: CodeTarget::here(), compile: true, layout: None }
    }
}

impl Code {
    /// The layout that the engine must have; none: it chooses.
    pub(crate) fn layout(&self, compiles: bool) -> Option<CodeLayout> {
        self.layout.or_else(|| (!compiles).then(|| self.target.layout()))
    }
}

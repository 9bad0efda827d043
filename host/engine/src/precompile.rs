//! Compiling for other nodes.

use std::time::Duration;

use tidegate_bundle::{CodeLayout, CodeTarget};

use crate::compile;
use crate::config::{CompileLimits, Compiler, Pool};
use crate::layout::Layout;
use crate::load::{LoadError, look};
use crate::wire::{Sandbox, Task};

/// Code for another node, and what it cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precompiled {
    /// The code. It runs nowhere without a signature.
    pub code: Vec<u8>,
    /// CPU time of the child.
    pub cpu: Duration,
    /// Time from start to end.
    pub wall: Duration,
    /// What the child had given up; weaker on old kernels.
    pub sandbox: Sandbox,
}

/// Compiles a component for any target in a child, within the limits and the sandbox of every compilation. The code uses the
/// instructions that all processors of the target have, whatever this one has; the same bytes give the same code.
///
/// # Errors
/// See [`LoadError`].
pub async fn precompile(
    compiler: &Compiler,
    limits: &CompileLimits,
    component: &[u8],
    target: CodeTarget,
    layout: CodeLayout,
) -> Result<Precompiled, LoadError> {
    look(component, limits.input)?;
    let task = Task {
        layout: Layout::of_code(layout),
        // Where a call's stack ends is not in the code.
        stack: Pool::default().stack,
        limits: limits.clone(),
        target: Some(target.name().to_owned()),
        probe: false,
    };
    let compiled = compile::compile(compiler, &task, component).await?;
    Ok(Precompiled { code: compiled.code, cpu: compiled.cpu, wall: compiled.wall, sandbox: compiled.sandbox })
}

//! Bounds on what a component can make the host build. A component is untrusted: its types are input.

/// Nesting of types in one parameter or result. Deeper types exhaust the stack of validators and the patience of
/// models; real interfaces stay under 10.
pub const DEPTH: usize = 32;

/// Types and names in one function, counted after every shared type is written out at each use.
pub const NODES: usize = 4_096;

/// Bytes of one input or output schema. Every client keeps it in the context of its model.
pub const SCHEMA_BYTES: usize = 64 * 1_024;

/// Functions of one component that become tools; the same bound as `tidegate:tool/tools.list-tools` has.
pub const FUNCTIONS: usize = 1_024;

/// Exports looked at, types and instances included. An instance can export another twice, which can export a third
/// twice: a few kilobytes are millions of paths.
pub const EXPORTS: usize = 16_384;

/// Nesting of exported instances.
pub const INSTANCES: usize = 8;

/// Bytes of a tool's name.
pub const NAME_BYTES: usize = 64;

/// Characters of a function's docs that reach its description.
pub const DOCS_CHARACTERS: usize = 4_096;

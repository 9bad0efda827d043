//! Native code: a component compiled ahead of time, for a node that has no compiler.
//!
//! It lies beside the component, as `X.TARGET.cwasm` beside `X.wasm`, with a signature file of its own. It replaces
//! compiling and nothing else: what the component is and may do stands in the component, which is verified first.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use tidegate_grant::format_bytes;
use tidegate_reference::Digest;

/// Largest native code, in bytes: as much as a compiler may hand back.
pub const MAX_NATIVE_BYTES: u64 = 256 * 1024 * 1024;
/// Largest linear memory of [`CodeLayout::Compact`], if nobody says another: 64 MiB, the default limit of a component.
pub const COMPACT_MEMORY: u64 = 64 * 1024 * 1024;
/// Bounds on the same: a page, and what 32 bits can address.
const MEMORIES: std::ops::RangeInclusive<u64> = (64 * 1024)..=(4 * 1024 * 1024 * 1024);

/// What code is compiled for. Processors always with the instructions that all of their kind have, and no others: what
/// runs on one of them runs on all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CodeTarget {
    /// x86-64 (SSE2 and nothing later), Linux.
    X86_64,
    /// 64-bit ARM (ARMv8.0), Linux.
    Aarch64,
    /// 64-bit RISC-V (RV64GC), Linux.
    Riscv64,
    /// The runtime's interpreter on 64-bit processors.
    Pulley64,
    /// The runtime's interpreter on 32-bit processors.
    Pulley32,
}

/// A text that names no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no target of native code; there are {targets}", targets = CodeTarget::list())]
pub struct TargetError(String);

/// How compiled code expects a linear memory to lie in the address space. The engine that runs it must have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeLayout {
    /// 4 GiB of address space and a guard of 32 MiB for each memory: the code has no bounds checks.
    Generous,
    /// As much address space as a memory may grow to: the code has bounds checks.
    Compact {
        /// Largest memory, in bytes: whole pages of 64 KiB.
        max_memory: u64,
    },
}

/// A text that names no layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no layout: write `generous`, `compact`, or `compact:SIZE` with the largest memory, 64KiB to 4GiB in steps of \
     64KiB, such as `compact:64MiB`"
)]
pub struct LayoutError(String);

/// A file of native code with its signature file. Nobody has vouched for it yet. Cloning is cheap.
#[derive(Clone)]
pub struct NativeFile {
    target: CodeTarget,
    code: Arc<[u8]>,
    digest: Digest,
    signature: Option<Arc<[u8]>>,
    origin: Arc<str>,
}

impl CodeTarget {
    /// Every target.
    pub const ALL: [Self; 5] = [Self::X86_64, Self::Aarch64, Self::Riscv64, Self::Pulley64, Self::Pulley32];

    /// Its name in file names, statements and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
            Self::Riscv64 => "riscv64gc-unknown-linux-gnu",
            Self::Pulley64 => "pulley64",
            Self::Pulley32 => "pulley32",
        }
    }

    /// What code this program runs best: that of the processor it was built for, or else the interpreter's.
    #[must_use]
    pub const fn here() -> Self {
        if cfg!(all(target_arch = "x86_64", target_os = "linux")) {
            Self::X86_64
        } else if cfg!(all(target_arch = "aarch64", target_os = "linux")) {
            Self::Aarch64
        } else if cfg!(all(target_arch = "riscv64", target_os = "linux")) {
            Self::Riscv64
        } else {
            Self::pulley()
        }
    }

    /// The interpreter of the runtime in this program.
    #[must_use]
    pub const fn pulley() -> Self {
        if cfg!(target_pointer_width = "32") { Self::Pulley32 } else { Self::Pulley64 }
    }

    /// Whether the code is interpreted: it needs no memory that can be executed.
    #[must_use]
    pub const fn is_pulley(self) -> bool {
        matches!(self, Self::Pulley64 | Self::Pulley32)
    }

    /// The layout that code for it is compiled for if nobody says another: the interpreter gains nothing from address space.
    #[must_use]
    pub const fn layout(self) -> CodeLayout {
        if self.is_pulley() { CodeLayout::Compact { max_memory: COMPACT_MEMORY } } else { CodeLayout::Generous }
    }

    /// What the name of its file has in place of the component's `.wasm`.
    #[must_use]
    pub fn suffix(self) -> String {
        format!(".{}.cwasm", self.name())
    }

    fn list() -> String {
        Self::ALL.map(|target| format!("`{target}`")).join(", ")
    }
}

impl NativeFile {
    /// Native code for `target`, with the signature file that came along. `origin`: what to call it in messages. Computes the
    /// digest and looks at nothing.
    #[must_use]
    pub fn new(target: CodeTarget, code: impl Into<Arc<[u8]>>, signature: Option<Vec<u8>>, origin: &str) -> Self {
        let code = code.into();
        Self { target, digest: Digest::of(&code), code, signature: signature.map(Arc::from), origin: origin.into() }
    }

    /// What its file's name says that it is for.
    #[must_use]
    pub fn target(&self) -> CodeTarget {
        self.target
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &Arc<[u8]> {
        &self.code
    }

    /// The digest of [`NativeFile::code`].
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The bytes of its signature file.
    #[must_use]
    pub fn signature(&self) -> Option<&[u8]> {
        self.signature.as_deref()
    }

    /// Where it came from: what to call it in a message. No trust follows from it.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

// === impl CodeTarget ===

impl fmt::Display for CodeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for CodeTarget {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let found = Self::ALL.into_iter().find(|target| target.name() == text);
        found.ok_or_else(|| TargetError(text.escape_debug().to_string()))
    }
}

// === impl CodeLayout ===

impl fmt::Display for CodeLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generous => f.pad("generous"),
            Self::Compact { max_memory } => f.pad(&format!("compact:{}", format_bytes(*max_memory))),
        }
    }
}

impl FromStr for CodeLayout {
    type Err = LayoutError;

    fn from_str(text: &str) -> Result<Self, LayoutError> {
        let max_memory = match text.split_once(':') {
            None if text == "generous" => return Ok(Self::Generous),
            None if text == "compact" => Some(COMPACT_MEMORY),
            Some(("compact", size)) => bytes(size),
            _ => None,
        };
        let max_memory = max_memory.filter(|bytes| MEMORIES.contains(bytes) && bytes.is_multiple_of(*MEMORIES.start()));
        max_memory
            .map(|max_memory| Self::Compact { max_memory })
            .ok_or_else(|| LayoutError(text.escape_debug().to_string()))
    }
}

/// A size as [`format_bytes`] writes it.
fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let unit: u64 = match unit {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

impl fmt::Debug for NativeFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeFile")
            .field("origin", &self.origin)
            .field("target", &self.target)
            .field("digest", &self.digest)
            .field("size", &self.code.len())
            .field("signed", &self.signature.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

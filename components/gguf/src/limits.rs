/// Bytes of everything before the tensors: the largest vocabularies (262,144 tokens) take about 12 MiB. Without it a file
/// of metadata alone would fill the memory.
pub const MAX_HEAD: u64 = 64 * 1024 * 1024;
/// Entries of metadata; models have about 40.
pub const MAX_ENTRIES: u64 = 4096;
/// Bytes of a key, as the format says.
pub const MAX_KEY: u64 = 65_535;
/// Bytes of a text: chat templates have some ten thousand.
pub const MAX_STRING: u64 = 1024 * 1024;
/// Elements of all arrays together: the largest tokenizers have 262,144 tokens with a score and a kind each, and about
/// 500,000 merges.
pub const MAX_ELEMENTS: u64 = 4 * 1024 * 1024;
/// Tensors; the largest models of the architecture have about 1,200.
pub const MAX_TENSORS: u64 = 65_536;
/// Bytes of a tensor's name, as ggml has it.
pub const MAX_NAME: u64 = 64;
/// Dimensions of a tensor, as ggml has it.
pub const MAX_DIMENSIONS: u32 = 4;
/// Alignment of tensors, in bytes; files have 32.
pub const MAX_ALIGNMENT: u32 = 65_536;

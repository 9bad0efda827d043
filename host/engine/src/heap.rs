//! The C library's allocator, which keeps memory for later. That of musl keeps next to nothing: nothing is done there.

/// Buffers from this size on, in bytes, are given back as soon as they are freed: components and their code are larger, what
/// calls carry is mostly smaller.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 256 * 1024;

/// Gives back to the system what the allocator holds and nobody uses. Some milliseconds; worth it after much was needed for a
/// short time, as components are while they are verified.
#[allow(unsafe_code, reason = "a function of the C library")]
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: `malloc_trim` takes its own locks, may be called from any thread at any time, and changes no memory in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// For programs on small boards, before they start threads: large buffers are never kept for later. Otherwise the allocator keeps
/// more of them the larger they were, for each thread. A large message costs some tens of microseconds more.
#[allow(unsafe_code, reason = "a function of the C library")]
pub fn keep_little() {
    #[cfg(target_env = "gnu")]
    // SAFETY: `mallopt` with a parameter that it knows changes how the allocator decides from here on, and nothing else.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}

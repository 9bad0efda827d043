//! What the author of a tool writes against.

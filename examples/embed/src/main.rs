//! An application that embeds the host.
fn main() {}

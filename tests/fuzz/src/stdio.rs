//! Byte streams of both eras.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| protocol_mcp::fuzzing::stdio(data));

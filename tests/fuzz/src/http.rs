//! Requests of both eras over HTTP.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| protocol_mcp::fuzzing::http(data));

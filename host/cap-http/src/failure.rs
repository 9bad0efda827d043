//! Failures as `wasi:http` names them.

use std::error::Error as _;
use std::io;

use wasmtime_wasi_http::Error;

pub(crate) fn connect(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Error::DestinationIpUnroutable,
        _ => Error::DestinationUnavailable,
    }
}

pub(crate) fn exchange(error: hyper::Error) -> Error {
    if error.is_parse_too_large() {
        Error::HttpResponseHeaderSectionSize(None)
    } else if error.is_incomplete_message() {
        Error::HttpResponseIncomplete
    } else if error.is_timeout() {
        Error::HttpResponseTimeout
    } else if error.is_canceled()
        || error.is_closed()
        || error.source().is_some_and(<dyn std::error::Error>::is::<io::Error>)
    {
        Error::ConnectionTerminated
    } else {
        Error::Hyper(error)
    }
}

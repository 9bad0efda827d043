//! A small web server for `tool-fetch`.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use anyhow::Result;

/// A server on a loopback port, for as long as the test runs. Paths: `/page` (HTML), `/data.json`, `/away` (redirects
/// to `/page` of this server); anything else is 404.
#[derive(Debug)]
pub struct Web {
    address: SocketAddr,
}

impl Web {
    /// Starts it.
    ///
    /// # Errors
    /// There is no free port.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that hangs up in the middle is none of the server's business.
                std::thread::spawn(move || drop(answer(stream)));
            }
        });
        Ok(Self { address })
    }

    /// Where it listens, as a policy's `network` writes it.
    #[must_use]
    pub fn destination(&self) -> String {
        self.address.to_string()
    }

    /// The address of a page.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let (status, header, body) = match request.split_whitespace().nth(1) {
        Some("/page") => (
            "200 OK",
            "Content-Type: text/html; charset=utf-8",
            "<!doctype html><title>Tides</title><h1>High water</h1><p>At <b>noon</b> &amp; midnight.</p><script>x()</script>",
        ),
        Some("/data.json") => ("200 OK", "Content-Type: application/json", r#"{"tide":"high"}"#),
        Some("/away") => ("302 Found", "Location: /page", ""),
        _ => ("404 Not Found", "Content-Type: text/plain", "nothing here"),
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\n{header}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")?;
    stream.flush()
}

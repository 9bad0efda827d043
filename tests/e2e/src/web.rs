//! A small web server for `tool-fetch`.

use std::io::{BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use anyhow::Result;

/// A server on a loopback port, for as long as the test runs. Paths: `/page` (HTML), `/data.json`, `/away` (redirects
/// to `/page` of this server), `/echo` (gives back the body and its type); anything else is 404.
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
    let mut reader = BufReader::new(stream.try_clone()?);
    let (request, kind, sent) = request(&mut reader)?;
    let path = request.split_whitespace().nth(1).unwrap_or_default();
    let (status, header, body): (_, &str, &[u8]) = match path {
        "/page" => (
            "200 OK",
            "Content-Type: text/html; charset=utf-8",
            b"<!doctype html><title>Tides</title><h1>High water</h1><p>At <b>noon</b> &amp; midnight.</p><script>x()</script>",
        ),
        "/data.json" => ("200 OK", "Content-Type: application/json", br#"{"tide":"high"}"#),
        "/away" => ("302 Found", "Location: /page", b""),
        "/echo" => ("200 OK", &kind, &sent),
        _ => ("404 Not Found", "Content-Type: text/plain", b"nothing here"),
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\n{header}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    if !request.starts_with("HEAD") {
        stream.write_all(body)?;
    }
    stream.flush()
}

/// The request line, the header line of the body's type, and the body.
fn request(reader: &mut impl BufRead) -> std::io::Result<(String, String, Vec<u8>)> {
    let mut line = || -> std::io::Result<String> {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    };
    let (first, mut kind, mut length) = (line()?, String::from("Content-Type: application/octet-stream"), 0);
    loop {
        let line = line()?;
        match line.split_once(':') {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap_or(0);
            }
            Some((name, _)) if name.eq_ignore_ascii_case("content-type") => kind = line,
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((first, kind, body))
}

//! A registry that does not keep the rules: it answers what a test says.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;

/// What is asked of it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Method and path, as in `GET /v2/`.
    pub line: String,
    /// The header fields, as they came.
    pub head: String,
}

/// What it answers.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Header fields, without `Content-Length`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How many bytes are announced, if not those of the body.
    pub announced: Option<usize>,
}

/// A server on loopback, until the process ends.
#[derive(Debug)]
pub struct Rogue {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Reply {
    /// A good answer.
    #[must_use]
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, body: body.into(), ..Self::default() }
    }

    /// An answer without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// With one more header field.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn write(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let length = self.announced.unwrap_or(self.body.len());
        let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {length}\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(head.as_bytes())?;
        stream.write_all(b"\r\n")?;
        stream.write_all(&self.body)
    }
}

impl Rogue {
    /// Starts it.
    ///
    /// # Errors
    /// There is no loopback.
    pub fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, asked) = (listener.local_addr()?, Arc::new(Mutex::new(Vec::new())));
        let (seen, answer) = (Arc::clone(&asked), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
                    let Some(asked) = read(&stream) else { return };
                    let line = asked.line.clone();
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
                    let _ = answer(&line).write(&stream);
                });
            }
        });
        Ok(Self { address, asked })
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Everything that was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let line = line.rsplit_once(' ')?.0.to_owned();
    let mut head = String::new();
    loop {
        let before = head.len();
        reader.read_line(&mut head).ok()?;
        if head.get(before..).is_none_or(|line| line.trim().is_empty()) {
            return Some(Asked { line, head });
        }
    }
}

//! What stands between a client and a registry: it asks for tokens of a token server, cuts connections, makes pages short.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// What it does with a request.
pub(crate) enum Verdict {
    /// Lets it through, with another first line or another `Authorization` where one is given.
    Pass { line: Option<String>, authorization: Option<String> },
    /// Answers itself: the head after the status line, and the body.
    Answer(String, String),
}

impl Verdict {
    pub(crate) fn pass() -> Self {
        Self::Pass { line: None, authorization: None }
    }
}

/// Asks `judge` about each request's first line and head.
pub(crate) struct Gate {
    pub(crate) host: String,
    /// First line and head of every request.
    pub(crate) seen: Arc<Mutex<Vec<(String, String)>>>,
    /// How many bytes of requests' bodies, and of answers, it still lets through before it hangs up, once each.
    pub(crate) cut_request: Arc<AtomicU64>,
    pub(crate) cut_answer: Arc<AtomicU64>,
}

impl Gate {
    pub(crate) fn before(registry: SocketAddr, judge: impl Fn(&str, &str) -> Verdict + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (seen, judge) = (Arc::default(), Arc::new(judge));
        let (cut_request, cut_answer) = (Arc::new(AtomicU64::new(u64::MAX)), Arc::new(AtomicU64::new(u64::MAX)));
        let gate = Self { host, seen, cut_request, cut_answer };
        let (seen, requests, answers) = (gate.seen.clone(), gate.cut_request.clone(), gate.cut_answer.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, judge) = (Arc::clone(&seen), Arc::clone(&judge));
                let (requests, answers) = (Arc::clone(&requests), Arc::clone(&answers));
                std::thread::spawn(move || {
                    let _ = serve(&stream, registry, &seen, &*judge, (&requests, &answers));
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
        gate
    }

    pub(crate) fn lines(&self, part: &str) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(line, _)| line.clone()).filter(|line| line.contains(part)).collect()
    }
}

/// One request for each connection.
fn serve(
    stream: &TcpStream,
    registry: SocketAddr,
    seen: &Mutex<Vec<(String, String)>>,
    judge: &(dyn Fn(&str, &str) -> Verdict + Send + Sync),
    cuts: (&AtomicU64, &AtomicU64),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut head) = (String::new(), String::new());
    reader.read_line(&mut line)?;
    loop {
        let before = head.len();
        reader.read_line(&mut head)?;
        if head[before..].trim().is_empty() {
            head.truncate(before);
            break;
        }
    }
    let length = header(&head, "content-length").map_or(0, |value| value.parse().unwrap());
    seen.lock().unwrap().push((line.trim().to_owned(), head.clone()));
    let (other_line, authorization) = match judge(line.trim(), &head) {
        Verdict::Pass { line, authorization } => (line, authorization),
        Verdict::Answer(answer, body) => {
            std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
            let fields = format!("Connection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            return (&*stream).write_all(format!("HTTP/1.1 {answer}\r\n{fields}{body}").as_bytes());
        }
    };
    let mut there = TcpStream::connect(registry)?;
    there.write_all(format!("{}\r\nConnection: close\r\n", other_line.as_deref().unwrap_or(line.trim())).as_bytes())?;
    for field in head.lines() {
        let name = field.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if name != "connection" && !(name == "authorization" && authorization.is_some()) {
            there.write_all(format!("{field}\r\n").as_bytes())?;
        }
    }
    if let Some(value) = authorization {
        there.write_all(format!("Authorization: {value}\r\n").as_bytes())?;
    }
    there.write_all(b"\r\n")?;
    if pass(&mut reader.take(length), &there, cuts.0)? {
        return Ok(());
    }
    pass(&mut (&there), stream, cuts.1).map(drop)
}

/// Copies, unless it is cut: then true, once.
fn pass(from: &mut impl Read, mut to: &TcpStream, cut: &AtomicU64) -> std::io::Result<bool> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(false);
        }
        // Answers to several requests pass at the same time, and it hangs up on one of them.
        let mut some = count;
        let _ = cut.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            some = usize::try_from(left).unwrap_or(usize::MAX).min(count);
            match left {
                u64::MAX => None,
                _ if some < count => Some(u64::MAX),
                _ => Some(left - some as u64),
            }
        });
        to.write_all(&buffer[..some])?;
        if some < count {
            return Ok(true);
        }
    }
}

/// A field of a head.
pub(crate) fn header(head: &str, wanted: &str) -> Option<String> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().to_owned())
}

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
//! Real pipes, and a real process for what belongs to the process.

use std::io::{Read, Write, pipe};
use std::process::{Command, Stdio as Pipes};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{BUFFER, Input, OpenError, Output, open};

#[tokio::test(flavor = "current_thread")]
async fn bytes_come_in_order_and_the_end_stays_the_end() {
    let (reader, mut writer) = pipe().unwrap();
    let mut input = Input::new(reader).unwrap();
    let sent: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 251) as u8).collect();
    let expected = sent.clone();
    let writer = std::thread::spawn(move || writer.write_all(&sent).unwrap());
    let mut received = Vec::new();
    input.read_to_end(&mut received).await.unwrap();
    assert!(received == expected);
    assert_eq!(input.read(&mut [0; 8]).await.unwrap(), 0);
    writer.join().unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn a_sender_that_is_not_read_has_to_wait() {
    let (reader, mut writer) = pipe().unwrap();
    let mut input = Input::new(reader).unwrap();
    let (told, hear) = std::sync::mpsc::channel();
    // More than our buffer, the chunk in hand and the pipe's own (64 kB on Linux) hold together.
    let length = 4 * BUFFER;
    let sender = std::thread::spawn(move || {
        writer.write_all(&vec![7; length]).unwrap();
        told.send(()).unwrap();
    });
    let mut first = [0; 1];
    input.read_exact(&mut first).await.unwrap();
    assert!(hear.recv_timeout(Duration::from_millis(300)).is_err(), "everything was taken in");
    let mut rest = Vec::new();
    input.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest.len(), length - 1);
    sender.join().unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn output_waits_for_a_slow_reader_and_loses_nothing() {
    let (mut reader, writer) = pipe().unwrap();
    let mut output = Output::new(writer).unwrap();
    let sent: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 241) as u8).collect();
    let half = sent.clone();
    let stuck = tokio::time::timeout(Duration::from_millis(300), output.write_all(&half)).await;
    assert!(stuck.is_err(), "a megabyte went into a pipe that nobody reads");
    drop(output);
    let mut received = Vec::new();
    reader.read_to_end(&mut received).unwrap();
    assert!(!received.is_empty() && sent.starts_with(&received), "what was taken is written even after a drop");

    let (mut reader, writer) = pipe().unwrap();
    let mut output = Output::new(writer).unwrap();
    let read = std::thread::spawn(move || {
        let mut received = Vec::new();
        reader.read_to_end(&mut received).unwrap();
        received
    });
    output.write_all(&sent).await.unwrap();
    output.shutdown().await.unwrap();
    assert!(read.join().unwrap() == sent);
    assert!(output.write_all(b"x").await.is_err(), "a write after the end");
}

#[tokio::test(flavor = "current_thread")]
async fn flushed_means_taken_by_the_system() {
    let (mut reader, writer) = pipe().unwrap();
    let mut output = Output::new(writer).unwrap();
    output.write_all(b"frame\n").await.unwrap();
    output.flush().await.unwrap();
    let mut buffer = [0; 6];
    reader.read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"frame\n");
}

#[tokio::test(flavor = "current_thread")]
async fn a_reader_that_went_away_is_an_error() {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let mut output = Output::new(writer).unwrap();
    let error = loop {
        // The first write is taken before the thread knows.
        if let Err(error) = output.write_all(b"x").await {
            break error;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    assert!(output.flush().await.is_err());
    assert!(output.shutdown().await.is_err());
}

/// The other half of the next test, which runs it in a process of its own.
#[test]
fn child() {
    if std::env::var_os("TIDEGATE_STDIO_CHILD").is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    runtime.block_on(async {
        let mut stdio = open().unwrap();
        assert!(matches!(open(), Err(OpenError::InUse)));
        println!("noise by a careless library");
        let mut request = [0; 5];
        stdio.input.read_exact(&mut request).await.unwrap();
        stdio.output.write_all(b"<answer to ").await.unwrap();
        stdio.output.write_all(&request).await.unwrap();
        stdio.output.write_all(b">").await.unwrap();
        stdio.output.shutdown().await.unwrap();
        // Waits in vain: its thread is in `read` when the process ends.
        let more = tokio::time::timeout(Duration::from_millis(100), stdio.input.read(&mut request)).await;
        assert!(more.is_err());
    });
}

#[test]
fn the_process_keeps_stdout_clean_and_ends_while_stdin_is_open() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::child", "--nocapture"])
        .env("TIDEGATE_STDIO_CHILD", "1")
        .stdin(Pipes::piped())
        .stdout(Pipes::piped())
        .stderr(Pipes::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"hello").unwrap();
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("the process hangs in standard input");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    drop(stdin);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(status.success(), "{stderr}");
    assert!(stdout.ends_with("<answer to hello>"), "{stdout}");
    assert!(!stdout.contains("noise"), "{stdout}");
    assert!(stderr.contains("noise by a careless library"), "{stderr}");
}

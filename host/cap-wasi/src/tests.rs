#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use tempfile::TempDir;
use tidegate_audit::Audit;
use tidegate_capability::{Ctx, CtxParts, GuestLog};
use tidegate_grant::{Access, DirectoryGrant, Granted, Origin};
use wasmtime::StoreLimits;
use wasmtime::component::Resource;
use wasmtime_wasi::cli::WasiCliView as _;
use wasmtime_wasi::filesystem::WasiFilesystemView as _;
use wasmtime_wasi::p2::bindings::cli::environment::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, ErrorCode, HostDescriptor as _, OpenFlags, PathFlags,
};

use super::*;

fn origin() -> Origin {
    Origin { file: "p.toml".into(), line: 5 }
}

fn directory(host: &Path, access: Access) -> Grant {
    let granted = DirectoryGrant { host: host.to_owned(), guest: "/data".into(), access, origin: origin() };
    Grant { directories: vec![granted], ..Grant::default() }
}

fn prepare(grant: Grant) -> Result<Arc<dyn Prepared>, PrepareError> {
    Wasi::new().prepare(&ComponentInfo { name: "test".into(), grant: Arc::new(grant), audit: Audit::none() })
}

fn context(prepared: &Arc<dyn Prepared>) -> Ctx {
    let limiter = Box::new(StoreLimits::default());
    Ctx::new(CtxParts { component: "test".into(), limiter, prepared: std::slice::from_ref(prepared) }).unwrap()
}

fn root(ctx: &mut Ctx) -> Resource<Descriptor> {
    let mut directories = ctx.filesystem().get_directories().unwrap();
    assert_eq!(directories.len(), 1);
    let (root, name) = directories.remove(0);
    assert_eq!(name, "/data");
    root
}

/// Opens a file below the granted directory and reads it, or writes to it.
async fn open(ctx: &mut Ctx, path: &str, write: bool) -> Result<Vec<u8>, ErrorCode> {
    let root = root(ctx);
    let mut view = ctx.filesystem();
    let (open, flags) = match write {
        true => (OpenFlags::CREATE, DescriptorFlags::READ | DescriptorFlags::WRITE),
        false => (OpenFlags::empty(), DescriptorFlags::READ),
    };
    let arguments = (root, PathFlags::SYMLINK_FOLLOW, path.to_owned(), open, flags);
    let opened = crate::open::open(&mut view, arguments).await;
    let file = opened.map_err(|error| error.downcast().unwrap())?;
    if write {
        let written = view.write(Resource::new_borrow(file.rep()), b"written".to_vec(), 0).await;
        written.map_err(|error| error.downcast().unwrap())?;
    }
    let (bytes, _) = view.read(file, 1000, 0).await.map_err(|error| error.downcast().unwrap())?;
    Ok(bytes)
}

#[tokio::test]
async fn a_granted_directory_is_all_there_is() {
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(home.path().join("secret"), "secret").unwrap();
    std::fs::write(data.join("file"), "hello").unwrap();
    std::os::unix::fs::symlink("../secret", data.join("relative")).unwrap();
    std::os::unix::fs::symlink(home.path().join("secret"), data.join("absolute")).unwrap();
    let mut ctx = context(&prepare(directory(&data, Access::ReadWrite)).unwrap());
    assert_eq!(open(&mut ctx, "file", false).await.unwrap(), b"hello");
    assert_eq!(open(&mut ctx, "new", true).await.unwrap(), b"written");
    for escape in ["../secret", "relative", "absolute", "/etc/passwd"] {
        assert_eq!(open(&mut ctx, escape, false).await.unwrap_err(), ErrorCode::NotPermitted, "{escape}");
    }
}

#[tokio::test]
async fn a_pipe_or_a_link_to_one_is_not_opened_and_holds_no_thread() {
    let data = TempDir::new().unwrap();
    let made = std::process::Command::new("mkfifo").arg(data.path().join("pipe")).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink("pipe", data.path().join("link")).unwrap();
    let mut ctx = context(&prepare(directory(data.path(), Access::ReadWrite)).unwrap());
    // Opening it for real would wait for ever: nobody has its other end.
    for path in ["pipe", "link"] {
        assert_eq!(open(&mut ctx, path, false).await.unwrap_err(), ErrorCode::NotPermitted, "{path}");
        assert_eq!(open(&mut ctx, path, true).await.unwrap_err(), ErrorCode::NotPermitted, "{path}");
    }
}

#[tokio::test]
async fn read_only_is_enforced() {
    let data = TempDir::new().unwrap();
    std::fs::write(data.path().join("file"), "hello").unwrap();
    let mut ctx = context(&prepare(directory(data.path(), Access::ReadOnly)).unwrap());
    assert_eq!(open(&mut ctx, "file", false).await.unwrap(), b"hello");
    assert!(open(&mut ctx, "file", true).await.is_err());
    assert!(open(&mut ctx, "new", true).await.is_err());
    let root = root(&mut ctx);
    let removed = ctx.filesystem().unlink_file_at(Resource::new_borrow(root.rep()), "file".into()).await;
    assert!(removed.is_err());
    let made = ctx.filesystem().create_directory_at(root, "directory".into()).await;
    assert!(made.is_err());
    assert_eq!(std::fs::read(data.path().join("file")).unwrap(), b"hello");
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_swap_of_the_path_after_the_load_leads_nowhere() {
    let home = TempDir::new().unwrap();
    let (data, moved, secret) = (home.path().join("data"), home.path().join("moved"), home.path().join("secret"));
    std::fs::create_dir(&data).unwrap();
    std::fs::create_dir(&secret).unwrap();
    std::fs::write(data.join("file"), "granted").unwrap();
    std::fs::write(secret.join("file"), "secret").unwrap();
    let prepared = prepare(directory(&data, Access::ReadOnly)).unwrap();
    std::fs::rename(&data, &moved).unwrap();
    std::os::unix::fs::symlink(&secret, &data).unwrap();
    // An instance made after the swap too.
    let mut ctx = context(&prepared);
    assert_eq!(open(&mut ctx, "file", false).await.unwrap(), b"granted");
}

#[test]
fn a_directory_that_is_not_there_is_named_with_its_line() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    for (path, expected) in [(home.path().join("gone"), "does not exist"), (file, "is not a directory")] {
        let Err(error) = prepare(directory(&path, Access::ReadOnly)) else { panic!("{expected}: was prepared") };
        let message = error.to_string();
        assert!(message.contains(expected) && message.contains("p.toml:5"), "{message}");
    }
}

#[test]
fn nothing_of_the_host_is_seen_without_a_grant() {
    let mut ctx = context(&prepare(Grant::default()).unwrap());
    assert!(ctx.filesystem().get_directories().unwrap().is_empty());
    assert!(ctx.cli().get_arguments().unwrap().is_empty());
    assert!(ctx.cli().get_environment().unwrap().is_empty());
    let granted = Granted { value: "C.UTF-8".to_owned(), origin: origin() };
    let grant = Grant { environment: [("LANG".to_owned(), granted)].into(), ..Grant::default() };
    let mut ctx = context(&prepare(grant).unwrap());
    assert_eq!(ctx.cli().get_environment().unwrap(), [("LANG".to_owned(), "C.UTF-8".to_owned())]);
}

const INTERFACES: &[&str] = &[
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:random/random",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
    "wasi:filesystem/types",
    "wasi:filesystem/preopens",
];

/// `(component (import NAME (instance)))` in the binary format: preamble, an empty instance type, the import.
fn component_that_imports(name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    bytes.extend([7, 3, 1, 0x42, 0]);
    bytes.extend([10, length + 5, 1, 0, length]);
    bytes.extend(name.as_bytes());
    bytes.extend([5, 0]);
    bytes
}

#[test]
fn every_interface_that_is_offered_is_linked_also_twice() {
    let engine = wasmtime::Engine::default();
    let mut linker = Linker::new(&engine);
    for name in INTERFACES {
        for version in ["0.2.0", "0.2.6"] {
            let import = format!("{name}@{version}");
            let interface = Interface::parse(&import);
            assert!(matches!(Wasi::new().check(interface, &Grant::default()), Some(Verdict::Free(_))), "{name}");
            Wasi::new().link(interface, &mut linker).unwrap();
        }
    }
    // Each is really there, for an older version too.
    for name in INTERFACES {
        let component = component_that_imports(&format!("{name}@0.2.3"));
        let component = wasmtime::component::Component::new(&engine, component).unwrap();
        linker.instantiate_pre(&component).unwrap();
    }
    assert!(Wasi::new().link(Interface::parse("wasi:sockets/tcp@0.2.0"), &mut linker).is_err());
}

#[test]
fn sockets_and_other_generations_are_refused_with_a_way_out() {
    let missing = |import| match Wasi::new().check(Interface::parse(import), &Grant::default()) {
        Some(Verdict::Missing(text)) => text,
        other => panic!("`{import}`: {other:?}"),
    };
    assert!(missing("wasi:sockets/tcp@0.2.0").contains("wasi:http"));
    assert!(missing("wasi:cli/stdout@0.3.0").contains("WASI 0.2"));
    assert_eq!(Wasi::new().check(Interface::parse("wasi:http/types@0.2.0"), &Grant::default()), None);
    let granted = directory(Path::new("/srv"), Access::ReadOnly);
    let verdict = Wasi::new().check(Interface::parse("wasi:filesystem/types@0.2.0"), &granted);
    assert_eq!(verdict, Some(Verdict::Granted(origin())));
}

/// Everything that is logged in this thread.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        let bytes: MutexGuard<'_, Vec<u8>> = self.0.lock().unwrap();
        String::from_utf8(bytes.clone()).unwrap()
    }
}

impl std::io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn logged(write: impl FnOnce()) -> String {
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, write);
    captured.text()
}

#[test]
fn what_a_guest_prints_is_in_the_log_line_by_line() {
    use wasmtime_wasi::cli::StdoutStream as _;
    let text = logged(|| {
        let log = Arc::new(GuestLog::new("printer".into()));
        let lines = lines::Lines::new(log, tracing::Level::INFO, "stdout");
        let (mut one, mut two) = (lines.p2_stream(), lines.p2_stream());
        one.write("first\r\nsec".into()).unwrap();
        two.write("ond\n\x1b[2Jforged\nthe end".into()).unwrap();
    });
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    for (line, expected) in lines.iter().zip(["first", "second", "\\u{1b}[2Jforged", "the end"]) {
        assert!(line.contains("guest") && line.contains("printer") && line.contains(expected), "{line}");
    }
}

#[test]
fn a_flood_is_cut_in_length_and_in_rate() {
    use wasmtime_wasi::cli::StdoutStream as _;
    let text = logged(|| {
        let log = Arc::new(GuestLog::new("printer".into()));
        let mut stream = lines::Lines::new(log, tracing::Level::INFO, "stdout").p2_stream();
        stream.write(vec![b'x'; 100_000].into()).unwrap();
        for _ in 0..2_000 {
            stream.write("\nspam".into()).unwrap();
        }
    });
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].len() < GuestLog::LINE + 200 && lines[0].contains("bytes more]"), "{}", lines[0].len());
    assert!(text.contains("dropping some"));
    assert!(lines.len() < 1_500, "{} lines", lines.len());
}

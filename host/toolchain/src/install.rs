//! Installing what is missing.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::command::{self, Progress, Stdout};
use crate::{FindError, InstallError, Surroundings, TARGET, Toolchain};

/// Debian's packages that together build for the target: compiler, source of its library, cargo, linker, C library.
pub const DEBIAN_PACKAGES: [&str; 6] =
    ["rustc-web", "rust-web-src", "cargo-web", "lld-22", "rust-web-llvm", "wasi-libc"];

/// A download of 20 MB; a machine without a way to rustup's server waits no longer than this.
const RUSTUP_LIMIT: Duration = Duration::from_secs(90);

/// The command that installs Debian's packages, for people.
pub(crate) fn debian_command() -> String {
    format!("sudo apt-get install -y {}", DEBIAN_PACKAGES.join(" "))
}

impl Toolchain {
    /// Finds a toolchain, or installs one: rustup's target, else Debian's packages when this process may (it is root,
    /// or `sudo` asks for no password), and the linker. Waits while another process installs.
    ///
    /// # Errors
    /// [`InstallError`] says what was tried and which command a person runs.
    pub fn find_or_install(progress: &Progress<'_>) -> Result<Self, InstallError> {
        Self::find_or_install_in(&Surroundings::of_process(), progress)
    }

    /// [`Toolchain::find_or_install`] in given surroundings.
    ///
    /// # Errors
    /// As [`Toolchain::find_or_install`].
    pub fn find_or_install_in(around: &Surroundings, progress: &Progress<'_>) -> Result<Self, InstallError> {
        if let Ok(found) = Self::find_in(around) {
            return Ok(found);
        }
        let _lock = lock(around)?;
        let mut reasons = Vec::new();
        let mut mend = None;
        for step in [rustup_target, debian_packages, component_linker] {
            let missing = match Self::find_in(around) {
                Ok(found) => return Ok(found),
                Err(missing) => missing,
            };
            match step(around, &missing, progress) {
                Ok(()) => {}
                Err(Refusal::NotNeeded) => continue,
                Err(Refusal::Failed { reason, command }) => {
                    progress(&reason);
                    reasons.push(reason);
                    mend = Some(command);
                }
            }
        }
        match (Self::find_in(around), mend) {
            (Ok(found), _) => Ok(found),
            (Err(_), Some(mend)) => Err(InstallError::NoWay { reasons, mend }),
            (Err(missing), None) => Err(missing.into()),
        }
    }
}

/// Why a step did not install.
enum Refusal {
    NotNeeded,
    Failed { reason: String, command: String },
}

impl Refusal {
    fn failed(reason: impl Into<String>, command: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), command: command.into() }
    }
}

fn rustup_target(around: &Surroundings, missing: &FindError, progress: &Progress<'_>) -> Result<(), Refusal> {
    let FindError::NoTarget { sysroot, .. } = missing else { return Err(Refusal::NotNeeded) };
    let by_hand = format!("rustup target add {TARGET}");
    let Some(name) = around.rustup_name(sysroot) else { return Err(Refusal::NotNeeded) };
    let Some(rustup) = around.program("rustup") else { return Err(Refusal::NotNeeded) };
    progress(&format!("adding the target {TARGET} with rustup"));
    let mut command = Command::new(&rustup);
    command::scrub(&mut command)
        .args(["target", "add", TARGET, "--toolchain"])
        .arg(name)
        .env("PATH", &around.path)
        .env("RUSTUP_MAX_RETRIES", "1");
    run(&mut command, Some(RUSTUP_LIMIT), progress, &by_hand)
}

fn debian_packages(around: &Surroundings, missing: &FindError, progress: &Progress<'_>) -> Result<(), Refusal> {
    if matches!(missing, FindError::NoComponentLinker) {
        return Err(Refusal::NotNeeded);
    }
    let Some(apt) = around.program("apt-get") else {
        return Err(Refusal::failed(
            "this is not Debian: there is no `apt-get`",
            format!("rustup target add {TARGET}"),
        ));
    };
    let Some(prefix) = privilege(around) else {
        return Err(Refusal::failed(
            "installing packages needs root, and `sudo` asks for a password",
            debian_command(),
        ));
    };
    progress(&format!("installing Debian's packages {}", DEBIAN_PACKAGES.join(", ")));
    let apt_get = |arguments: &[&str]| {
        let mut command = match prefix {
            Privilege::Root => Command::new(&apt),
            Privilege::Sudo => {
                let mut command = Command::new("sudo");
                command.args(["-n", "env", "DEBIAN_FRONTEND=noninteractive"]).arg(&apt);
                command
            }
        };
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        // No limit of time: a package manager that is killed half-way leaves the machine worse than it was.
        run(&mut command, None, progress, &debian_command())
    };
    apt_get(&["update", "-q"])?;
    let mut install = vec!["install", "-q", "-y", "--no-install-recommends"];
    install.extend(DEBIAN_PACKAGES);
    apt_get(&install)
}

fn component_linker(around: &Surroundings, missing: &FindError, progress: &Progress<'_>) -> Result<(), Refusal> {
    if !matches!(missing, FindError::NoComponentLinker) {
        return Err(Refusal::NotNeeded);
    }
    let by_hand = "cargo install --locked wasm-component-ld";
    let Some(cargo) = around.program("cargo") else { return Err(Refusal::failed("there is no `cargo`", by_hand)) };
    progress("installing the linker wasm-component-ld");
    let mut command = Command::new(cargo);
    command::scrub(&mut command).args(["install", "--locked", "wasm-component-ld"]).env("PATH", &around.path);
    run(&mut command, None, progress, by_hand)
}

fn run(command: &mut Command, limit: Option<Duration>, progress: &Progress<'_>, by_hand: &str) -> Result<(), Refusal> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command::run(command, limit, Stdout::Report, progress) {
        Ok(finished) if finished.success => Ok(()),
        Ok(finished) if finished.timed_out => {
            let seconds = limit.unwrap_or_default().as_secs();
            Err(Refusal::failed(format!("`{program}` did not end within {seconds} s"), by_hand))
        }
        Ok(finished) => {
            let last = finished.stderr.lines().last().unwrap_or("no message").to_owned();
            Err(Refusal::failed(format!("`{program}` failed ({last})"), by_hand))
        }
        Err(error) => Err(Refusal::failed(format!("`{program}` does not run ({error})"), by_hand)),
    }
}

#[derive(Clone, Copy)]
enum Privilege {
    Root,
    Sudo,
}

/// How this process may install packages; asks no questions.
fn privilege(around: &Surroundings) -> Option<Privilege> {
    let quiet = |program: &Path, arguments: &[&str]| {
        command::run(Command::new(program).args(arguments), Some(Duration::from_secs(5)), Stdout::Collect, &|_| ()).ok()
    };
    if quiet(&around.program("id")?, &["-u"])?.stdout.trim() == "0" {
        return Some(Privilege::Root);
    }
    quiet(&around.program("sudo")?, &["-n", "true"])?.success.then_some(Privilege::Sudo)
}

/// Held while installing, released when dropped: two installations at once break each other's downloads.
fn lock(around: &Surroundings) -> Result<File, InstallError> {
    let path = around.cargo_home.join(".tidegate-toolchain.lock");
    let locked = std::fs::create_dir_all(&around.cargo_home)
        .and_then(|()| File::options().create(true).truncate(false).write(true).open(&path))
        .and_then(|file| file.lock().map(|()| file));
    locked.map_err(|source| InstallError::Lock { path, source })
}

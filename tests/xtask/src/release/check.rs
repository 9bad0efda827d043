//! Whether what was made can be used: a package that was unpacked and an image that was copied start with the configuration that
//! they bring, and serve an official client.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{NAME, PUBLIC_KEY, Release, VERSION, fresh, image};
use crate::cross::Target;
use crate::deploy;
use crate::programs::program_path;
use crate::step::must;

/// For the start of a host under an emulator, on a busy machine.
const START: Duration = Duration::from_secs(120);
/// Address space of an emulated program. The emulator keeps records of what is reserved: without a bound, some gigabytes of them.
const RESERVED: &str = "128G";

/// A host that ends with this value.
struct Running(Child);

impl Release<'_> {
    /// Checks the documents, every package and every image.
    pub(super) fn check(&self, roots: &[(&Target, PathBuf)]) -> Result<()> {
        let mut verify = Command::new(self.layout.target.join("debug/tidegate-release"));
        must(verify.arg("verify").arg(&self.out).arg(self.out.join(PUBLIC_KEY)))?;
        for (target, _) in roots {
            self.check_package(target)?;
            self.check_image(target)?;
        }
        Ok(())
    }

    fn check_package(&self, target: &Target) -> Result<()> {
        let package = self.out.join(format!("{NAME}_{VERSION}_{}.deb", target.architecture));
        must(Command::new("dpkg-deb").arg("--info").arg(&package))?;
        must(Command::new("dpkg-deb").arg("--contents").arg(&package))?;
        if program_path("lintian").is_some() {
            must(Command::new("lintian").args(["--fail-on", "error"]).arg(&package))?;
        }
        let root = fresh(self.work.join("check").join(target.architecture))?;
        must(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&root))?;
        ensure!(deploy::exposed_at_most(&root, "the package's service")?, "the package's service is too exposed");
        self.serves(target, &root).with_context(|| format!("`{}`", package.display()))
    }

    fn check_image(&self, target: &Target) -> Result<()> {
        let folder = fresh(self.work.join("check-image"))?;
        must(Command::new("tar").arg("-xf").arg(self.out.join(image::file())).arg("-C").arg(&folder))?;
        let from = format!("oci:{}:{VERSION}", folder.display());
        let skopeo = |verb: &str| {
            let mut skopeo = Command::new("skopeo");
            skopeo.args(["--override-os", "linux", "--override-arch", target.architecture, verb]);
            skopeo
        };
        let seen = skopeo("inspect").arg(&from).output().context("skopeo does not start")?;
        ensure!(seen.status.success(), "skopeo: {}", String::from_utf8_lossy(&seen.stderr));
        let seen: Value = serde_json::from_slice(&seen.stdout)?;
        let title = seen.get("Labels").and_then(|labels| labels.get("org.opencontainers.image.title")?.as_str());
        let architecture = seen.get("Architecture").and_then(Value::as_str);
        ensure!(
            (architecture, title) == (Some(target.architecture), Some(NAME)),
            "another image than was made: {seen}"
        );
        let layers = seen.get("Layers").and_then(Value::as_array).map_or(0, Vec::len);
        println!("image for {}: {layers} layers", target.architecture);
        let one = folder.join("one");
        let mut copy = skopeo("copy");
        must(copy.arg("--quiet").arg(&from).arg(format!("oci:{}:one", one.display())))?;
        let unpacked = folder.join("unpacked");
        let mut unpack = Command::new("umoci");
        must(unpack.args(["unpack", "--rootless", "--image"]).arg(format!("{}:one", one.display())).arg(&unpacked))?;
        self.serves(target, &unpacked.join("rootfs")).context("the image's files")
    }

    /// Starts the host in a root folder, as its service or its container would, and has a client use it.
    fn serves(&self, target: &Target, root: &Path) -> Result<()> {
        // What a service manager or a volume would give.
        fs::create_dir_all(root.join("var/lib/tidegate"))?;
        let emulator = program_path(target.emulator).with_context(|| format!("`{}` is missing", target.emulator))?;
        self.copy(&emulator, &root.join("emulator"))?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut host = Command::new("unshare");
        host.args(["--map-root-user", "--root"]).arg(root).args(["/emulator", &format!("/usr/bin/{NAME}"), "run"]);
        host.args(["--config", "/etc/tidegate/tidegate.toml", "--components", "/usr/lib/tidegate/components"]);
        // Another service of this machine may have the usual port.
        host.args(["--listen", &address.to_string()]).env_clear().env("QEMU_RESERVED_VA", RESERVED);
        host.env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
        let mut host = Running(host.spawn().context("`unshare` does not start")?);
        host.wait(address)?;
        must(Command::new(self.layout.target.join("debug/tidegate-smoke")).arg(format!("http://{address}/mcp")))
    }
}

impl Running {
    /// Waits until it answers.
    fn wait(&mut self, address: SocketAddr) -> Result<()> {
        let end = Instant::now() + START;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.0.try_wait()? {
                bail!("the host ended: {status}");
            }
            ensure!(Instant::now() < end, "the host did not answer within {START:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

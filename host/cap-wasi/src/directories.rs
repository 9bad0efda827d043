//! Granted directories, opened once.

use std::path::Path;

use tidegate_capability::PrepareError;
use tidegate_grant::{Access, DirectoryGrant};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::{WasiFilesystemCtx, WasiFilesystemView as _};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

/// Opens every granted directory, once for all instances of a component.
///
/// Instances get copies of these handles, never the path again: what somebody puts in the directory's place after the
/// load (rename, symlink) is not seen by the component, which keeps the directory it was given until it is loaded anew.
pub(crate) fn open(directories: &[DirectoryGrant]) -> Result<WasiFilesystemCtx, PrepareError> {
    let mut builder = WasiCtx::builder();
    for directory in directories {
        let wrong = |what: String| PrepareError { what, origin: directory.origin.clone() };
        check(&directory.host).map_err(wrong)?;
        let perms = match directory.access {
            Access::ReadOnly => FsPerms::ReadOnly,
            Access::ReadWrite => FsPerms::ReadWrite,
        };
        builder.preopened_dir(&directory.host, &directory.guest, perms).map_err(|error| {
            wrong(format!("the directory `{}` cannot be opened: {error:#}", directory.host.display()))
        })?;
    }
    let mut opened = Opened { wasi: builder.build(), table: ResourceTable::new() };
    Ok(opened.filesystem().ctx.clone())
}

fn check(path: &Path) -> Result<(), String> {
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(format!("`{shown}` is not a directory: grant the directory that holds it")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(format!("the directory `{shown}` does not exist: create it, or correct the policy"))
        }
        Err(error) => Err(format!("the directory `{shown}` cannot be read: {error}")),
    }
}

/// The runtime opens directories while it builds a context; this one is only taken apart again.
struct Opened {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Opened {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

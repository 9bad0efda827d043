//! `wasi:filesystem/types`, with one function of our own: opening.

use tidegate_capability::{Ctx, Linker};
use wasmtime::StoreContextMut;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtxView, WasiFilesystemView as _};
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Descriptor, DescriptorFlags, DescriptorType, ErrorCode, Host as _, HostDescriptor as _, OpenFlags, PathFlags,
};

/// The interface by the name that the runtime's bindings give it; any 0.2 finds it.
const NAME: &str = "wasi:filesystem/types@0.2.12";

type Arguments = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);
type Opened = Result<Resource<Descriptor>, ErrorCode>;

/// Adds the interface.
pub(crate) fn link(linker: &mut Linker) -> wasmtime::Result<()> {
    let mut instance = linker.instance(NAME)?;
    types::add_to_linker_instance::<Ctx, WasiFilesystem>(&mut instance, Ctx::filesystem)?;
    instance.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, Ctx>, arguments: Arguments| {
            Box::new(async move {
                let mut view = store.data_mut().filesystem();
                let opened: Opened = match open(&mut view, arguments).await {
                    Ok(descriptor) => Ok(descriptor),
                    Err(error) => Err(view.convert_error_code(error)?),
                };
                Ok((opened,))
            })
        },
    )
}

/// Opens files and directories, and nothing else. To open a pipe waits for its other end: the call would end at its
/// deadline, but a thread of the host would wait on, and there are only so many. A component cannot make a pipe, so one
/// that is no pipe now is none a moment later.
pub(crate) async fn open(
    view: &mut WasiFilesystemCtxView<'_>,
    (directory, follow, path, open, flags): Arguments,
) -> FsResult<Resource<Descriptor>> {
    let looked = view.stat_at(Resource::new_borrow(directory.rep()), follow, path.clone()).await;
    let kind = looked.map(|stat| stat.type_);
    if let Ok(
        DescriptorType::Fifo
        | DescriptorType::Socket
        | DescriptorType::CharacterDevice
        | DescriptorType::BlockDevice
        | DescriptorType::Unknown,
    ) = kind
    {
        return Err(ErrorCode::NotPermitted.into());
    }
    view.open_at(directory, follow, path, open, flags).await
}

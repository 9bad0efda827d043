//! Host bindings generated from `wit/`: no logic.
//!
//! One module per world. All share the types of `tidegate:types` (module [`types`]), so that a value made by a tool
//! goes to a protocol component as it is.
#![allow(missing_docs, unreachable_pub, reason = "generated from wit/, where every item is documented")]
#![allow(clippy::all, clippy::unwrap_used, clippy::too_many_lines, reason = "generated from wit/")]

/// The nouns of every package: `tidegate:types`.
pub use vocabulary::tidegate::types;

mod vocabulary {
    wasmtime::component::bindgen!({
        path: "../../wit/types",
        world: "tidegate:types/vocabulary",
        require_store_data_send: true,
        additional_derives: [PartialEq],
    });
}

/// World `tidegate:tool/tool`: exports `tools`, imports `context`.
pub mod tool {
    wasmtime::component::bindgen!({
        path: ["../../wit/deps/io.wit", "../../wit/types", "../../wit/tool"],
        world: "tidegate:tool/tool",
        imports: { default: trappable },
        exports: { default: async },
        require_store_data_send: true,
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "tidegate:types": crate::types,
        },
    });
}

/// World `tidegate:tool/resource-provider`: exports `resources`.
pub mod resources {
    wasmtime::component::bindgen!({
        path: ["../../wit/deps/io.wit", "../../wit/types", "../../wit/tool"],
        world: "tidegate:tool/resource-provider",
        imports: { default: trappable },
        exports: { default: async },
        require_store_data_send: true,
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "tidegate:types": crate::types,
            "tidegate:tool/context": crate::tool::tidegate::tool::context,
        },
    });
}

/// World `tidegate:tool/prompt-provider`: exports `prompts`.
pub mod prompts {
    wasmtime::component::bindgen!({
        path: ["../../wit/deps/io.wit", "../../wit/types", "../../wit/tool"],
        world: "tidegate:tool/prompt-provider",
        imports: { default: trappable },
        exports: { default: async },
        require_store_data_send: true,
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "tidegate:types": crate::types,
            "tidegate:tool/context": crate::tool::tidegate::tool::context,
        },
    });
}

/// World `tidegate:tool/completer`: exports `completion`.
pub mod completion {
    wasmtime::component::bindgen!({
        path: ["../../wit/deps/io.wit", "../../wit/types", "../../wit/tool"],
        world: "tidegate:tool/completer",
        imports: { default: trappable },
        exports: { default: async },
        require_store_data_send: true,
        with: {
            "tidegate:types": crate::types,
        },
    });
}

/// World `tidegate:gateway/imports`: what the router offers to protocol components.
pub mod gateway {
    wasmtime::component::bindgen!({
        path: ["../../wit/deps/io.wit", "../../wit/types", "../../wit/gateway"],
        world: "tidegate:gateway/imports",
        imports: {
            "tidegate:gateway/calls.[method]call.finish": async | trappable,
            "tidegate:gateway/calls.[method]call.attend": async | trappable,
            "tidegate:gateway/mailboxes.[static]mailbox.create": async | trappable,
            "tidegate:gateway/mailboxes.[static]mailbox.open": async | trappable,
            "tidegate:gateway/mailboxes.[static]mailbox.list": async | trappable,
            "tidegate:gateway/mailboxes.[method]mailbox.post": async | trappable,
            "tidegate:gateway/mailboxes.[method]mailbox.close": async | trappable,
            default: trappable,
        },
        require_store_data_send: true,
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "tidegate:types": crate::types,
        },
    });
}

/// World `tidegate:protocol/stream-protocol`: exports `byte-stream`.
pub mod stream {
    wasmtime::component::bindgen!({
        path: [
            "../../wit/deps/io.wit",
            "../../wit/deps/clocks.wit",
            "../../wit/deps/random.wit",
            "../../wit/deps/filesystem.wit",
            "../../wit/deps/sockets.wit",
            "../../wit/deps/cli.wit",
            "../../wit/deps/http.wit",
            "../../wit/types",
            "../../wit/host",
            "../../wit/gateway",
            "../../wit/protocol",
        ],
        world: "tidegate:protocol/stream-protocol",
        imports: { default: trappable },
        exports: { default: async },
        require_store_data_send: true,
        with: { "wasi:io": wasmtime_wasi::p2::bindings::io },
    });
}

/// World `tidegate:host/imports`: log, kv, config, secrets, system.
pub mod host {
    wasmtime::component::bindgen!({
        path: ["../../wit/types", "../../wit/host"],
        world: "tidegate:host/imports",
        imports: {
            "tidegate:host/kv.[static]store.open": trappable,
            "tidegate:host/kv": async | trappable,
            default: trappable,
        },
        require_store_data_send: true,
        with: { "tidegate:types": crate::types },
    });
}

/// World `tidegate:model/model-backend`: exports `backend`, imports `weights` and `control`.
pub mod model_backend {
    wasmtime::component::bindgen!({
        path: ["../../wit/deps/io.wit", "../../wit/types", "../../wit/model"],
        world: "tidegate:model/model-backend",
        imports: {
            "tidegate:model/weights.[method]source.read": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        require_store_data_send: true,
        with: { "tidegate:types": crate::types },
    });
}

/// World `tidegate:model/imports`: what components that use models see.
pub mod models {
    wasmtime::component::bindgen!({
        path: ["../../wit/deps/io.wit", "../../wit/types", "../../wit/model"],
        world: "tidegate:model/imports",
        imports: {
            "tidegate:model/models.[constructor]generation": trappable,
            "tidegate:model/models.[method]generation.subscribe": trappable,
            "tidegate:model/models.[method]generation.next": trappable,
            "tidegate:model/models.[method]generation.finish": async | trappable,
            "tidegate:model/models.[method]generation.cancel": trappable,
            "tidegate:model/models": async | trappable,
            default: trappable,
        },
        require_store_data_send: true,
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "tidegate:types": crate::types,
            "tidegate:model/types": crate::model_backend::tidegate::model::types,
        },
    });
}

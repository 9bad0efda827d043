//! Guest bindings generated from `wit/`: no logic.
//!
//! Every import is described once, in [`imports`]; the worlds of exports refer to it. A component imports only what its
//! code reaches: the linker drops functions nobody calls, and the component encoder drops the interfaces none of whose
//! functions is left. So there is no feature to switch on for an interface of the host.
#![allow(
    clippy::all,
    clippy::unwrap_used,
    missing_docs,
    reason = "generated from wit/, where every item is documented"
)]

/// The nouns of every package: `tidegate:types`.
pub use vocabulary::tidegate::types;

mod vocabulary {
    wit_bindgen::generate!({
        path: "wit/types",
        world: "tidegate:types/vocabulary",
        runtime_path: "::tidegate_sdk::__rt",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq],
    });
}

/// Everything a component may import.
pub mod imports {
    wit_bindgen::generate!({
        path: [
            "wit/deps/io.wit",
            "wit/deps/clocks.wit",
            "wit/deps/random.wit",
            "wit/deps/filesystem.wit",
            "wit/deps/sockets.wit",
            "wit/deps/cli.wit",
            "wit/deps/http.wit",
            "wit/types",
            "wit/tool",
            "wit/host",
        ],
        inline: "
            package tidegate:sdk@0.1.0;
            world imports {
                include tidegate:tool/imports@0.1.0;
                include tidegate:host/imports@0.1.0;
                import wasi:http/outgoing-handler@0.2.12;
                import wasi:filesystem/preopens@0.2.12;
            }
        ",
        world: "tidegate:sdk/imports",
        runtime_path: "::tidegate_sdk::__rt",
        generate_all,
        with: {
            "tidegate:types/content@0.1.0": crate::bindings::types::content,
            "tidegate:types/event@0.1.0": crate::bindings::types::event,
        },
    });
}

/// World `tidegate:tool/tool`: exports `tools`.
pub mod tool {
    wit_bindgen::generate!({
        path: ["wit/deps/io.wit", "wit/types", "wit/tool"],
        world: "tidegate:tool/tool",
        runtime_path: "::tidegate_sdk::__rt",
        pub_export_macro: true,
        export_macro_name: "export_tools",
        default_bindings_module: "::tidegate_sdk::bindings::tool",
        with: {
            "wasi:io/poll@0.2.12": crate::bindings::imports::wasi::io::poll,
            "tidegate:types/content@0.1.0": crate::bindings::types::content,
            "tidegate:types/event@0.1.0": crate::bindings::types::event,
            "tidegate:types/input@0.1.0": crate::bindings::types::input,
            "tidegate:types/tools@0.1.0": crate::bindings::types::tools,
            "tidegate:tool/context@0.1.0": crate::bindings::imports::tidegate::tool::context,
        },
    });
}

/// World `tidegate:tool/resource-provider`: exports `resources`.
pub mod resources {
    wit_bindgen::generate!({
        path: ["wit/deps/io.wit", "wit/types", "wit/tool"],
        world: "tidegate:tool/resource-provider",
        runtime_path: "::tidegate_sdk::__rt",
        pub_export_macro: true,
        export_macro_name: "export_resources",
        default_bindings_module: "::tidegate_sdk::bindings::resources",
        with: {
            "wasi:io/poll@0.2.12": crate::bindings::imports::wasi::io::poll,
            "tidegate:types/content@0.1.0": crate::bindings::types::content,
            "tidegate:types/event@0.1.0": crate::bindings::types::event,
            "tidegate:types/input@0.1.0": crate::bindings::types::input,
            "tidegate:types/resources@0.1.0": crate::bindings::types::resources,
            "tidegate:tool/context@0.1.0": crate::bindings::imports::tidegate::tool::context,
        },
    });
}

/// World `tidegate:tool/prompt-provider`: exports `prompts`.
pub mod prompts {
    wit_bindgen::generate!({
        path: ["wit/deps/io.wit", "wit/types", "wit/tool"],
        world: "tidegate:tool/prompt-provider",
        runtime_path: "::tidegate_sdk::__rt",
        pub_export_macro: true,
        export_macro_name: "export_prompts",
        default_bindings_module: "::tidegate_sdk::bindings::prompts",
        with: {
            "wasi:io/poll@0.2.12": crate::bindings::imports::wasi::io::poll,
            "tidegate:types/content@0.1.0": crate::bindings::types::content,
            "tidegate:types/event@0.1.0": crate::bindings::types::event,
            "tidegate:types/input@0.1.0": crate::bindings::types::input,
            "tidegate:types/prompts@0.1.0": crate::bindings::types::prompts,
            "tidegate:tool/context@0.1.0": crate::bindings::imports::tidegate::tool::context,
        },
    });
}

/// World `tidegate:tool/completer`: exports `completion`.
pub mod completion {
    wit_bindgen::generate!({
        path: ["wit/deps/io.wit", "wit/types", "wit/tool"],
        world: "tidegate:tool/completer",
        runtime_path: "::tidegate_sdk::__rt",
        pub_export_macro: true,
        export_macro_name: "export_completion",
        default_bindings_module: "::tidegate_sdk::bindings::completion",
        with: {
            "tidegate:types/content@0.1.0": crate::bindings::types::content,
            "tidegate:types/completion@0.1.0": crate::bindings::types::completion,
        },
    });
}

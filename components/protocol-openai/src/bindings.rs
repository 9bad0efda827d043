//! Guest bindings generated from `wit/`: no logic.
#![allow(missing_docs, unsafe_code, unreachable_pub, reason = "generated from wit/, where every item is documented")]
#![allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "generated from wit/")]
#![allow(clippy::indexing_slicing, reason = "generated from wit/")]

wit_bindgen::generate!({
    path: [
        "../../wit/deps/io.wit",
        "../../wit/deps/clocks.wit",
        "../../wit/deps/random.wit",
        "../../wit/deps/filesystem.wit",
        "../../wit/deps/sockets.wit",
        "../../wit/deps/cli.wit",
        "../../wit/deps/http.wit",
        "../../wit/types",
        "../../wit/gateway",
        "../../wit/model",
        "wit",
    ],
    world: "tidegate:protocol-openai/component",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "crate::bindings",
});

//! What this component imports and exports.
#![allow(clippy::all, missing_docs, reason = "generated")]

wit_bindgen::generate!({
    inline: "
        package tidegate:tool-models;

        world component {
            include tidegate:tool/tool@0.1.0;
            include tidegate:model/imports@0.1.0;
        }
    ",
    path: ["../../wit/deps/io.wit", "../../wit/types", "../../wit/tool", "../../wit/model"],
    world: "tidegate:tool-models/component",
    generate_all,
    additional_derives: [PartialEq],
});

//! Macros that make a crate a component: each adds one export of `tidegate:tool`.

/// Makes the crate a component with these tools.
///
/// Each line is `"name" => function { key: value, ... }`; the braces may be left out. The keys are the methods of
/// [`crate::Tool`] after its name: `title`, `description`, `read_only`, `destructive`, `idempotent`, `open_world`, `icon`,
/// `task`, `meta`. Use it once, at the root of the crate. It also defines `fn toolbox() -> Toolbox`, for tests.
///
/// `tools!(from function)` takes the tools from a `fn() -> Toolbox` of yours instead, whose list may change: say so with
/// [`crate::Call::changed`].
#[macro_export]
macro_rules! tools {
    ($($name:literal => $function:path $({ $($key:ident : $value:expr),* $(,)? })?),+ $(,)?) => {
        /// The tools of this component.
        pub(crate) fn toolbox() -> $crate::Toolbox {
            $crate::Toolbox::new()
                $(.with($crate::Tool::new($name, $function)$($(.$key($value))*)?))+
        }

        $crate::tools!(from toolbox);
    };
    (from $toolbox:path) => {
        // The exports carry names that only a component's linker understands.
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Exports;

            impl $crate::bindings::tool::exports::tidegate::tool::tools::Guest for Exports {
                fn list_tools() -> Result<
                    Vec<$crate::bindings::types::tools::Tool>,
                    $crate::bindings::types::tools::Error,
                > {
                    Ok($toolbox().definitions())
                }

                fn call_tool(
                    request: $crate::bindings::types::tools::Request,
                    context: &$crate::bindings::imports::tidegate::tool::context::Context,
                ) -> Result<
                    $crate::bindings::types::tools::Outcome,
                    $crate::bindings::types::tools::Error,
                > {
                    $toolbox().call(request, context)
                }
            }

            $crate::bindings::tool::export_tools!(Exports);
        };

        // A native build has no exports, so nothing else would use it there.
        #[cfg(not(target_family = "wasm"))]
        const _: fn() -> $crate::Toolbox = $toolbox;
    };
}

/// Makes the crate a component with resources; `function` gives them: `fn() -> Resources`.
///
/// It is called for every list and every read, so lists may change: say so with [`crate::Call::changed`].
#[macro_export]
macro_rules! resources {
    ($function:path) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::bindings::imports::tidegate::tool::context::Context;
            use $crate::bindings::types::content::ResourceEntry;
            use $crate::bindings::types::resources::{Error, Outcome, Request, Template};
            struct Exports;

            impl $crate::bindings::resources::exports::tidegate::tool::resources::Guest for Exports {
                fn list_resources() -> Result<Vec<ResourceEntry>, Error> {
                    Ok($function().entries())
                }

                fn list_templates() -> Result<Vec<Template>, Error> {
                    Ok($function().templates())
                }

                fn read_resource(request: Request, context: &Context) -> Result<Outcome, Error> {
                    $function().read(request, context)
                }
            }

            $crate::bindings::resources::export_resources!(Exports);
        };

        #[cfg(not(target_family = "wasm"))]
        const _: fn() -> $crate::Resources = $function;
    };
}

/// Makes the crate a component with prompts; `function` gives them: `fn() -> Prompts`.
///
/// It is called for every list and every use, so lists may change: say so with [`crate::Call::changed`].
#[macro_export]
macro_rules! prompts {
    ($function:path) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::bindings::imports::tidegate::tool::context::Context;
            use $crate::bindings::types::prompts::{Error, Outcome, Prompt, Request};
            struct Exports;

            impl $crate::bindings::prompts::exports::tidegate::tool::prompts::Guest for Exports {
                fn list_prompts() -> Result<Vec<Prompt>, Error> {
                    Ok($function().definitions())
                }

                fn get_prompt(request: Request, context: &Context) -> Result<Outcome, Error> {
                    $function().get(request, context)
                }
            }

            $crate::bindings::prompts::export_prompts!(Exports);
        };

        #[cfg(not(target_family = "wasm"))]
        const _: fn() -> $crate::Prompts = $function;
    };
}

/// Lets clients ask for suggestions, from what [`crate::Resource::suggest`] and [`crate::Prompt::suggest`] say:
/// `completion!(resources, prompts)`, with `Resources::new` or `Prompts::new` for what there is none of.
#[macro_export]
macro_rules! completion {
    ($resources:path, $prompts:path) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::bindings::types::completion::{Error, Request, Suggestions};
            struct Exports;

            impl $crate::bindings::completion::exports::tidegate::tool::completion::Guest for Exports {
                fn complete(request: Request) -> Result<Suggestions, Error> {
                    $crate::complete(&request, &$resources(), &$prompts())
                }
            }

            $crate::bindings::completion::export_completion!(Exports);
        };
    };
}

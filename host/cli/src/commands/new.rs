//! `tidegate new`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use tidegate::reference::ComponentName;

use crate::failure::{Blame as _, Exit, Result, fail};
use crate::output;

/// The SDK and the template: paths below `components/sdk` and texts.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));
/// The name that the template has.
const TEMPLATE_NAME: &str = "my-tool";

/// `tidegate new`.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The component's name: small letters, digits and hyphens.
    name: ComponentName,
    /// The folder to make [default: the name, here].
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
}

impl New {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let folder = self.path.unwrap_or_else(|| self.name.as_str().into());
        // Only a folder of our own making: nothing of a person's is overwritten.
        if folder.exists() && folder.read_dir().map_or(true, |mut entries| entries.next().is_some()) {
            return Err(fail!(
                Usage,
                "`{}` exists and is not empty: choose another folder with `--path`",
                folder.display()
            ));
        }
        let mut written = Vec::new();
        for (path, text) in FILES {
            let (path, text) = match path.strip_prefix("template/") {
                Some(path) => (PathBuf::from(path), rename(text, self.name.as_str())),
                None => (Path::new("sdk").join(path), (*text).to_owned()),
            };
            write(&folder.join(&path), &text)?;
            written.push(path);
        }
        if json {
            output::json(&json!({ "name": self.name.as_str(), "folder": folder, "files": written }))?;
            return Ok(Exit::Done);
        }
        let shown = folder.display();
        output::line(format_args!("made {shown}: a tool in Rust that builds as it is. Next:"));
        output::line(format_args!("  cd {shown}"));
        output::line("  cargo test            # the tool's own tests, on this machine");
        output::line("  tidegate build        # the component, in target/components");
        output::line(format_args!(
            "  tidegate call --development --components target/components/{}.wasm count_words text='to be or not'",
            self.name
        ));
        Ok(Exit::Done)
    }
}

/// The template's text for another name, in both its spellings.
fn rename(text: &str, name: &str) -> String {
    text.replace(TEMPLATE_NAME, name).replace(&TEMPLATE_NAME.replace('-', "_"), &name.replace('-', "_"))
}

fn write(path: &Path, text: &str) -> Result<()> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written = made.and_then(|()| fs::write(path, text));
    written.with_context(|| format!("cannot write `{}`", path.display())).blame(Exit::Usage)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn everything_that_a_project_needs_is_embedded() {
        for path in ["Cargo.toml", "src/lib.rs", "wit/tool/tools.wit", "template/Cargo.toml", "template/tidegate.toml"]
        {
            assert!(FILES.iter().any(|(name, text)| *name == path && !text.is_empty()), "{path}");
        }
        assert!(!FILES.iter().any(|(name, _)| name.contains("target/")));
    }

    #[test]
    fn the_name_is_put_in_everywhere() {
        let renamed = rename("my-tool.wasm of my_tool", "sea-level");
        assert_eq!(renamed, "sea-level.wasm of sea_level");
        let manifest = FILES.iter().find(|(name, _)| *name == "template/tidegate.toml").unwrap().1;
        assert!(rename(manifest, "sea-level").contains("name = \"sea-level\""));
    }
}

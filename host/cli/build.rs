//! Lists the files of the SDK and of the template of a new tool, so that `tidegate new` needs neither network nor
//! checkout.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../components/sdk");
    let mut list = String::from("&[\n");
    for part in ["Cargo.toml", "src", "wit", "template"] {
        let mut files = Vec::new();
        collect(&root.join(part), &mut files)?;
        files.sort();
        println!("cargo::rerun-if-changed={}", root.join(part).display());
        for file in files {
            let name = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
            let path = file.canonicalize()?;
            let _ = writeln!(list, "    ({name:?}, include_str!({:?})),", path.display().to_string());
        }
    }
    list.push(']');
    fs::write(Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("sdk.rs"), list)
}

/// Every file of a path, apart from what builds leave behind.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if !["target", "Cargo.lock"].iter().any(|left| entry.file_name() == *left) {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}

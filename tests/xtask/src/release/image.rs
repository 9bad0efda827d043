//! The container image: from scratch, one layer, an image for each architecture and an index of them. Made by umoci, which needs
//! neither a daemon nor root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};
use tidegate_reference::Digest;

use super::{NAME, Release, VERSION};
use crate::cross::Target;
use crate::step::must;

/// Who the host is in a container: nobody of the machine's users. The cluster's manifests say the same.
const USER: &str = "65532:65532";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

impl Release<'_> {
    /// Makes the image of these targets and their roots, as an archive of an OCI layout.
    pub(super) fn image(&self, roots: &[(&Target, PathBuf)]) -> Result<()> {
        let layout = self.work.join("image");
        umoci(&["init"], &["--layout", &shown(&layout)])?;
        let created = self.date("+%Y-%m-%dT%H:%M:%SZ")?;
        for (target, root) in roots {
            let image = format!("{}:{}", layout.display(), target.architecture);
            umoci(&["new"], &["--image", &image])?;
            umoci(&["insert", "--rootless"], &["--image", &image, "--history.created", &created, &shown(root), "/"])?;
            let mut config = vec!["--image", &image, "--created", &created, "--history.created", &created];
            config.extend(["--os", "linux", "--architecture", target.architecture, "--config.user", USER]);
            let entry = format!("/usr/bin/{NAME}");
            config.extend(["--config.entrypoint", &entry]);
            let run =
                ["run", "--config", "/etc/tidegate/tidegate.toml", "--components", "/usr/lib/tidegate/components"];
            config.extend(run.iter().flat_map(|word| ["--config.cmd", word]));
            let labels = labels(self.sources.commit.as_deref());
            config.extend(labels.iter().flat_map(|label| ["--config.label", label]));
            umoci(&["config"], &config)?;
        }
        umoci(&["gc"], &["--layout", &shown(&layout)])?;
        index(&layout)?;
        self.archive(&layout, &self.out.join(file()))
    }
}

/// The archive's name. Not that of a binary: `NAME-VERSION-...` are those.
pub(super) fn file() -> String {
    format!("{NAME}_{VERSION}.oci.tar")
}

/// Annotations as the OCI image specification names them.
fn labels(commit: Option<&str>) -> Vec<String> {
    let mut labels = vec![
        format!("org.opencontainers.image.title={NAME}"),
        format!("org.opencontainers.image.version={VERSION}"),
        "org.opencontainers.image.licenses=Apache-2.0".to_owned(),
        "org.opencontainers.image.description=Serves signed WebAssembly components to AI clients; no compiler"
            .to_owned(),
    ];
    labels.extend(commit.map(|commit| format!("org.opencontainers.image.revision={commit}")));
    labels
}

/// Makes one index of the images in a layout, and leaves it as the one thing that the layout names.
fn index(layout: &Path) -> Result<()> {
    let path = layout.join("index.json");
    let named: Value = serde_json::from_slice(&fs::read(&path)?)?;
    let mut images: Vec<&Value> = named.get("manifests").and_then(Value::as_array).into_iter().flatten().collect();
    images.sort_by_key(|image| architecture(image));
    let manifests: Vec<Value> = images
        .into_iter()
        .map(|image| {
            json!({
                "mediaType": image.get("mediaType"),
                "digest": image.get("digest"),
                "size": image.get("size"),
                "platform": { "architecture": architecture(image), "os": "linux" },
            })
        })
        .collect();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }).to_string();
    let digest = Digest::of(index.as_bytes()).to_hex();
    fs::write(layout.join("blobs/sha256").join(&digest), &index)?;
    let only = json!({
        "mediaType": INDEX,
        "digest": format!("sha256:{digest}"),
        "size": index.len(),
        "annotations": { "org.opencontainers.image.ref.name": VERSION },
    });
    Ok(fs::write(&path, json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [only] }).to_string())?)
}

/// What an image was named while it was made: its architecture.
fn architecture(image: &Value) -> Option<&str> {
    image.get("annotations")?.get("org.opencontainers.image.ref.name")?.as_str()
}

fn umoci(verb: &[&str], arguments: &[&str]) -> Result<()> {
    must(Command::new("umoci").args(verb).args(arguments))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

//! `tidegate publish`.

mod provenance;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use serde_json::{Value, json};
use tidegate::attestation::{PrivateKey, SbomFormat, provenance_statement, sbom_statement, sign_statement, statement};
use tidegate::bundle::{
    Bundle, COMPONENT_PREDICATE, CYCLONEDX_PREDICATE, NATIVE_PREDICATE, PROVENANCE_PREDICATE, SIGSTORE_MEDIA_TYPE,
    Subject, strip,
};
use tidegate::reference::{ComponentName, Reference, Version};
use tidegate_catalog::{Config, Descriptor, IMAGE_MANIFEST, WASM_CONFIG, WASM_LAYER, manifest, native_type};
use tidegate_reference::{OciReference, OciReferenceError, Target};
use tidegate_source_oci::{Attachment, PushError, Source};

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::commands::build::Build;
use crate::commands::key::signing_key;
use crate::commands::native::{Made, NativeArgs};
use crate::failure::{Blame as _, Exit, Failure, Result, fail};
use crate::output;
use crate::remote::{RemoteArgs, transport_exit};
use crate::settings::Settings;

/// A fixed time: the same component has the same manifest wherever and whenever it is published, and publishing a release
/// again is no other release.
const CREATED: &str = "1970-01-01T00:00:00Z";
/// Annotations, OCI image specification, `annotations.md`.
const TITLE: &str = "org.opencontainers.image.title";
const VERSION: &str = "org.opencontainers.image.version";
const DESCRIPTION: &str = "org.opencontainers.image.description";
/// How tools tell attached bundles apart without fetching them.
const PREDICATE: &str = "dev.sigstore.bundle.predicateType";
const CONTENT: &str = "dev.sigstore.bundle.content";

/// `tidegate publish`.
#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// A component's folder, which is built, or a component file.
    #[arg(value_name = "DIR|X.wasm")]
    path: PathBuf,
    /// Where to, `oci://HOST/NAME[:VERSION]`; the version is the component's.
    #[arg(value_name = "oci://HOST/NAME")]
    to: String,
    /// The private key [default: default.key in the key directory].
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The component's name, if it has no manifest that says it.
    #[arg(long)]
    name: Option<ComponentName>,
    /// The component's version, if it has no manifest that says it.
    #[arg(long)]
    version: Option<Version>,
    /// Publish the file as it is, debugging information and all. Without, what is for debuggers, linkers and statistics is removed.
    #[arg(long)]
    keep_sections: bool,
    #[command(flatten)]
    native: NativeArgs,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    host: HostArgs,
}

/// What is sent.
struct Parcel {
    blobs: Vec<(Descriptor, Source)>,
    manifest: Bytes,
    attachments: Vec<Attachment>,
}

impl Publish {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let settings = Settings::load(&self.host, true)?;
        let key = signing_key(self.key.as_deref(), &self.host)?;
        let file = self.component_file()?;
        let bytes = std::fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()));
        let mut bytes = bytes.blame(Exit::NotFound)?;
        if !self.keep_sections {
            bytes = strip(&bytes).blame(Exit::Usage)?;
        }
        let bundle = Bundle::new(bytes, Vec::new()).blame(Exit::Usage)?.with_origin(&file.display().to_string());
        let reference = self.reference(&bundle)?;
        let to = self.target(&reference)?;
        let lock = self.path.is_dir().then(|| find_lock(&self.path)).flatten();
        let mut parcel = parcel(&bundle, &reference, lock.as_deref(), self.path.is_dir().then_some(&self.path), &key)?;
        let sign = |statement| sign_statement(statement, &key).blame(Exit::Usage);
        for made in self.native.make(&settings, &bundle, &reference, sign)? {
            parcel.attachments.extend(native_code(&made));
        }
        let client = self.remote.client(&settings.config, &to.registry)?;
        let published = block_on(async {
            client.publish(&to, &parcel.blobs, &parcel.manifest, &parcel.attachments).await.map_err(push_failure)
        })?;
        let pinned = to.with_target(Target::Digest(published.digest));
        if json {
            output::json(&json!({
                "reference": reference.to_string(),
                "published": to.to_string(),
                "digest": published.digest,
                "component": bundle.digest(),
                "attached": published.attached,
                "fingerprint": key.public_key().fingerprint(),
            }))?;
            return Ok(Exit::Done);
        }
        output::line(format_args!("published {reference}: {to} ({} bytes)", bundle.size()));
        output::line(format_args!("  manifest   {}", published.digest));
        output::line(format_args!("  component  {}", bundle.digest()));
        for (attachment, digest) in parcel.attachments.iter().zip(&published.attached) {
            let kind = attachment.annotations.get(PREDICATE).unwrap_or(&attachment.media_type);
            output::line(format_args!("  attached   {kind} ({digest})"));
        }
        if lock.is_none() {
            output::line("  no `Cargo.lock` was found, so there is no list of what the component is made of");
        }
        output::line(format_args!("add it:      tidegate add {to}"));
        output::line(format_args!("  exactly it: tidegate add {pinned}"));
        Ok(Exit::Done)
    }

    /// The file to publish; a folder is built.
    fn component_file(&self) -> Result<PathBuf> {
        if !self.path.is_dir() {
            return Ok(self.path.clone());
        }
        let built = Build::of(self.path.clone(), self.host.clone()).build(true)?;
        match built.as_slice() {
            [one] => Ok(one.get("component").and_then(Value::as_str).unwrap_or_default().into()),
            many => Err(fail!(
                Usage,
                "`{}` holds {} components: publish them one by one, as in `tidegate publish DIR/target/components/X.wasm \
                 oci://HOST/NAME`",
                self.path.display(),
                many.len()
            )),
        }
    }

    fn reference(&self, bundle: &Bundle) -> Result<Reference> {
        match (bundle.manifest(), &self.name, &self.version) {
            (Some(manifest), None, None) => Ok(manifest.reference()),
            (Some(manifest), ..) => Err(fail!(
                Usage,
                "the component's manifest says that it is `{}`: leave `--name` and `--version` away",
                manifest.reference()
            )),
            (None, Some(name), Some(version)) => Ok(Reference::new(name.clone(), version.clone())),
            (None, ..) => Err(fail!(
                Usage,
                "`{}` has no manifest: say what it is with `--name NAME --version 1.0.0`",
                self.path.display()
            )),
        }
    }

    /// The version stands in the tag, whether it was typed or not.
    fn target(&self, reference: &Reference) -> Result<OciReference> {
        let version = &reference.version;
        let to = match self.to.parse::<OciReference>() {
            Err(OciReferenceError::NoTarget(_)) => format!("{}:{version}", self.to).parse().blame(Exit::Usage)?,
            parsed => parsed.blame(Exit::Usage)?,
        };
        match &to.target {
            Target::Tag(tag) if tag.as_str() == version.to_string() => Ok(to),
            other => Err(fail!(
                Usage,
                "the component is version `{version}`, and `{}` says `{other}`: leave it away, or change the component's \
                 version",
                self.to
            )),
        }
    }
}

fn parcel(
    bundle: &Bundle,
    reference: &Reference,
    lock: Option<&Path>,
    sources: Option<&PathBuf>,
    key: &PrivateKey,
) -> Result<Parcel> {
    let component = Bytes::copy_from_slice(bundle.bytes());
    let layer = Descriptor::of(WASM_LAYER, &component);
    let config = Config::new(CREATED.to_owned(), &layer.digest, bundle.imports(), bundle.exports()).to_json();
    let config_descriptor = Descriptor::of(WASM_CONFIG, &config);
    let mut annotations = BTreeMap::from([
        (TITLE.to_owned(), reference.name.to_string()),
        (VERSION.to_owned(), reference.version.to_string()),
    ]);
    let description = bundle.manifest().map(|manifest| manifest.description.clone());
    if let Some(text) = description.filter(|text| !text.is_empty()) {
        annotations.insert(DESCRIPTION.to_owned(), text);
    }
    let manifest = Bytes::from(manifest(config_descriptor.clone(), layer.clone(), annotations));
    let digest = Descriptor::of(IMAGE_MANIFEST, &manifest).digest;
    // Tools that know nothing of components look for the manifest's digest.
    let also = [Subject { name: format!("manifest of {reference}"), digest }];
    let signed = |payload: Vec<u8>| sign_statement(payload, key).blame(Exit::Usage);
    let signature = signed(statement(bundle, reference, &also).blame(Exit::Usage)?)?;
    let mut attachments = vec![attachment(COMPONENT_PREDICATE, signature)];
    let subjects = [bundle.digest(), digest].map(|digest| Subject { name: reference.to_string(), digest });
    if let Some(lock) = lock {
        let text = std::fs::read_to_string(lock).with_context(|| format!("cannot read `{}`", lock.display()))?;
        let sbom = tidegate_sbom::cyclonedx(&text, reference, None);
        let sbom = sbom.with_context(|| format!("`{}` is not usable", lock.display())).blame(Exit::Usage)?.to_string();
        let payload = sbom_statement(&subjects, SbomFormat::CycloneDx, sbom.as_bytes())?;
        attachments.push(attachment(CYCLONEDX_PREDICATE, signed(payload)?));
    }
    if let Some(sources) = sources {
        let payload = provenance_statement(&subjects, &provenance::of(sources, reference, lock)?);
        attachments.push(attachment(PROVENANCE_PREDICATE, signed(payload)?));
    }
    let blobs = vec![(config_descriptor, Source::Bytes(config.into())), (layer, Source::Bytes(component))];
    Ok(Parcel { blobs, manifest, attachments })
}

fn attachment(predicate: &str, bytes: Vec<u8>) -> Attachment {
    let annotations = BTreeMap::from([
        (CONTENT.to_owned(), "dsse-envelope".to_owned()),
        (PREDICATE.to_owned(), predicate.to_owned()),
    ]);
    Attachment { media_type: SIGSTORE_MEDIA_TYPE.to_owned(), bytes: bytes.into(), annotations }
}

/// The lock file of a folder, or of the workspace that it is in.
fn find_lock(folder: &Path) -> Option<PathBuf> {
    let folder = std::path::absolute(folder).ok()?;
    folder.ancestors().map(|folder| folder.join("Cargo.lock")).find(|lock| lock.is_file())
}

/// Native code and its signature: both are attached to the component's manifest, as its own signature is.
fn native_code(made: &Made) -> [Attachment; 2] {
    let code = Attachment {
        media_type: native_type(made.file.target().name()),
        bytes: Bytes::copy_from_slice(made.file.code()),
        annotations: BTreeMap::new(),
    };
    [code, attachment(NATIVE_PREDICATE, made.file.signature().unwrap_or_default().to_vec())]
}

fn push_failure(error: PushError) -> Failure {
    let exit = match &error {
        PushError::Transport(error) => transport_exit(error),
        _ => Exit::Host,
    };
    Failure::new(exit, error)
}

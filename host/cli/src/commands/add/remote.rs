//! A component from a registry or a mirror, as files: from there on it is added exactly as a file is.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use tempfile::TempDir;
use tidegate::StatePaths;
use tidegate::attestation::{TrustRoot, VerifiedBundle, verify, verify_native};
use tidegate::bundle::{Bundle, CodeTarget, NativeFile, NativeStatement, SignatureBundle};
use tidegate::reference::ComponentName;
use tidegate::source::{SIGNATURE_SUFFIX, native_path};
use tidegate_reference::{RepositoryName, Target};
use tidegate_source_oci::Pulled;

use crate::commands::sign::{with_suffix, write_atomically};
use crate::failure::{Blame as _, Exit, Result, fail};
use crate::output::Style;
use crate::place::{IndexedPlace, in_mirror, pinned};
use crate::remote::{RemoteArgs, pull_failure, reference};
use crate::settings::Settings;

/// Files of a component, which are removed with this value.
pub(crate) struct Fetched {
    pub(crate) path: PathBuf,
    _folder: TempDir,
}

/// What somebody asked for, and may call otherwise than its repository.
pub(crate) struct Wanted<'a> {
    pub(crate) what: &'a str,
    pub(crate) mirror: Option<&'a str>,
    pub(crate) name: Option<ComponentName>,
}

/// Fetches a component and the signature that counts here, if one does.
pub(crate) async fn fetch(settings: &Settings, remote: &RemoteArgs, wanted: Wanted<'_>) -> Result<Fetched> {
    let state = &settings.config.state.value;
    StatePaths::open(state)?;
    let folder = tempfile::Builder::new().prefix("incoming-").tempdir_in(state);
    let folder = folder.with_context(|| format!("cannot make a folder in `{}`", state.display()))?;
    let code = settings.native();
    let (pulled, codes, name, target) = match wanted.mirror {
        Some(mirror) => {
            let (name, target) = in_mirror(wanted.what)?;
            let place = IndexedPlace::mirror(settings, remote, mirror)?;
            let digest = place.resolve(settings, &name, &target).await?;
            let pulled = place.pull(&name, digest, folder.path()).await?;
            (pulled, place.native(&name, digest, code).await?, name, target)
        }
        None => {
            let reference = reference(wanted.what)?;
            let client = Arc::new(remote.client(&settings.config, &reference.registry)?);
            let exact = pinned(settings, &client, reference.clone()).await?;
            let pulled = client.pull(&exact, folder.path()).await.map_err(pull_failure)?;
            let codes = match code {
                Some(code) => client.native(&exact, pulled.manifest.digest, code.name()).await.map_err(pull_failure)?,
                None => Vec::new(),
            };
            (pulled, codes, reference.name, reference.target)
        }
    };
    let policy = settings.policy()?;
    let trust = tidegate::trust_root(&policy.policy).blame(Exit::Usage)?;
    let bytes = std::fs::read(&pulled.component).context("the component cannot be read back")?;
    let bundle = Bundle::new(bytes, Vec::new()).blame(Exit::Usage)?.with_origin(wanted.what);
    let verified = check_name(&bundle, &pulled, &trust, &wanted, &name, &target)?;
    if let (Some(verified), Some(code)) = (verified, code)
        && let Some(file) = choose(&verified, codes, &pulled, code, &trust)
    {
        let to = native_path(&pulled.component, code);
        let written = write_atomically(&to, file.code()).and_then(|()| match file.signature() {
            Some(signature) => write_atomically(&with_suffix(&to, SIGNATURE_SUFFIX), signature),
            None => Ok(()),
        });
        written.with_context(|| format!("cannot write `{}`", to.display()))?;
    }
    Ok(Fetched { path: pulled.component, _folder: folder })
}

/// The signature among those attached that counts here, if one does.
pub(crate) fn counting<'a>(
    bundle: &Bundle,
    pulled: &'a Pulled,
    trust: &TrustRoot,
) -> Option<(&'a Vec<u8>, VerifiedBundle)> {
    pulled.signatures.iter().find_map(|signature| {
        let bundle = Bundle::new(bundle.bytes().clone(), vec![signature.clone()]).ok()?;
        Some((signature, verify(bundle, trust).ok()?))
    })
}

/// Among native code and signatures the pair that counts here; otherwise a pair that belongs together, or code without a
/// signature: whoever adds it says what is wrong with it.
pub(crate) fn choose(
    verified: &VerifiedBundle,
    codes: Vec<Vec<u8>>,
    pulled: &Pulled,
    target: CodeTarget,
    trust: &TrustRoot,
) -> Option<NativeFile> {
    let mut other = None;
    for code in codes {
        let code: Arc<[u8]> = code.into();
        let file = |signature| NativeFile::new(target, code.clone(), signature, &format!("native code for {target}"));
        for signature in &pulled.signatures {
            let file = file(Some(signature.clone()));
            if verify_native(verified, file.clone(), trust).is_ok() {
                return Some(file);
            }
            if is_about(signature, &file) {
                other = Some(file);
            }
        }
        other = other.or_else(|| Some(file(None)));
    }
    other
}

/// Whether a signature says that it is for this code; nobody has verified it.
fn is_about(signature: &[u8], file: &NativeFile) -> bool {
    let statement =
        SignatureBundle::parse(signature).and_then(|signature| NativeStatement::parse(&signature.envelope.payload));
    statement.is_ok_and(|statement| statement.code == file.digest())
}

/// Chooses among the signatures the one that counts, and writes it beside the component. Whoever asked for a name and a
/// version must get these: a registry could answer with another component of the same signer, or an older one.
fn check_name(
    bundle: &Bundle,
    pulled: &Pulled,
    trust: &TrustRoot,
    wanted: &Wanted<'_>,
    name: &RepositoryName,
    target: &Target,
) -> Result<Option<VerifiedBundle>> {
    let counting = counting(bundle, pulled, trust);
    if counting.is_none() && pulled.truncated {
        let warning = Style::stderr().warn("warning:");
        eprintln!(
            "{warning} more is attached to `{}` than is looked at, and none of the first {} signatures counts",
            wanted.what,
            pulled.signatures.len()
        );
    }
    // One that does not count is written too: the host says what is wrong with it.
    if let Some(signature) = counting.as_ref().map(|(signature, _)| *signature).or(pulled.signatures.first()) {
        let to = with_suffix(&pulled.component, SIGNATURE_SUFFIX);
        write_atomically(&to, signature).with_context(|| format!("cannot write `{}`", to.display()))?;
    }
    let Some((_, verified)) = counting else { return Ok(None) };
    let signed = verified.reference();
    let expected = wanted.name.as_ref().map_or(name.last(), ComponentName::as_str);
    if signed.name.as_str() != expected {
        return Err(fail!(
            Refused,
            "`{}` holds `{signed}`, which is another component than its repository says: if that is what you want, add \
             `--name {}`",
            wanted.what,
            signed.name
        ));
    }
    match target {
        Target::Tag(tag) if tag.semver().is_some() && tag.as_str() != signed.version.to_string() => Err(fail!(
            Refused,
            "`{}` holds `{signed}`: whoever serves it answers with another version than was asked for; if you want that \
             one, ask for it by its digest, `@{}`",
            wanted.what,
            pulled.manifest.digest
        )),
        _ => Ok(Some(verified)),
    }
}

//! Where newer versions come from.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use tidegate_attestation::{TrustRoot, VerifiedBundle, verify};
use tidegate_bundle::{CodeTarget, NativeFile};
use tidegate_reference::{ComponentName, Reference};
use tidegate_source_dir::{ReadError, Sourced, find, read_component};

/// A version that a source has. Nothing of it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What the source calls it.
    pub reference: Reference,
    /// Where it is, for people: a path, a registry's reference.
    pub place: String,
}

/// A source that cannot be asked.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;
/// The answer of [`UpdateSource::offers`].
pub type Offering<'a> = Pin<Box<dyn Future<Output = Result<Vec<Offer>, SourceError>> + Send + 'a>>;
/// The answer of [`UpdateSource::fetch`].
pub type Fetched<'a> = Pin<Box<dyn Future<Output = Result<Sourced, SourceError>> + Send + 'a>>;

/// A version that is newer and that somebody vouches for.
#[derive(Debug)]
pub struct Newest {
    /// Where it is.
    pub offer: Offer,
    /// The component.
    pub verified: VerifiedBundle,
    /// Native code that came along; nobody has verified it yet.
    pub native: Vec<NativeFile>,
}

/// A place with versions of components: a directory, a registry. What it says is believed in nothing: whatever is fetched is
/// verified, and compared with the lock, before it serves.
pub trait UpdateSource: Send + Sync {
    /// What it is, for people.
    fn label(&self) -> String;

    /// Every version of a component that it has, in any order.
    fn offers<'a>(&'a self, name: &'a ComponentName) -> Offering<'a>;

    /// The component and its signature, and its native code if this source is asked for it.
    fn fetch<'a>(&'a self, offer: &'a Offer) -> Fetched<'a>;
}

/// A directory of component files as a source, each with its signature beside it.
#[derive(Debug, Clone)]
pub struct DirectorySource {
    path: PathBuf,
    native: Option<CodeTarget>,
}

impl DirectorySource {
    /// The files in `path`, with native code for the target of a node that does not compile.
    #[must_use]
    pub fn new(path: &Path, native: Option<CodeTarget>) -> Self {
        Self { path: path.to_owned(), native }
    }

    fn list(&self, name: &ComponentName) -> Result<Vec<Offer>, ReadError> {
        let found = match find(&self.path) {
            Err(ReadError::NoComponents(_)) => Vec::new(),
            found => found?,
        };
        let offers = found.into_iter().filter_map(|found| {
            // A file that cannot be read, or does not say what it is, offers nothing.
            let manifest = found.read(&[]).ok()?.bundle.manifest()?.reference();
            (manifest.name == *name).then(|| Offer { reference: manifest, place: found.path().display().to_string() })
        });
        Ok(offers.collect())
    }
}

impl UpdateSource for DirectorySource {
    fn label(&self) -> String {
        self.path.display().to_string()
    }

    fn offers<'a>(&'a self, name: &'a ComponentName) -> Offering<'a> {
        Box::pin(async move { Ok(self.list(name)?) })
    }

    fn fetch<'a>(&'a self, offer: &'a Offer) -> Fetched<'a> {
        Box::pin(async move { Ok(read_component(Path::new(&offer.place), self.native.as_slice())?) })
    }
}

/// The highest version above `current` that a source has and that `trust` believes, with a note for each higher one that it
/// does not. `signer`: who signed `current`, where somebody did: components of that name by others are passed over, so that
/// nobody's higher version hides the ones that can serve.
///
/// # Errors
/// The source cannot be asked.
pub async fn newest(
    source: &dyn UpdateSource,
    current: &Reference,
    signer: Option<&str>,
    trust: &TrustRoot,
) -> Result<(Option<Newest>, Vec<String>), SourceError> {
    let mut offers = source.offers(&current.name).await?;
    offers.retain(|offer| offer.reference.version > current.version);
    offers.sort_by(|one, other| other.reference.version.cmp(&one.reference.version));
    let mut notes = Vec::new();
    for offer in offers {
        let sourced = match source.fetch(&offer).await {
            Ok(sourced) => sourced,
            Err(error) => {
                notes.push(format!("{} ({}): {error}", offer.reference, offer.place));
                continue;
            }
        };
        match verify(sourced.bundle, trust) {
            Ok(verified) if signer.is_some() && verified.signer().name() != signer => {
                let by = verified.signer().name().unwrap_or("this machine");
                notes.push(format!(
                    "{} ({}): it is signed by {by}, and what is installed is not",
                    offer.reference, offer.place
                ));
            }
            // The source may call it what it wants: what was signed counts.
            Ok(verified) if *verified.reference() == offer.reference => {
                return Ok((Some(Newest { offer, verified, native: sourced.native }), notes));
            }
            Ok(verified) => {
                notes.push(format!("{} ({}): it is signed as {}", offer.reference, offer.place, verified.reference()));
            }
            Err(error) => notes.push(format!("{} ({}): {}", offer.reference, offer.place, crate::host::chain(&error))),
        }
    }
    Ok((None, notes))
}

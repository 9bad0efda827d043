//! How a component gets in: verified, decided on, loaded, asked what it offers. One way for all of them.

use std::sync::Arc;

use tidegate_attestation::{
    LocalError, NativeError, Signer, VerifiedBundle, VerifiedNative, VerifyError, verify, verify_local, verify_native,
};
use tidegate_audit::Event;
use tidegate_bundle::{Bundle, CodeTarget, NativeFile};
use tidegate_freshness::{FloorsError, Stale};
use tidegate_rules::{LOCAL_BUILD, Subject, decide};
use tidegate_source_dir::{Proof, ReadError, Sourced, StoreError};
use tidegate_supervisor::{Component, DefinitionsError, LoadError};

use crate::host::{Node, chain};
use crate::locking::{self, LockingError, read_lock};

/// A component that was let in.
#[derive(Debug)]
pub struct Admitted {
    pub(crate) component: Arc<Component>,
    pub(crate) bundle: Bundle,
    pub(crate) proof: Proof,
    pub(crate) native: Option<NativeFile>,
}

/// A component was not let in. Nothing of it runs.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// Its files cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its signature does not hold, or nobody we believe made it.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// It was not built on this machine.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// It has no signature, but a receipt of a local build, which counts in development mode only.
    #[error(
        "`{0}` has no signature; it was built on this machine, so it runs with `--development`, \
         or sign it with `tidegate sign {0}`"
    )]
    DevelopmentOnly(String),
    /// This node does not compile, and there is no native code for it.
    #[error(
        "`{component}` has no native code for {target}, and this host does not compile: get the `.{target}.cwasm` and its \
         `.sigstore.json` from whoever compiles for you, or make them with `tidegate build {component} --target {target}` \
         on a machine with the compiler"
    )]
    NoNative {
        /// The bundle's label.
        component: String,
        /// What runs here.
        target: CodeTarget,
    },
    /// Nobody whom we believe in it vouches for its native code.
    #[error("`{component}` is refused")]
    Native {
        /// The bundle's label.
        component: String,
        /// Why.
        source: Box<NativeError>,
    },
    /// It is older than what served before, or somebody else's.
    #[error("`{component}` is refused")]
    Stale {
        /// The bundle's label.
        component: String,
        /// Why.
        source: Stale,
    },
    /// Whether it is too old cannot be told.
    #[error(transparent)]
    Floors(#[from] FloorsError),
    /// It is not what a person approved, or the lock cannot be used.
    #[error("`{component}` is refused")]
    NotLocked {
        /// Name and version.
        component: String,
        /// Why.
        source: LockingError,
    },
    /// It asks for more than it is granted, or cannot run here.
    #[error("`{component}` is refused")]
    Load {
        /// Name and version.
        component: String,
        /// Why.
        source: LoadError,
    },
    /// What it offers cannot be served.
    #[error("`{component}` is refused")]
    Definitions {
        /// Name and version.
        component: String,
        /// Why.
        source: DefinitionsError,
    },
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AdmitError {
    /// Whether the signature or the policy refuses it; otherwise something is broken.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Read(_) | Self::Store(_) | Self::Floors(_))
    }
}

impl Node {
    /// Verifies, decides, loads and asks. The component does not serve yet.
    pub(crate) async fn admit(&self, sourced: Sourced) -> Result<Admitted, AdmitError> {
        let label = sourced.bundle.label();
        let digest = sourced.bundle.digest().to_string();
        let admitted = self.verify_and_load(sourced).await;
        // What the supervisor refuses, it writes itself.
        if let Err(error) = admitted.as_ref().map_err(|error| match error {
            AdmitError::Load { .. } => None,
            other => Some(chain(other)),
        }) && let Some(reason) = error
        {
            self.audit.emit(Event::Refused { component: label, digest: Some(digest), reason });
        }
        admitted
    }

    async fn verify_and_load(&self, mut sourced: Sourced) -> Result<Admitted, AdmitError> {
        let native = std::mem::take(&mut sourced.native);
        let (verified, proof) = self.verify(sourced)?;
        let bundle = verified.bundle().clone();
        self.check_floor(&verified)?;
        let name = verified.reference().to_string();
        let native = self.verify_native(&verified, native)?;
        let grant = self.decide(&verified);
        let file = native.as_ref().map(|native| native.file().clone());
        let component = self.supervisor.load(verified, native, grant).await;
        let component = component.map_err(|source| AdmitError::Load { component: name.clone(), source })?;
        let asked = component.refresh().await;
        asked.map_err(|source| AdmitError::Definitions { component: name.clone(), source })?;
        self.check_lock(&component).map_err(|source| AdmitError::NotLocked { component: name, source })?;
        Ok(Admitted { component: Arc::new(component), bundle, proof, native: file })
    }

    /// Nothing older than what served before. Local builds have no floor: their version stays while one works on them.
    fn check_floor(&self, verified: &VerifiedBundle) -> Result<(), AdmitError> {
        let Some(signer) = verified.signer().name() else { return Ok(()) };
        match self.floors.check(verified.reference(), signer)? {
            Some(source) => Err(AdmitError::Stale { component: verified.bundle().label(), source }),
            None => Ok(()),
        }
    }

    /// What a person approved, if that is wanted. The file is read each time: `tidegate update` writes it.
    fn check_lock(&self, component: &Component) -> Result<(), LockingError> {
        let Some(path) = &self.lock else { return Ok(()) };
        locking::check(component, &read_lock(path)?)?;
        let approved = locking::locked(component)?.tools;
        let mut approved = approved;
        approved.sort_by(|one, other| one.name.cmp(&other.name));
        component.guard(Box::new(move |definitions| locking::check_definitions(&approved, definitions)));
        Ok(())
    }

    /// Raises the floor, durably, before the component serves. Checked again: another one may have been quicker.
    pub(crate) fn raise_floor(&self, component: &Component) -> Result<(), AdmitError> {
        let Some(signer) = component.signer().name() else { return Ok(()) };
        let offered = component.reference();
        if let Some(source) = self.floors.check(offered, signer)? {
            return Err(AdmitError::Stale { component: offered.to_string(), source });
        }
        Ok(self.floors.raise(offered, signer)?)
    }

    /// A signature first; a receipt only where there is none, and only in development mode.
    fn verify(&self, sourced: Sourced) -> Result<(VerifiedBundle, Proof), AdmitError> {
        let Sourced { bundle, receipt, .. } = sourced;
        match (bundle.signatures().first().cloned(), receipt) {
            (None, Some(_)) if !self.development => Err(AdmitError::DevelopmentOnly(bundle.label())),
            (None, Some(receipt)) => {
                let verified = verify_local(bundle, &receipt, &self.host_key)?;
                Ok((verified, Proof::Receipt(receipt)))
            }
            (signature, _) => {
                let verified = verify(bundle, &self.trust)?;
                Ok((verified, Proof::Signature(signature.unwrap_or_default())))
            }
        }
    }

    /// The native code that runs in place of compiling, if this node is one that does not compile. The component was verified
    /// before: what it is and may do comes from there.
    fn verify_native(
        &self,
        verified: &VerifiedBundle,
        files: Vec<NativeFile>,
    ) -> Result<Option<VerifiedNative>, AdmitError> {
        let Some(target) = self.native else { return Ok(None) };
        let component = || verified.bundle().label();
        let file = files.into_iter().find(|file| file.target() == target);
        let file = file.ok_or_else(|| AdmitError::NoNative { component: component(), target })?;
        match verify_native(verified, file, &self.trust) {
            Ok(native) => Ok(Some(native)),
            Err(source) => Err(AdmitError::Native { component: component(), source: Box::new(source) }),
        }
    }

    /// What policy grants. A component that no `[[grant]]` names computes within the default limits and reaches nothing.
    fn decide(&self, verified: &VerifiedBundle) -> tidegate_grant::Grant {
        let decision = decide(
            &self.policy,
            &Subject {
                signer: signer_name(verified.signer()),
                component: verified.reference().name.as_str(),
                imports: verified.bundle().imports(),
                requests: verified.manifest().map(|manifest| &manifest.requests),
            },
        );
        decision.grant
    }
}

/// A signer's name in the policy.
pub(crate) fn signer_name(signer: &Signer) -> &str {
    signer.name().unwrap_or(LOCAL_BUILD)
}

//! Who signed a bundle: keys, signing, and the one constructor each of [`VerifiedBundle`] and [`VerifiedNative`].
//!
//! Pure but for random numbers when a key is made: no files, no network, no clock (with the feature `identity` the
//! library behind it refuses log entries from the future by the system's clock, and asks nothing else of it). The order of the checks is fixed:
//! a signature is checked before anything that it covers is believed.

mod claim;
mod der;
mod identity;
mod index;
mod key;
mod local;
mod model;
mod native;
mod pem;
mod provenance;
mod public_key;
mod sign;
mod signer;
mod trust;
mod verified;
mod verify;

pub use claim::{ClaimError, Claimed, verify_claim};
#[cfg(feature = "keyless")]
pub use identity::install_one_time_keys;
pub use identity::{IdentityError, MAX_ROOT_BYTES, RootError, SigstoreRoot, TrustedIdentity};
pub use index::{IndexSignatureError, sign_index, verify_index};
pub use key::{KeyError, PrivateKey};
pub use local::{HostKey, LocalError, receipt, verify_local};
pub use model::{ModelError, VerifiedModel, sign_model, verify_model};
pub use native::{NativeError, VerifiedNative, sign_native, verify_native};
pub use provenance::{
    BUILD_TYPE, Material, Provenance, SbomFormat, StatementError, provenance_statement, sbom_statement,
};
pub use public_key::{Algorithm, PublicKey};
pub use sign::{SignError, sign, sign_statement, statement};
pub use trust::{Role, RoleError, TrustError, TrustRoot, TrustedSigner};
pub use verified::{Signer, VerifiedBundle};
pub use verify::{VerifyError, verify};

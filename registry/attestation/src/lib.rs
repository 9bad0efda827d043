//! Who signed a bundle: keys, signing, and the one constructor of [`VerifiedBundle`].
//!
//! Pure but for random numbers when a key is made: no clock, no files, no network. The order of the checks is fixed:
//! a signature is checked before anything that it covers is believed.

mod der;
mod key;
mod local;
mod pem;
mod public_key;
mod sign;
mod trust;
mod verified;
mod verify;

pub use key::{KeyError, PrivateKey};
pub use local::{HostKey, LocalError, receipt, verify_local};
pub use public_key::{Algorithm, PublicKey};
pub use sign::{SignError, sign, sign_also, sign_payload};
pub use trust::{Role, RoleError, TrustError, TrustRoot, TrustedSigner};
pub use verified::{Signer, VerifiedBundle};
pub use verify::{VerifyError, verify};

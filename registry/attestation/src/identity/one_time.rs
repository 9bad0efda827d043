//! Keys for one signature: made, certified, used, forgotten.

use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use ring::rand::{SecureRandom as _, SystemRandom};
use sigstore_verify::crypto::{Error, KeyAlgorithm, Result, SigningKeyPair};

struct OneTimeKey {
    key: SigningKey,
    /// The uncompressed point.
    public: Vec<u8>,
}

/// A new key on P-256, the one curve that certificate authorities and verifiers all know.
pub(crate) fn generate(algorithm: KeyAlgorithm) -> Result<Box<dyn SigningKeyPair>> {
    if algorithm != KeyAlgorithm::EcdsaP256 {
        return Err(Error::UnsupportedAlgorithm(format!("{algorithm:?} keys are not made here")));
    }
    let no_key = |why: &str| Error::KeyGeneration(why.to_owned());
    let random = SystemRandom::new();
    let mut bytes = [0; 32];
    // A random number is no private key once in 2^32 times: it must be below the order of the curve.
    for _ in 0..8 {
        random.fill(&mut bytes).map_err(|_| no_key("the operating system gave no random numbers"))?;
        if let Ok(key) = SigningKey::from_bytes(&bytes.into()) {
            let public = key.verifying_key().to_encoded_point(false).as_bytes().to_vec();
            return Ok(Box::new(OneTimeKey { key, public }));
        }
    }
    Err(no_key("the operating system's random numbers make no key"))
}

impl SigningKeyPair for OneTimeKey {
    fn algorithm(&self) -> KeyAlgorithm {
        KeyAlgorithm::EcdsaP256
    }

    fn public_key_bytes(&self) -> &[u8] {
        &self.public
    }

    fn sign_raw(&self, data: &[u8]) -> Result<Vec<u8>> {
        let signature: p256::ecdsa::Signature = self.key.try_sign(data).map_err(failed)?;
        Ok(signature.to_der().as_bytes().to_vec())
    }

    fn sign_prehashed(&self, digest: &[u8]) -> Result<Vec<u8>> {
        let signature: p256::ecdsa::Signature = self.key.sign_prehash(digest).map_err(failed)?;
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

fn failed(_: p256::ecdsa::Error) -> Error {
    Error::Signing("the one-time key did not sign".to_owned())
}

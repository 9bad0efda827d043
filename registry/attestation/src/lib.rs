//! Who signed a bundle: the one constructor of VerifiedBundle.

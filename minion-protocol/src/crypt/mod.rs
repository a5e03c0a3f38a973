//! Keys and what is done with them: the Crypticle around payloads, RSA around keys and signatures.
//!
//! Randomness is handed in by the caller, except where OpenSSL takes its own: making a key pair,
//! OAEP and blinding.

mod aes;
mod pem;
mod rsa;

pub use aes::{BadKeyString, Crypticle, Undecryptable, sealed_bytes};
pub use pem::{fingerprint, normalise};
pub use rsa::{EncAlgo, Error, MasterKey, PublicKey, SigAlgo, Wrap};

/// Fills a slice with unpredictable bytes.
pub type Random<'a> = &'a mut dyn FnMut(&mut [u8]);

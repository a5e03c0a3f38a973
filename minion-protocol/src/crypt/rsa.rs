//! RSA as Salt uses it: PKCS#1 v1.5 signatures, OAEP around key strings, and X9.31 without a hash
//! for the two oldest proofs (`sig` of an `_auth` reply, `tok` of a request).
//!
//! All arithmetic is OpenSSL's. Its older interface is used where it can do the same: the newer one
//! looks its algorithms up at each operation and keeps a second copy of each key. To unwrap with
//! the one private key it has them looked up once, and is kept. The key pair prints as `***`.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::encrypt::Encrypter;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::md::{Md, MdRef};
use openssl::pkey::{PKey, Private, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::{Padding, Rsa};
use openssl::sign::Verifier;
use sha1::{Digest as _, Sha1};
use sha2::Sha224;
use subtle::ConstantTimeEq;

use super::aes::Crypticle;
use super::pem::{fingerprint, normalise};
use crate::limits::{KEY_BITS, PEM_BYTES_MAX};

/// Why something with RSA keys did not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no RSA key in PEM.
    #[error("not an RSA key in PEM")]
    NotAKey,
    /// The modulus is too small or too large.
    #[error(
        "an RSA key of {0} bits; {min} to {max} are accepted",
        min = KEY_BITS.start(),
        max = KEY_BITS.end()
    )]
    Size(u32),
    /// OpenSSL refused.
    #[error("openssl: {0}")]
    OpenSsl(#[from] ErrorStack),
}

/// How key strings and tokens are wrapped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EncAlgo {
    /// `OAEP-SHA1`.
    #[default]
    OaepSha1,
    /// `OAEP-SHA224`.
    OaepSha224,
}

impl EncAlgo {
    /// Reads Salt's name of it.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "OAEP-SHA1" => Some(Self::OaepSha1),
            "OAEP-SHA224" => Some(Self::OaepSha224),
            _ => None,
        }
    }

    fn digest(self) -> MessageDigest {
        match self {
            Self::OaepSha1 => MessageDigest::sha1(),
            Self::OaepSha224 => MessageDigest::sha224(),
        }
    }
}

/// How replies and publishes are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SigAlgo {
    /// `PKCS1v15-SHA1`.
    #[default]
    Pkcs1v15Sha1,
    /// `PKCS1v15-SHA224`.
    Pkcs1v15Sha224,
}

impl SigAlgo {
    /// Reads Salt's name of it.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "PKCS1v15-SHA1" => Some(Self::Pkcs1v15Sha1),
            "PKCS1v15-SHA224" => Some(Self::Pkcs1v15Sha224),
            _ => None,
        }
    }

    /// Gives Salt's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pkcs1v15Sha1 => "PKCS1v15-SHA1",
            Self::Pkcs1v15Sha224 => "PKCS1v15-SHA224",
        }
    }

    fn digest(self) -> MessageDigest {
        match self {
            Self::Pkcs1v15Sha1 => MessageDigest::sha1(),
            Self::Pkcs1v15Sha224 => MessageDigest::sha224(),
        }
    }

    /// Gives what is signed: the message's hash behind the name of the hash, in DER (RFC 8017,
    /// section 9.2).
    fn digest_info(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Pkcs1v15Sha1 => [&SHA1_NAME[..], &Sha1::digest(message)].concat(),
            Self::Pkcs1v15Sha224 => [&SHA224_NAME[..], &Sha224::digest(message)].concat(),
        }
    }
}

/// The head of a `DigestInfo` whose hash is SHA-1.
const SHA1_NAME: [u8; 15] = [
    0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14,
];

/// The head of a `DigestInfo` whose hash is SHA-224.
const SHA224_NAME: [u8; 19] = [
    0x30, 0x2d, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04, 0x05,
    0x00, 0x04, 0x1c,
];

/// OpenSSL's number for X9.31 padding, which the crate does not name.
fn x931() -> Padding {
    Padding::from_raw(5)
}

/// A private key with its public half: the master's, or in tests a minion's.
#[derive(Clone)]
pub struct MasterKey {
    rsa: Rsa<Private>,
    key: PKey<Private>,
    public_pem: String,
    /// The last message of [`MasterKey::x931_sign_again`] and its signature.
    signed: Arc<Mutex<Option<Signed>>>,
    /// Made ready for OAEP with SHA-1, and with SHA-224; as many as there were threads that
    /// unwrapped at once.
    unwrappers: [Arc<Mutex<Vec<PkeyCtx<Private>>>>; 2],
}

/// Makes OpenSSL ready to unwrap OAEP with this hash, so often as is wanted.
fn unwrapper(key: &PKey<Private>, digest: &MdRef) -> Result<PkeyCtx<Private>, ErrorStack> {
    let mut unwrapper = PkeyCtx::new(key)?;
    unwrapper.decrypt_init()?;
    unwrapper.set_rsa_padding(Padding::PKCS1_OAEP)?;
    unwrapper.set_rsa_oaep_md(digest)?;
    unwrapper.set_rsa_mgf1_md(digest)?;
    Ok(unwrapper)
}

/// A message and its signature.
type Signed = (Vec<u8>, Vec<u8>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MasterKey(***)")
    }
}

impl MasterKey {
    /// Makes a key pair of `bits` (Salt's `keysize`, 2048) with OpenSSL's own randomness.
    ///
    /// # Errors
    /// The size is out of range.
    pub fn generate(bits: u32) -> Result<Self, Error> {
        if !KEY_BITS.contains(&bits) {
            return Err(Error::Size(bits));
        }
        Self::new(Rsa::generate(bits)?)
    }

    /// Reads a private key, PKCS#1 or PKCS#8, not encrypted.
    ///
    /// # Errors
    /// The text is no such key, or its size is out of range.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        if pem.len() > PEM_BYTES_MAX {
            return Err(Error::NotAKey);
        }
        // An empty passphrase, or OpenSSL would ask the terminal for one.
        let key = PKey::private_key_from_pem_passphrase(pem.as_bytes(), b"");
        Self::new(key.and_then(|key| key.rsa()).map_err(|_| Error::NotAKey)?)
    }

    fn new(rsa: Rsa<Private>) -> Result<Self, Error> {
        check_size(rsa.n().num_bits())?;
        let public_pem = pem_text(&rsa.public_key_to_pem()?);
        let key = PKey::from_rsa(rsa.clone())?;
        Ok(Self {
            rsa,
            key,
            public_pem,
            signed: Arc::default(),
            unwrappers: Default::default(),
        })
    }

    /// Writes the private key as PKCS#1 PEM, the content of `master.pem`.
    ///
    /// # Errors
    /// OpenSSL could not write it.
    pub fn to_pem(&self) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&self.rsa.private_key_to_pem()?).into_owned())
    }

    /// Gives the public half as normalised PEM text, as it is sent to minions.
    pub fn public_pem(&self) -> &str {
        &self.public_pem
    }

    /// Gives the public half.
    ///
    /// # Errors
    /// OpenSSL could not read what it wrote.
    pub fn public_key(&self) -> Result<PublicKey, Error> {
        PublicKey::from_pem(&self.public_pem)
    }

    /// Gives the fingerprint minions may pin as `master_finger`.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.public_pem)
    }

    /// Signs a message with PKCS#1 v1.5.
    ///
    /// # Errors
    /// OpenSSL refused, for instance for lack of memory.
    pub fn sign(&self, message: &[u8], algo: SigAlgo) -> Result<Vec<u8>, Error> {
        let mut signature = vec![0; self.rsa.size() as usize];
        let digest_info = algo.digest_info(message);
        let length = self
            .rsa
            .private_encrypt(&digest_info, &mut signature, Padding::PKCS1)?;
        signature.truncate(length);
        Ok(signature)
    }

    /// Unwraps what was wrapped for this key; `None` if it was not.
    ///
    /// # Errors
    /// OpenSSL could not even try.
    pub fn oaep_decrypt(&self, wrapped: &[u8], algo: EncAlgo) -> Result<Option<Vec<u8>>, Error> {
        let (idle, digest) = match algo {
            EncAlgo::OaepSha1 => (&self.unwrappers[0], Md::sha1()),
            EncAlgo::OaepSha224 => (&self.unwrappers[1], Md::sha224()),
        };
        let lock = || idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = lock().pop();
        let mut unwrapper = kept.map_or_else(|| unwrapper(&self.key, digest), Ok)?;
        let mut plain = vec![0; self.rsa.size() as usize];
        let unwrapped = unwrapper.decrypt(wrapped, Some(&mut plain));
        lock().push(unwrapper);
        Ok(unwrapped.ok().map(|length| {
            plain.truncate(length);
            plain
        }))
    }

    /// Pads a short message as X9.31 does, without hashing, and applies the private key.
    ///
    /// # Errors
    /// The message is longer than the modulus less two bytes.
    pub fn x931_sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let mut signature = vec![0; self.rsa.size() as usize];
        let length = self.rsa.private_encrypt(message, &mut signature, x931())?;
        signature.truncate(length);
        Ok(signature)
    }

    /// As [`MasterKey::x931_sign`], for a message that comes again and again: every sign-in needs
    /// the same signature of the key that all minions share, and it has no chance in it.
    ///
    /// # Errors
    /// As [`MasterKey::x931_sign`].
    pub fn x931_sign_again(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, signature)) = &*signed
            && known == message
        {
            return Ok(signature.clone());
        }
        let signature = self.x931_sign(message)?;
        *signed = Some((message.to_vec(), signature.clone()));
        Ok(signature)
    }
}

/// A public key, usually a minion's. Equal if its text is.
#[derive(Clone)]
pub struct PublicKey {
    rsa: Rsa<Public>,
    key: PKey<Public>,
    text: String,
    /// The token that was found good. Its signature has no chance in it, so that each of the
    /// minion's requests brings the same bytes.
    token: OnceLock<Box<[u8]>>,
    /// The keys that were wrapped last, by [`PublicKey::wrap`].
    wrapped: [Arc<Mutex<Option<Wrapped>>>; 2],
}

/// A symmetric key, as long as it lives, and how it was wrapped for the holder of a key pair.
type Wrapped = (Weak<Crypticle>, EncAlgo, Box<[u8]>);

/// Which symmetric key of a minion is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrap {
    /// The one that all minions share.
    Shared,
    /// Its session's.
    Session,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", self.fingerprint())
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl Eq for PublicKey {}

impl PublicKey {
    /// Reads a public key: SubjectPublicKeyInfo, or PKCS#1 as very old minions wrote it.
    ///
    /// # Errors
    /// The text is no such key, or its size is out of range.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        if pem.len() > PEM_BYTES_MAX {
            return Err(Error::NotAKey);
        }
        let text = normalise(pem);
        let rsa = rsa_of_plain_pem(&text).map_or_else(|| rsa_of_pem(&text), Ok)?;
        check_size(rsa.n().num_bits())?;
        let key = PKey::from_rsa(rsa.clone())?;
        Ok(Self {
            rsa,
            key,
            text,
            token: OnceLock::new(),
            wrapped: Default::default(),
        })
    }

    /// Gives the normalised PEM text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Gives the fingerprint as Salt computes it.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.text)
    }

    /// Wraps a short secret for the holder of the private key.
    ///
    /// # Errors
    /// The secret does not fit the key.
    pub fn oaep_encrypt(&self, plain: &[u8], algo: EncAlgo) -> Result<Vec<u8>, Error> {
        if algo == EncAlgo::OaepSha1 {
            let mut wrapped = vec![0; self.rsa.size() as usize];
            let length = self
                .rsa
                .public_encrypt(plain, &mut wrapped, Padding::PKCS1_OAEP)?;
            wrapped.truncate(length);
            return Ok(wrapped);
        }
        let mut encrypter = Encrypter::new(&self.key)?;
        encrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        encrypter.set_rsa_oaep_md(algo.digest())?;
        encrypter.set_rsa_mgf1_md(algo.digest())?;
        let mut wrapped = vec![0; encrypter.encrypt_len(plain)?];
        let length = encrypter.encrypt(plain, &mut wrapped)?;
        wrapped.truncate(length);
        Ok(wrapped)
    }

    /// Wraps the text of a symmetric key for the holder of the private key. While the key lives, a
    /// minion that signs in again is given the same bytes again.
    ///
    /// # Errors
    /// As [`PublicKey::oaep_encrypt`].
    pub fn wrap(&self, key: &Arc<Crypticle>, of: Wrap, algo: EncAlgo) -> Result<Vec<u8>, Error> {
        let [shared, session] = &self.wrapped;
        let place = match of {
            Wrap::Shared => shared,
            Wrap::Session => session,
        };
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, by, bytes)) = &*place
            && std::ptr::eq(known.as_ptr(), Arc::as_ptr(key))
            && *by == algo
        {
            return Ok(bytes.to_vec());
        }
        let bytes = self.oaep_encrypt(key.key_string().as_bytes(), algo)?;
        *place = Some((Arc::downgrade(key), algo, bytes.clone().into()));
        Ok(bytes)
    }

    /// Says whether a PKCS#1 v1.5 signature over `message` is this key's.
    pub fn verify(&self, message: &[u8], signature: &[u8], algo: SigAlgo) -> bool {
        let verified = Verifier::new(algo.digest(), &self.key).and_then(|mut verifier| {
            verifier.update(message)?;
            verifier.verify(signature)
        });
        verified.unwrap_or(false)
    }

    /// Gives the message inside an X9.31 signature; `None` if there is none.
    pub fn x931_recover(&self, signature: &[u8]) -> Option<Vec<u8>> {
        if signature.len() != self.rsa.size() as usize {
            return None;
        }
        let mut message = vec![0; signature.len()];
        let length = self
            .rsa
            .public_decrypt(signature, &mut message, x931())
            .ok()?;
        message.truncate(length);
        Some(message)
    }

    /// Says whether `tok` proves possession of the private key: it recovers to the word `salt`.
    pub fn accepts_token(&self, tok: &[u8]) -> bool {
        let known = self.token.get();
        if known.is_some_and(|known| bool::from(known.ct_eq(tok))) {
            return true;
        }
        let is_good = self.x931_recover(tok).as_deref() == Some(b"salt");
        if is_good {
            // The other signature of the same word, if one comes, is looked at each time.
            let _ = self.token.set(tok.into());
        }
        is_good
    }
}

/// Reads a SubjectPublicKeyInfo in its usual dress. OpenSSL's readers of PEM look for all that PEM
/// can be, which takes longer than a public operation with the key.
fn rsa_of_plain_pem(text: &str) -> Option<Rsa<Public>> {
    let inner = text
        .strip_prefix("-----BEGIN PUBLIC KEY-----\n")?
        .strip_suffix("\n-----END PUBLIC KEY-----")?;
    let der = STANDARD.decode(inner.replace('\n', "")).ok()?;
    Rsa::public_key_from_der(&der).ok()
}

fn rsa_of_pem(text: &str) -> Result<Rsa<Public>, Error> {
    Rsa::public_key_from_pem(text.as_bytes())
        .or_else(|_| Rsa::public_key_from_pem_pkcs1(text.as_bytes()))
        .map_err(|_| Error::NotAKey)
}

fn check_size(bits: i32) -> Result<(), Error> {
    let bits = u32::try_from(bits).unwrap_or(0);
    if KEY_BITS.contains(&bits) {
        Ok(())
    } else {
        Err(Error::Size(bits))
    }
}

fn pem_text(pem: &[u8]) -> String {
    normalise(&String::from_utf8_lossy(pem))
}

#[cfg(test)]
mod tests;

//! The Crypticle: AES-192-CBC and HMAC-SHA256 under one key string.
//!
//! Layout: IV (16) ‖ ciphertext ‖ HMAC over both (32). The MAC is checked first and in constant
//! time; every failure is the same failure.

use std::fmt;
use std::ops::Range;

use aes::Aes192;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::Random;
use super::pem::hex;

const IV_BYTES: usize = 16;
const BLOCK_BYTES: usize = 16;
const MAC_BYTES: usize = 32;
const NONCE_BYTES: usize = 32;
/// So much is encrypted before it is hashed: a multiple of both block lengths.
const STRIDE_BYTES: usize = 256;
/// After so many, 100 µs of work, another thread may have the processor: whoever has a short thing
/// to do would wait for a whole megabyte else.
const TURN_BYTES: usize = 64 * 1024;
const AES_KEY_BYTES: usize = 24;
const HMAC_KEY_BYTES: usize = 32;
const KEY_BYTES: usize = AES_KEY_BYTES + HMAC_KEY_BYTES;

/// The word every plaintext begins with. Nothing is pickled.
const MAGIC: &[u8] = b"pickle::";

/// The bytes were not sealed under this key, or were changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payload does not decrypt")]
pub struct Undecryptable;

/// A text is not the base64 of 56 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key string is 76 characters of base64")]
pub struct BadKeyString;

/// A symmetric key and its key string. Prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Crypticle {
    key_string: String,
    aes_key: [u8; AES_KEY_BYTES],
    hmac_key: [u8; HMAC_KEY_BYTES],
}

impl fmt::Debug for Crypticle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Crypticle(***)")
    }
}

impl Crypticle {
    /// Makes a fresh key.
    pub fn generate(random: Random<'_>) -> Self {
        let mut bytes = [0; KEY_BYTES];
        random(&mut bytes);
        Self::from_bytes(&bytes)
    }

    /// Reads a key string, as a master keeps and minions receive it.
    ///
    /// # Errors
    /// The text is not the base64 of exactly 56 bytes.
    pub fn from_key_string(key_string: &str) -> Result<Self, BadKeyString> {
        let bytes = STANDARD.decode(key_string).map_err(|_| BadKeyString)?;
        let bytes: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| BadKeyString)?;
        Ok(Self::from_bytes(&bytes))
    }

    fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        let (mut aes_key, mut hmac_key) = ([0; AES_KEY_BYTES], [0; HMAC_KEY_BYTES]);
        aes_key.copy_from_slice(&bytes[..AES_KEY_BYTES]);
        hmac_key.copy_from_slice(&bytes[AES_KEY_BYTES..]);
        Self {
            key_string: STANDARD.encode(bytes),
            aes_key,
            hmac_key,
        }
    }

    /// Gives the 76 characters that are wrapped for minions. A secret.
    pub fn key_string(&self) -> &str {
        &self.key_string
    }

    /// Gives the SHA-256 of the key string in hex: what the master signs in an `_auth` reply.
    pub fn key_digest(&self) -> String {
        hex(&Sha256::digest(self.key_string.as_bytes()), "")
    }

    /// Seals msgpack bytes; `nonce` stands before them in replies to v2 and v3.
    pub fn seal(&self, payload: &[u8], nonce: Option<&[u8; 32]>, random: Random<'_>) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(sealed_bytes(payload.len(), nonce.is_some()));
        let write = |output: &mut Vec<u8>| output.extend_from_slice(payload);
        self.seal_onto(&mut sealed, nonce, write, random);
        sealed
    }

    /// As [`Crypticle::seal`], behind what stands in `output` already. The payload is what `write`
    /// puts there; it is sealed where it stands.
    pub fn seal_onto(
        &self,
        output: &mut Vec<u8>,
        nonce: Option<&[u8; 32]>,
        write: impl FnOnce(&mut Vec<u8>),
        random: Random<'_>,
    ) {
        let start = output.len();
        let mut iv = [0; IV_BYTES];
        random(&mut iv);
        output.extend_from_slice(&iv);
        output.extend_from_slice(MAGIC);
        output.extend_from_slice(nonce.map_or(&[], |nonce| nonce));
        write(output);
        let plain_bytes = output.len() - start - IV_BYTES;
        let padding_bytes = BLOCK_BYTES - plain_bytes % BLOCK_BYTES;
        // PKCS #7: each byte of the padding says how long it is. A block is 16 bytes long.
        output.resize(output.len() + padding_bytes, padding_bytes as u8);
        let mac = self.encrypt(&mut output[start..]);
        output.extend_from_slice(&mac);
    }

    /// Encrypts whole blocks behind their IV, and gives the MAC over both. What was encrypted is
    /// hashed a few blocks later: each waits for the one before it, and the processor does some of
    /// both at once.
    fn encrypt(&self, sealed: &mut [u8]) -> [u8; MAC_BYTES] {
        let mut iv = [0; IV_BYTES];
        iv.copy_from_slice(&sealed[..IV_BYTES]);
        let mut cipher = cbc::Encryptor::<Aes192>::new(&self.aes_key.into(), &iv.into());
        let mut mac = self.mac(&[]);
        let (mut encrypted, mut hashed) = (IV_BYTES, 0);
        while encrypted < sealed.len() {
            let end = (encrypted - encrypted % STRIDE_BYTES + STRIDE_BYTES).min(sealed.len());
            let (blocks, _) = Array::slice_as_chunks_mut(&mut sealed[encrypted..end]);
            cipher.encrypt_blocks(blocks);
            let start = encrypted - encrypted % STRIDE_BYTES;
            mac.update(&sealed[hashed..start]);
            (encrypted, hashed) = (end, start);
            if end.is_multiple_of(TURN_BYTES) {
                std::thread::yield_now();
            }
        }
        mac.update(&sealed[hashed..]);
        mac.finalize().into_bytes().into()
    }

    /// Opens sealed bytes and gives what stands behind the magic word.
    ///
    /// # Errors
    /// Anything at all is wrong with them.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, Undecryptable> {
        let mut opened = sealed.to_vec();
        let plain = self.open_in_place(&mut opened)?;
        Ok(opened[plain].to_vec())
    }

    /// As [`Crypticle::open`], where they stand: gives the place of what stands behind the magic
    /// word. What was not sealed under this key stays as it is.
    ///
    /// # Errors
    /// Anything at all is wrong with them.
    pub fn open_in_place(&self, sealed: &mut [u8]) -> Result<Range<usize>, Undecryptable> {
        let body_bytes = sealed.len().checked_sub(MAC_BYTES).ok_or(Undecryptable)?;
        let (body, mac) = sealed.split_at_mut(body_bytes);
        let (iv, ciphertext) = body.split_first_chunk::<IV_BYTES>().ok_or(Undecryptable)?;
        if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(BLOCK_BYTES) {
            return Err(Undecryptable);
        }
        let cipher = cbc::Decryptor::<Aes192>::new(&self.aes_key.into(), &(*iv).into());
        self.mac(body)
            .verify_slice(mac)
            .map_err(|_| Undecryptable)?;
        let plain = cipher
            .decrypt_padded::<Pkcs7>(&mut body[IV_BYTES..])
            .map_err(|_| Undecryptable)?;
        if !plain.starts_with(MAGIC) {
            return Err(Undecryptable);
        }
        Ok(IV_BYTES + MAGIC.len()..IV_BYTES + plain.len())
    }

    fn mac(&self, bytes: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.hmac_key).expect("HMAC takes keys of any length");
        mac.update(bytes);
        mac
    }
}

/// Says how many bytes a payload of a length has when it is sealed, with or without a nonce.
pub fn sealed_bytes(payload_bytes: usize, has_nonce: bool) -> usize {
    let nonce_bytes = if has_nonce { NONCE_BYTES } else { 0 };
    let plain_bytes = MAGIC.len() + nonce_bytes + payload_bytes;
    IV_BYTES + (plain_bytes / BLOCK_BYTES + 1) * BLOCK_BYTES + MAC_BYTES
}

#[cfg(test)]
mod tests;

//! The cluster's certificate authority: makes itself, signs the endpoint and the nodes.
//!
//! RSA, because the formula of the real flow reads the authority's key with `openssl rsa`.

use std::net::IpAddr;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkey::{PKey, PKeyRef, Private, Public};
use openssl::rsa::Rsa;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use openssl::x509::{X509, X509Builder, X509Name, X509NameRef, X509Req, X509ReqBuilder};

const RSA_BITS: u32 = 2048;
const AUTHORITY_DAYS: u32 = 3650;
const LEAF_DAYS: u32 = 365;

/// A certificate and its key.
pub(super) struct Pair {
    pub(super) certificate: X509,
    pub(super) key: PKey<Private>,
}

/// What a signed certificate is for.
pub(super) enum Purpose<'a> {
    /// The endpoint, under these names and addresses.
    Server(&'a [String]),
    /// A user or a node towards the endpoint.
    Client,
}

/// Makes an RSA key.
pub(super) fn key() -> Result<PKey<Private>, ErrorStack> {
    PKey::from_rsa(Rsa::generate(RSA_BITS)?)
}

/// Makes a distinguished name of an organisation (if not empty) and a common name.
pub(super) fn subject(organisation: &str, common_name: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509Name::builder()?;
    if !organisation.is_empty() {
        name.append_entry_by_nid(Nid::ORGANIZATIONNAME, organisation)?;
    }
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    Ok(name.build())
}

/// Gives the first entry of a kind of a distinguished name; empty if it has none.
pub(super) fn entry(name: &X509NameRef, nid: Nid) -> String {
    let mut entries = name.entries_by_nid(nid);
    let text = entries.next().map(|entry| entry.data().to_string());
    text.and_then(Result::ok).unwrap_or_default()
}

impl Pair {
    /// Makes a new authority.
    pub(super) fn new_authority() -> Result<Self, ErrorStack> {
        let key = key()?;
        let name = subject("", "kubernetes")?;
        let mut builder = leaf(&name, &name, &key, AUTHORITY_DAYS)?;
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        let usage = KeyUsage::new()
            .critical()
            .digital_signature()
            .key_encipherment()
            .key_cert_sign()
            .build()?;
        builder.append_extension(usage)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok(Self {
            certificate: builder.build(),
            key,
        })
    }

    /// Reads a pair from its two PEM texts.
    pub(super) fn from_pem(certificate: &str, key: &str) -> Result<Self, ErrorStack> {
        Ok(Self {
            certificate: X509::from_pem(certificate.as_bytes())?,
            key: PKey::private_key_from_pem(key.as_bytes())?,
        })
    }

    /// Makes a key and signs it.
    pub(super) fn issue(&self, name: &X509Name, purpose: &Purpose<'_>) -> Result<Self, ErrorStack> {
        let key = key()?;
        let certificate = self.sign(name, &key, purpose)?;
        Ok(Self { certificate, key })
    }

    /// Signs a public key under a name.
    pub(super) fn sign<K: openssl::pkey::HasPublic>(
        &self,
        name: &X509NameRef,
        key: &PKeyRef<K>,
        purpose: &Purpose<'_>,
    ) -> Result<X509, ErrorStack> {
        let mut builder = leaf(name, self.certificate.subject_name(), key, LEAF_DAYS)?;
        let usage = KeyUsage::new()
            .critical()
            .digital_signature()
            .key_encipherment()
            .build()?;
        builder.append_extension(usage)?;
        match purpose {
            Purpose::Client => {
                builder.append_extension(ExtendedKeyUsage::new().client_auth().build()?)?;
            }
            Purpose::Server(names) => {
                builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
                let mut alternatives = SubjectAlternativeName::new();
                for name in *names {
                    match name.parse::<IpAddr>() {
                        Ok(_) => alternatives.ip(name),
                        Err(_) => alternatives.dns(name),
                    };
                }
                let context = builder.x509v3_context(Some(&self.certificate), None);
                let extension = alternatives.build(&context)?;
                builder.append_extension(extension)?;
            }
        }
        builder.sign(&self.key, MessageDigest::sha256())?;
        Ok(builder.build())
    }
}

/// Makes a signing request.
pub(super) fn request(name: &X509Name, key: &PKey<Private>) -> Result<X509Req, ErrorStack> {
    let mut builder = X509ReqBuilder::new()?;
    builder.set_subject_name(name)?;
    builder.set_pubkey(key)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

/// Gives the public key of a signing request that is signed by this very key.
pub(super) fn proven_key(request: &X509Req) -> Option<PKey<Public>> {
    let key = request.public_key().ok()?;
    request.verify(&key).ok()?.then_some(key)
}

/// Gives `sha256:HEX` of a certificate's public key, as `--discovery-token-ca-cert-hash` takes it.
pub(super) fn public_key_hash(certificate: &X509) -> Result<String, ErrorStack> {
    let der = certificate.public_key()?.public_key_to_der()?;
    let digest = hash(MessageDigest::sha256(), &der)?;
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("sha256:{hex}"))
}

fn leaf<K: openssl::pkey::HasPublic>(
    name: &X509NameRef,
    issuer: &X509NameRef,
    key: &PKeyRef<K>,
    days: u32,
) -> Result<X509Builder, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    builder.set_serial_number(serial.to_asn1_integer()?.as_ref())?;
    builder.set_subject_name(name)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(Asn1Time::days_from_now(0)?.as_ref())?;
    builder.set_not_after(Asn1Time::days_from_now(days)?.as_ref())?;
    Ok(builder)
}

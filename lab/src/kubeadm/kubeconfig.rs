//! Kubeconfigs: where the endpoint is, whom to trust, and who we are.
//!
//! Written in the shape of the real ones (tools read `server:` from them); read back by line,
//! which is enough for what this module wrote.

use std::path::Path;

use openssl::base64::{decode_block, encode_block};
use openssl::error::ErrorStack;
use openssl::x509::X509;

use super::authority::Pair;
use super::disk;
use super::error::Error;

/// A kubeconfig's three facts.
pub(super) struct Kubeconfig {
    /// `https://HOST:PORT`.
    pub(super) server: String,
    pub(super) authority: X509,
    /// None in the public one of cluster-info.
    pub(super) client: Option<Pair>,
}

impl Kubeconfig {
    /// Writes it as YAML, for `user`.
    pub(super) fn to_yaml(&self, user: &str) -> Result<String, ErrorStack> {
        let authority = encode_block(&self.authority.to_pem()?);
        let server = &self.server;
        let cluster = format!(
            "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {authority}\n\
             \x20   server: {server}\n"
        );
        let Some(client) = &self.client else {
            return Ok(cluster
                + "  name: \"\"\ncontexts: null\ncurrent-context: \"\"\nkind: Config\n\
                   preferences: {}\nusers: null\n");
        };
        let certificate = encode_block(&client.certificate.to_pem()?);
        let key = encode_block(&client.key.private_key_to_pem_pkcs8()?);
        Ok(cluster
            + &format!(
                "  name: kubernetes\ncontexts:\n- context:\n    cluster: kubernetes\n    \
                 user: {user}\n  name: {user}@kubernetes\n\
                 current-context: {user}@kubernetes\nkind: Config\npreferences: {{}}\nusers:\n\
                 - name: {user}\n  user:\n    client-certificate-data: {certificate}\n    \
                 client-key-data: {key}\n"
            ))
    }

    /// Reads a kubeconfig that this module wrote; none if something is missing or broken.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "))
        };
        let decoded = |name| decode_block(field(name)?).ok();
        let client = match (
            decoded("client-certificate-data"),
            decoded("client-key-data"),
        ) {
            (Some(certificate), Some(key)) => {
                let certificate = String::from_utf8(certificate).ok()?;
                Some(Pair::from_pem(&certificate, std::str::from_utf8(&key).ok()?).ok()?)
            }
            _ => None,
        };
        Some(Self {
            server: field("server")?.to_owned(),
            authority: X509::from_pem(&decoded("certificate-authority-data")?).ok()?,
            client,
        })
    }

    /// Reads a kubeconfig file.
    pub(super) fn load(path: &Path) -> Result<Self, Error> {
        Self::parse(&disk::read(path)?).ok_or_else(|| Error::State {
            path: path.to_owned(),
            reason: "invalid configuration: no cluster or no user in it".into(),
        })
    }

    /// Gives `HOST:PORT`.
    pub(super) fn endpoint(&self) -> &str {
        self.server.trim_start_matches("https://")
    }
}

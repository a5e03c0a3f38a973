//! `kubeadm join`: believes a control plane only after it proved itself, then asks it for a
//! certificate.
//!
//! The order is the real one: cluster-info is fetched from anyone, must be signed with the token,
//! and must hold an authority whose key has the given hash; only to that authority the token is
//! shown.

use std::path::Path;

use openssl::base64::{decode_block, encode_block};
use openssl::x509::X509;
use serde_json::{Value, json};

use super::arguments::JoinOptions;
use super::authority::{self, Pair};
use super::cluster;
use super::connection::{self, Trust};
use super::disk::{self, Readers};
use super::error::Error;
use super::kubeconfig::Kubeconfig;
use super::{init, serve, token};

/// Joins this node to the cluster at `options.endpoint`.
pub(super) fn run(root: &Path, options: &JoinOptions) -> Result<String, Error> {
    let (id, secret) = token::split(&options.token)?;
    check_hashes(options)?;
    let name = match &options.node_name {
        Some(name) => name.to_lowercase(),
        None => disk::host_name()?,
    };
    preflight(root, options)?;
    let found = discover(options, &id, &secret)?;
    let user = format!("{}{name}", serve::NODE_PREFIX);
    let client = bootstrap(&found, &options.token, &user)?;
    let kubelet = Kubeconfig {
        client: Some(client),
        ..found
    };
    let pem = kubelet.authority.to_pem()?;
    disk::replace(
        &disk::under(root, cluster::AUTHORITY_CERTIFICATE),
        &pem,
        Readers::All,
    )?;
    let yaml = kubelet.to_yaml(&user)?;
    let path = disk::under(root, cluster::KUBELET_CONF);
    disk::replace(&path, yaml.as_bytes(), Readers::Owner)?;
    show_certificate(&kubelet)?;
    Ok(format!(
        "[preflight] Running pre-flight checks\n\
         [lab] This is the lab's stand-in for kubeadm: no kubelet runs on {name}\n\n\
         This node has joined the cluster:\n\
         * Certificate signing request was sent to apiserver and a response was received.\n"
    ))
}

fn check_hashes(options: &JoinOptions) -> Result<(), Error> {
    let hashes = &options.discovery_token_ca_cert_hash;
    if hashes.is_empty() && !options.discovery_token_unsafe_skip_ca_verification {
        return Err(Error::Validation(
            "discovery.bootstrapToken: Invalid value: \"\": using token-based discovery without \
             caCertHashes can be unsafe. Set unsafeSkipCAVerification as true in your kubeadm \
             config file or pass --discovery-token-unsafe-skip-ca-verification flag to continue"
                .into(),
        ));
    }
    for hash in hashes {
        let hex = hash.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::Validation(format!(
                "discovery.bootstrapToken.caCertHashes: Invalid value: {hash:?}: invalid hash, \
                 expected \"sha256:\" and 64 hexadecimal digits"
            )));
        }
    }
    Ok(())
}

fn preflight(root: &Path, options: &JoinOptions) -> Result<(), Error> {
    let path = cluster::KUBELET_CONF;
    let mut failures = Vec::new();
    if disk::under(root, path).exists() {
        let check = format!("FileAvailable-{}", path.replace('/', "-"));
        failures.push((check, format!("{path} already exists")));
    }
    init::fail_unless_ignored(failures, &options.ignore_preflight_errors)
}

/// Fetches cluster-info and believes it if token and hash say so.
fn discover(options: &JoinOptions, id: &str, secret: &str) -> Result<Kubeconfig, Error> {
    let identity = |reason: String| {
        Error::Refused(format!(
            "error execution phase preflight: couldn't validate the identity of the API Server: \
             {reason}"
        ))
    };
    let endpoint = &options.endpoint;
    let asked = connection::ask(endpoint, serve::CLUSTER_INFO, b"", &Trust::default());
    let (status, info) = asked.map_err(|error| identity(error.to_string()))?;
    let Some(text) = info.pointer("/data/kubeconfig").and_then(Value::as_str) else {
        return Err(identity(format!(
            "https://{endpoint} answered {status} without cluster-info"
        )));
    };
    let signature = info.pointer(&format!("/data/jws-kubeconfig-{id}"));
    let Some(signature) = signature.and_then(Value::as_str) else {
        return Err(identity(format!(
            "could not find a JWS signature in the cluster-info ConfigMap for token ID {id:?}"
        )));
    };
    let expected = serve::signature(id, secret, text)?;
    if expected.len() != signature.len()
        || !openssl::memcmp::eq(expected.as_bytes(), signature.as_bytes())
    {
        return Err(identity(
            "failed to verify JWS signature of received cluster info object, can't trust this API \
             Server"
                .into(),
        ));
    }
    let found = Kubeconfig::parse(text)
        .ok_or_else(|| identity("cluster-info holds no kubeconfig".into()))?;
    let hash = authority::public_key_hash(&found.authority)?;
    let pinned = &options.discovery_token_ca_cert_hash;
    if !pinned.is_empty() && !pinned.iter().any(|pin| pin.eq_ignore_ascii_case(&hash)) {
        return Err(identity(format!(
            "cluster CA found in cluster-info ConfigMap is invalid: none of the public keys \
             {hash:?} are pinned"
        )));
    }
    Ok(found)
}

/// Has a new key signed, showing the token to the authority that was found.
fn bootstrap(found: &Kubeconfig, token: &str, user: &str) -> Result<Pair, Error> {
    let key = authority::key()?;
    let name = authority::subject(serve::NODE_GROUP, user)?;
    let request = encode_block(&authority::request(&name, &key)?.to_pem()?);
    let body = json!({
        "kind": "CertificateSigningRequest",
        "spec": {"request": request, "usages": ["digital signature", "client auth"]},
    });
    let trust = Trust {
        authority: Some(&found.authority),
        bearer: Some(token),
        ..Trust::default()
    };
    let (status, answer) = connection::ask(
        found.endpoint(),
        serve::SIGN,
        body.to_string().as_bytes(),
        &trust,
    )?;
    let certificate = answer
        .pointer("/status/certificate")
        .and_then(Value::as_str)
        .and_then(|text| decode_block(text).ok())
        .and_then(|pem| X509::from_pem(&pem).ok());
    match certificate {
        Some(certificate) => Ok(Pair { certificate, key }),
        None => Err(refused("kubelet-start", status, &answer)),
    }
}

/// Shows the new certificate, as a kubelet would: from then on the node is ready.
fn show_certificate(kubelet: &Kubeconfig) -> Result<(), Error> {
    let trust = Trust {
        authority: Some(&kubelet.authority),
        client: kubelet.client.as_ref(),
        bearer: None,
    };
    match connection::ask(kubelet.endpoint(), serve::READY, b"", &trust)? {
        (200, _) => Ok(()),
        (status, answer) => Err(refused("kubelet-start", status, &answer)),
    }
}

fn refused(phase: &str, status: u16, answer: &Value) -> Error {
    let reason = answer
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or("no answer");
    Error::Refused(format!(
        "error execution phase {phase}: {reason} ({status})"
    ))
}

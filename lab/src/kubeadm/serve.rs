//! The endpoint: what a joining node and `kubectl` reach at `https://HOST:6443`.
//!
//! It shows cluster-info to anyone, signed for each living token; signs a node's certificate for
//! a good token, once per use; and tells a client with a certificate who the nodes are. It never
//! signs for a token that is unknown, expired, deleted or used up.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use openssl::base64::{decode_block, encode_block};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::ssl::{SslAcceptor, SslMethod, SslStream, SslVerifyMode};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509Req};
use serde_json::{Value, json};

use super::authority::{self, Pair, Purpose};
use super::cluster::{self, Cluster, Node, Role};
use super::error::Error;
use super::http::{self, Message};
use super::kubeconfig::Kubeconfig;
use super::token::Token;
use super::{VERSION, clock, disk};

pub(super) const CLUSTER_INFO: &str = "GET /api/v1/namespaces/kube-public/configmaps/cluster-info";
pub(super) const SIGN: &str = "POST /apis/certificates.k8s.io/v1/certificatesigningrequests";
pub(super) const NODES: &str = "GET /api/v1/nodes";
pub(super) const READY: &str = "PATCH /api/v1/nodes";
pub(super) const ADMINS: &str = "system:masters";
pub(super) const NODE_GROUP: &str = "system:nodes";
pub(super) const NODE_PREFIX: &str = "system:node:";

/// A peer that says nothing may hold a connection that long.
const PATIENCE: Duration = Duration::from_secs(10);
/// More connections at once than nodes of a lab; the next ones are closed.
const CONNECTIONS_MAX: usize = 64;
/// At boot the address may come up after us: 150 tries, 200 ms apart, are 30 s.
const BIND_TRIES: u32 = 150;

type Answer = (u16, Value);

/// Serves until the process ends. On a node that is no control plane there is nothing to do.
pub(super) fn run(root: &Path) -> Result<String, Error> {
    let Some(cluster) = Cluster::load(root)? else {
        return Ok("[lab-serve] not a control plane: nothing to serve\n".into());
    };
    // Fails if we already lead a session, which is as good.
    let _ = rustix::process::setsid();
    let listener = bind(&cluster.endpoint)?;
    let pid = std::process::id().to_string();
    disk::replace(&pid_file(root), pid.as_bytes(), disk::Readers::All)?;
    let acceptor = Arc::new(acceptor(root)?);
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming().flatten() {
        if open.fetch_add(1, Ordering::AcqRel) >= CONNECTIONS_MAX {
            open.fetch_sub(1, Ordering::AcqRel);
            continue;
        }
        let (acceptor, root, open) = (acceptor.clone(), root.to_owned(), open.clone());
        std::thread::spawn(move || {
            // What a peer does wrong is the peer's matter; it sees the connection close.
            let _ = converse(&root, &acceptor, stream);
            open.fetch_sub(1, Ordering::AcqRel);
        });
    }
    Ok(String::new())
}

/// Gives where the serving process's number is written.
pub(super) fn pid_file(root: &Path) -> PathBuf {
    disk::under(root, cluster::STATE_FOLDER).join("serve.pid")
}

fn bind(endpoint: &str) -> Result<TcpListener, Error> {
    let mut tries = 0;
    loop {
        match TcpListener::bind(endpoint) {
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable && tries < BIND_TRIES => {
                tries += 1;
                clock::pause(Duration::from_millis(200));
            }
            bound => return bound.map_err(|error| Error::network(endpoint, error)),
        }
    }
}

fn acceptor(root: &Path) -> Result<SslAcceptor, Error> {
    let read = |path| disk::read(&disk::under(root, path));
    let server = Pair::from_pem(
        &read(cluster::SERVER_CERTIFICATE)?,
        &read(cluster::SERVER_KEY)?,
    )?;
    let authority = X509::from_pem(read(cluster::AUTHORITY_CERTIFICATE)?.as_bytes())?;
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_certificate(&server.certificate)?;
    builder.set_private_key(&server.key)?;
    let mut store = X509StoreBuilder::new()?;
    store.add_cert(authority)?;
    builder.set_cert_store(store.build());
    // A certificate is welcome and then must be ours; without one a token must do.
    builder.set_verify(SslVerifyMode::PEER);
    builder.set_session_id_context(b"kubeadm-lab")?;
    Ok(builder.build())
}

fn converse(root: &Path, acceptor: &SslAcceptor, stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut tls = acceptor.accept(stream).map_err(std::io::Error::other)?;
    let message = http::read(&mut tls)?;
    let (status, body) = answer(root, &message, &Caller::of(&tls))
        .unwrap_or_else(|error| (500, json!({"kind": "Status", "message": error.to_string()})));
    let reason = if status < 300 { "OK" } else { "Error" };
    http::write(
        &mut tls,
        &format!("HTTP/1.1 {status} {reason}"),
        "",
        body.to_string().as_bytes(),
    )?;
    let _ = tls.shutdown();
    Ok(())
}

/// Who the peer's certificate says it is; both empty without one.
struct Caller {
    group: String,
    name: String,
}

impl Caller {
    fn of(tls: &SslStream<TcpStream>) -> Self {
        let certificate = tls.ssl().peer_certificate();
        let entry = |nid| {
            let subject = certificate
                .as_ref()
                .map(|certificate| certificate.subject_name());
            subject
                .map(|subject| authority::entry(subject, nid))
                .unwrap_or_default()
        };
        Self {
            group: entry(Nid::ORGANIZATIONNAME),
            name: entry(Nid::COMMONNAME),
        }
    }
}

fn answer(root: &Path, message: &Message, caller: &Caller) -> Result<Answer, Error> {
    let now = clock::now();
    match message.route() {
        CLUSTER_INFO => Ok((200, cluster_info(root, now)?)),
        SIGN => sign(root, message, now),
        NODES if caller.group == ADMINS => Ok((200, nodes(&Cluster::load_as_admin(root)?))),
        READY if caller.group == NODE_GROUP => ready(root, caller, now),
        NODES | READY => Ok(refusal(403, "Forbidden")),
        _ => Ok(refusal(
            404,
            "the server could not find the requested resource",
        )),
    }
}

fn refusal(status: u16, message: &str) -> Answer {
    (
        status,
        json!({"kind": "Status", "status": "Failure", "code": status, "message": message}),
    )
}

/// The public facts of the cluster, signed with each token that may sign.
fn cluster_info(root: &Path, now: u64) -> Result<Value, Error> {
    let cluster = Cluster::load_as_admin(root)?;
    let admin = Kubeconfig::load(&disk::under(root, cluster::ADMIN_CONF))?;
    let kubeconfig = Kubeconfig {
        client: None,
        ..admin
    }
    .to_yaml("")?;
    let mut data = json!({"kubeconfig": kubeconfig});
    for token in cluster
        .tokens
        .iter()
        .filter(|token| token.is_good_for("signing", now))
    {
        let name = format!("jws-kubeconfig-{}", token.id);
        data[name] = signature(&token.id, &token.secret, &kubeconfig)?.into();
    }
    Ok(json!({
        "kind": "ConfigMap", "apiVersion": "v1", "data": data,
        "metadata": {"name": "cluster-info", "namespace": "kube-public"},
    }))
}

/// Gives the detached JWS (`header..signature`, HS256) of a text under a token.
pub(super) fn signature(id: &str, secret: &str, text: &str) -> Result<String, Error> {
    let header = base64_url(json!({"alg": "HS256", "kid": id}).to_string().as_bytes());
    let key = PKey::hmac(secret.as_bytes())?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    signer.update(format!("{header}.{}", base64_url(text.as_bytes())).as_bytes())?;
    Ok(format!("{header}..{}", base64_url(&signer.sign_to_vec()?)))
}

fn base64_url(bytes: &[u8]) -> String {
    encode_block(bytes)
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_")
}

/// Signs a node's certificate for a good token, and counts the use.
fn sign(root: &Path, message: &Message, now: u64) -> Result<Answer, Error> {
    let bearer = message.bearer.clone().unwrap_or_default();
    let Some((name, request)) = node_request(&message.body) else {
        return Ok(refusal(400, "no signing request of a node"));
    };
    let Some(key) = authority::proven_key(&request) else {
        return Ok(refusal(
            400,
            "the signing request is not signed by its own key",
        ));
    };
    let read = |path| disk::read(&disk::under(root, path));
    let authority = Pair::from_pem(
        &read(cluster::AUTHORITY_CERTIFICATE)?,
        &read(cluster::AUTHORITY_KEY)?,
    )?;
    // The subject is ours, not the request's: it could ask for a second group.
    let subject = authority::subject(NODE_GROUP, &format!("{NODE_PREFIX}{name}"))?;
    let certificate = authority.sign(&subject, &key, &Purpose::Client)?.to_pem()?;
    Cluster::change(root, now, |cluster| {
        let is_taken = cluster
            .nodes
            .iter()
            .any(|node| node.name == name && node.is_ready);
        let Some(token) = cluster.token(&bearer, "authentication", now) else {
            return Ok(refusal(401, "Unauthorized"));
        };
        if is_taken {
            return Ok(refusal(
                409,
                &format!(
                    "a Node with name {name:?} and status \"Ready\" already exists in the cluster. \
                 You must delete the existing Node or change the name of this new joining Node"
                ),
            ));
        }
        use_up(token);
        cluster.put_node(Node {
            name,
            role: Role::Worker,
            is_ready: false,
            created: now,
            version: VERSION.into(),
        });
        Ok((
            201,
            json!({"kind": "CertificateSigningRequest",
                        "status": {"certificate": encode_block(&certificate)}}),
        ))
    })
}

fn use_up(token: &mut Token) {
    token.uses_left = token.uses_left.map(|left| left.saturating_sub(1));
}

/// Reads `spec.request`; it must ask for a node's name in the group of nodes.
fn node_request(body: &[u8]) -> Option<(String, X509Req)> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let pem = decode_block(body.pointer("/spec/request")?.as_str()?).ok()?;
    let request = X509Req::from_pem(&pem).ok()?;
    let name = authority::entry(request.subject_name(), Nid::COMMONNAME);
    let name = name.strip_prefix(NODE_PREFIX)?.to_owned();
    let group = authority::entry(request.subject_name(), Nid::ORGANIZATIONNAME);
    (group == NODE_GROUP && !name.is_empty()).then_some((name, request))
}

fn ready(root: &Path, caller: &Caller, now: u64) -> Result<Answer, Error> {
    Cluster::change(root, now, |cluster| {
        let name = caller.name.strip_prefix(NODE_PREFIX).unwrap_or_default();
        Ok(
            match cluster.nodes.iter_mut().find(|node| node.name == name) {
                Some(node) => {
                    node.is_ready = true;
                    (200, json!({"kind": "Node"}))
                }
                None => refusal(404, &format!("nodes {name:?} not found")),
            },
        )
    })
}

fn nodes(cluster: &Cluster) -> Value {
    let item = |node: &Node| {
        let labels = match node.role {
            Role::ControlPlane => json!({"node-role.kubernetes.io/control-plane": ""}),
            Role::Worker => json!({}),
        };
        let status = if node.is_ready { "True" } else { "False" };
        json!({
            "kind": "Node",
            "metadata": {"name": node.name, "labels": labels,
                         "creationTimestamp": clock::rfc3339(node.created)},
            "status": {"conditions": [{"type": "Ready", "status": status}],
                       "nodeInfo": {"kubeletVersion": node.version}},
            "ageSeconds": clock::now().saturating_sub(node.created),
        })
    };
    let mut items: Vec<&Node> = cluster.nodes.iter().collect();
    items.sort_by(|one, other| one.name.cmp(&other.name));
    json!({"kind": "List", "apiVersion": "v1",
           "items": items.into_iter().map(item).collect::<Vec<_>>()})
}

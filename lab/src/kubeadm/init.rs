//! `kubeadm init`: makes the authority, the kubeconfigs, the first token, and the endpoint.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::arguments::InitOptions;
use super::authority::{self, Pair, Purpose};
use super::cluster::{self, Cluster, Node, Role};
use super::connection::{self, Trust};
use super::disk::{self, Readers};
use super::error::Error;
use super::kubeconfig::Kubeconfig;
use super::token::Token;
use super::{VERSION, clock, serve};

/// The endpoint answers within a second or so; a busy machine may need 200 tries 200 ms apart.
const START_TRIES: u32 = 200;

/// Makes this node the control plane.
pub(super) fn run(root: &Path, options: &InitOptions) -> Result<String, Error> {
    let now = clock::now();
    let address = match options.apiserver_advertise_address {
        Some(address) => address,
        None => own_address()?,
    };
    let endpoint = SocketAddr::new(address, options.apiserver_bind_port).to_string();
    check_network(options)?;
    let token = Token::new(options.token.as_deref(), &options.token_ttl, now)?;
    let name = match &options.node_name {
        Some(name) => name.to_lowercase(),
        None => disk::host_name()?,
    };
    preflight(root, options, &endpoint)?;

    let authority = Pair::new_authority()?;
    write_keys(root, &authority, &names(address, &name, options))?;
    write_kubeconfigs(root, &authority, &endpoint, &name)?;
    let node = Node {
        name,
        role: Role::ControlPlane,
        is_ready: true,
        created: now,
        version: VERSION.into(),
    };
    let cluster = Cluster {
        endpoint,
        tokens: vec![token],
        nodes: vec![node],
    };
    cluster.save(root)?;
    start(root, &cluster.endpoint)?;
    report(&cluster, &authority, options)
}

/// Asks the routes for the address that others see; nothing is sent.
fn own_address() -> Result<IpAddr, Error> {
    let found = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        Ok(socket.local_addr()?.ip())
    });
    found.map_err(|error| {
        Error::Refused(format!(
            "unable to select an IP from default routes: {error}"
        ))
    })
}

fn check_network(options: &InitOptions) -> Result<(), Error> {
    let Some(network) = &options.pod_network_cidr else {
        return Ok(());
    };
    let is_network = network.split_once('/').is_some_and(|(address, bits)| {
        let bits_max = if address.contains(':') { 128 } else { 32 };
        address.parse::<IpAddr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= bits_max)
    });
    if is_network {
        return Ok(());
    }
    Err(Error::Validation(format!(
        "networking.podSubnet: Invalid value: {network:?}: couldn't parse subnet"
    )))
}

fn preflight(root: &Path, options: &InitOptions, endpoint: &str) -> Result<(), Error> {
    let mut failures = Vec::new();
    for path in [
        cluster::MANIFEST,
        cluster::ADMIN_CONF,
        cluster::KUBELET_CONF,
    ] {
        if disk::under(root, path).exists() {
            let check = path.replace('/', "-");
            failures.push((
                format!("FileAvailable-{check}"),
                format!("{path} already exists"),
            ));
        }
    }
    let port = options.apiserver_bind_port;
    if let Err(error) = TcpListener::bind(endpoint) {
        let text = match error.kind() {
            std::io::ErrorKind::AddrInUse => format!("Port {port} is in use"),
            _ => format!("cannot listen on {endpoint}: {error}"),
        };
        failures.push((format!("Port-{port}"), text));
    }
    fail_unless_ignored(failures, &options.ignore_preflight_errors)
}

/// Turns failed checks into the error, without those the user said to ignore.
pub(super) fn fail_unless_ignored(
    failures: Vec<(String, String)>,
    ignored: &[String],
) -> Result<(), Error> {
    let is_ignored = |check: &str| {
        ignored
            .iter()
            .any(|name| name == "all" || name.eq_ignore_ascii_case(check))
    };
    let fatal: Vec<String> = failures
        .into_iter()
        .filter(|(check, _)| !is_ignored(check))
        .map(|(check, text)| format!("\t[ERROR {check}]: {text}"))
        .collect();
    if fatal.is_empty() {
        Ok(())
    } else {
        Err(Error::Preflight(fatal))
    }
}

fn names(address: IpAddr, node: &str, options: &InitOptions) -> Vec<String> {
    let mut names = vec![
        address.to_string(),
        node.to_owned(),
        "kubernetes".to_owned(),
    ];
    names.extend(options.apiserver_cert_extra_sans.iter().cloned());
    names
}

fn write_keys(root: &Path, authority: &Pair, names: &[String]) -> Result<(), Error> {
    let name = authority::subject("", "kube-apiserver")?;
    let server = authority.issue(&name, &Purpose::Server(names))?;
    let files = [
        (
            authority,
            cluster::AUTHORITY_CERTIFICATE,
            cluster::AUTHORITY_KEY,
        ),
        (&server, cluster::SERVER_CERTIFICATE, cluster::SERVER_KEY),
    ];
    for (pair, certificate, key) in files {
        let pem = pair.key.private_key_to_pem_pkcs8()?;
        disk::replace(&disk::under(root, key), &pem, Readers::Owner)?;
        let pem = pair.certificate.to_pem()?;
        disk::replace(&disk::under(root, certificate), &pem, Readers::All)?;
    }
    Ok(())
}

fn write_kubeconfigs(
    root: &Path,
    authority: &Pair,
    endpoint: &str,
    node: &str,
) -> Result<(), Error> {
    let node_user = format!("{}{node}", serve::NODE_PREFIX);
    let users = [
        (cluster::ADMIN_CONF, serve::ADMINS, "kubernetes-admin"),
        (cluster::KUBELET_CONF, serve::NODE_GROUP, node_user.as_str()),
    ];
    for (path, group, user) in users {
        let client = authority.issue(&authority::subject(group, user)?, &Purpose::Client)?;
        let kubeconfig = Kubeconfig {
            server: format!("https://{endpoint}"),
            authority: authority.certificate.clone(),
            client: Some(client),
        };
        let yaml = kubeconfig.to_yaml(user)?;
        disk::replace(&disk::under(root, path), yaml.as_bytes(), Readers::Owner)?;
    }
    let manifest = "# The lab's stand-in: kubeadm lab-serve is the endpoint of this node.\n";
    disk::replace(
        &disk::under(root, cluster::MANIFEST),
        manifest.as_bytes(),
        Readers::Owner,
    )
}

/// Starts the endpoint as a process of its own and waits until it answers.
fn start(root: &Path, endpoint: &str) -> Result<(), Error> {
    let program =
        std::env::current_exe().map_err(|error| Error::file(Path::new("/proc"), error))?;
    let log = disk::append(&disk::under(root, cluster::STATE_FOLDER).join("serve.log"))?;
    // It leaves our session by itself: the end of the minion's job must not end it.
    let mut child = Command::new(&program)
        .arg0("kubeadm")
        .arg("lab-serve")
        .env("KUBEADM_ROOT", root)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|error| Error::file(&program, error))?;
    for _ in 0..START_TRIES {
        let answer = connection::ask(endpoint, serve::CLUSTER_INFO, b"", &Trust::default());
        if matches!(answer, Ok((200, _))) {
            return Ok(());
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(unhealthy(root, &format!("it ended with {status}")));
        }
        clock::pause(Duration::from_millis(200));
    }
    Err(unhealthy(root, "it does not answer"))
}

fn unhealthy(root: &Path, reason: &str) -> Error {
    let log = disk::under(root, cluster::STATE_FOLDER).join("serve.log");
    Error::Refused(format!(
        "error execution phase wait-control-plane: the endpoint could not be started: {reason}; \
         see {}",
        log.display()
    ))
}

fn report(cluster: &Cluster, authority: &Pair, options: &InitOptions) -> Result<String, Error> {
    let mut text = format!(
        "[init] Using Kubernetes version: {VERSION}\n\
         [preflight] Running pre-flight checks\n\
         [certs] Generating \"ca\" certificate and key\n\
         [kubeconfig] Writing \"admin.conf\" kubeconfig file\n\
         [lab] This is the lab's stand-in for kubeadm: no containers run on this node\n\n\
         Your Kubernetes control-plane has initialized successfully!\n"
    );
    if !options.skip_token_print
        && let Some(token) = cluster.tokens.first()
    {
        text += &format!(
            "\nThen you can join any number of worker nodes by running the following on each as \
             root:\n\n{}",
            join_command(&cluster.endpoint, &token.text(), authority)?
        );
    }
    Ok(text)
}

/// Writes the command that a worker joins with.
pub(super) fn join_command(endpoint: &str, token: &str, authority: &Pair) -> Result<String, Error> {
    let hash = authority::public_key_hash(&authority.certificate)?;
    Ok(format!(
        "kubeadm join {endpoint} --token {token} --discovery-token-ca-cert-hash {hash}\n"
    ))
}

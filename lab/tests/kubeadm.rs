//! What the stand-in for kubeadm promises to a node, by running it as the node does.
//!
//! Every cluster is a folder and an address of its own, so the tests run side by side. The
//! endpoint is the real detached process; it is ended by the number it wrote.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test looks at the files of a node, and ends where one is missing"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU8, Ordering};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubeadm");

/// One folder that plays a node's `/`, with an address to listen on.
struct Node {
    root: TempDir,
    address: String,
}

impl Node {
    fn new() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        // Process and test together: no two of them share a loopback address.
        let own = std::process::id().to_be_bytes();
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let address = format!("127.{}.{}.{next}", own[2], own[3]);
        Self {
            root: TempDir::new().unwrap(),
            address,
        }
    }

    fn control_plane() -> Self {
        let node = Self::new();
        let output = node.init(&[]);
        assert!(output.status.success(), "{}", errors(&output));
        node
    }

    fn command(&self, program: &Path, args: &[&str]) -> Output {
        let mut command = Command::new(program);
        command
            .args(args)
            .env("KUBEADM_ROOT", self.root.path())
            .env_remove("KUBECONFIG");
        command.output().unwrap()
    }

    fn kubeadm(&self, args: &[&str]) -> Output {
        self.command(Path::new(PROGRAM), args)
    }

    fn init(&self, more: &[&str]) -> Output {
        let mut args = vec!["init", "--apiserver-advertise-address", &self.address];
        args.extend([
            "--pod-network-cidr",
            "10.244.0.0/16",
            "--node-name",
            "cplane",
        ]);
        args.extend(more);
        self.kubeadm(&args)
    }

    fn token(&self, more: &[&str]) -> String {
        let mut args = vec!["token", "create", "--description", "a join"];
        args.extend(more);
        let output = self.kubeadm(&args);
        assert!(output.status.success(), "{}", errors(&output));
        text(&output).trim().to_owned()
    }

    /// Gives the `sha256:…` that init would print, from the join command.
    fn hash(&self) -> String {
        let output = self.kubeadm(&["token", "create", "--print-join-command"]);
        text(&output).trim().rsplit(' ').next().unwrap().to_owned()
    }

    fn join(&self, control_plane: &Node, name: &str, token: &str, hash: &str) -> Output {
        let endpoint = format!("{}:6443", control_plane.address);
        let mut args = vec!["join", &endpoint, "--token", token, "--node-name", name];
        args.extend(["--discovery-token-ca-cert-hash", hash]);
        self.kubeadm(&args)
    }

    fn nodes(&self) -> String {
        let kubectl = self.root.path().join("kubectl");
        if !kubectl.exists() {
            std::os::unix::fs::symlink(PROGRAM, &kubectl).unwrap();
        }
        let output = self.command(&kubectl, &["get", "nodes", "--no-headers"]);
        assert!(output.status.success(), "{}", errors(&output));
        text(&output)
    }

    fn file(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    fn has_joined(&self) -> bool {
        self.file("/etc/kubernetes/kubelet.conf").exists()
    }

    /// Ends the endpoint as a power cut would, and starts it as the node's init would.
    fn power_cycle(&self) -> std::process::Child {
        let pid = std::fs::read_to_string(self.file("/var/lib/kubeadm-lab/serve.pid")).unwrap();
        let killed = Command::new("kill")
            .args(["-9", pid.trim()])
            .status()
            .unwrap();
        assert!(killed.success());
        // A dying process still listens for a moment: whoever connects then talks to nobody.
        while self.listens() {
            std::thread::yield_now();
        }
        let mut command = Command::new(PROGRAM);
        command
            .arg("lab-serve")
            .env("KUBEADM_ROOT", self.root.path());
        let child = command.spawn().unwrap();
        while !self.listens() {
            std::thread::yield_now();
        }
        child
    }

    fn listens(&self) -> bool {
        std::net::TcpStream::connect(format!("{}:6443", self.address)).is_ok()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Ends the endpoint, if this node had one.
        self.kubeadm(&["reset", "-f"]);
    }
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn assert_fails(output: &Output, code: i32, words: &str) {
    assert_eq!(
        output.status.code(),
        Some(code),
        "{}{}",
        text(output),
        errors(output)
    );
    assert!(errors(output).contains(words), "{}", errors(output));
    assert_eq!(text(output), "");
}

#[test]
fn init_leaves_what_the_formula_reads() {
    let node = Node::control_plane();
    let admin = std::fs::read_to_string(node.file("/etc/kubernetes/admin.conf")).unwrap();
    assert!(
        admin.contains(&format!("    server: https://{}:6443\n", node.address)),
        "{admin}"
    );
    let certificate = std::fs::read(node.file("/etc/kubernetes/pki/ca.crt")).unwrap();
    let certificate = openssl::x509::X509::from_pem(&certificate).unwrap();
    let key = certificate.public_key().unwrap();
    assert!(key.rsa().is_ok(), "the authority's key is RSA");
    let digest = openssl::sha::sha256(&key.public_key_to_der().unwrap());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(node.hash(), format!("sha256:{hex}"));
    assert!(
        node.nodes()
            .starts_with("cplane    Ready     control-plane"),
        "{}",
        node.nodes()
    );
}

#[test]
fn init_on_an_initialised_node_fails_its_preflight_checks() {
    let node = Node::control_plane();
    let admin = std::fs::read(node.file("/etc/kubernetes/admin.conf")).unwrap();
    assert_fails(&node.init(&[]), 2, "[ERROR Port-6443]: Port 6443 is in use");
    assert_fails(&node.init(&[]), 2, "kube-apiserver.yaml already exists");
    assert_eq!(
        std::fs::read(node.file("/etc/kubernetes/admin.conf")).unwrap(),
        admin
    );
}

#[test]
fn init_does_not_print_a_token_when_told_so() {
    let node = Node::new();
    let output = node.init(&["--skip-token-print"]);
    assert!(output.status.success(), "{}", errors(&output));
    assert!(!text(&output).contains("--token"), "{}", text(&output));
}

#[test]
fn a_node_with_the_right_secrets_joins_once() {
    let (control_plane, worker) = (Node::control_plane(), Node::new());
    let (token, hash) = (control_plane.token(&["--ttl", "15m"]), control_plane.hash());
    let output = worker.join(&control_plane, "worker", &token, &hash);
    assert!(output.status.success(), "{}", errors(&output));
    assert!(worker.has_joined());
    let nodes = control_plane.nodes();
    assert!(
        nodes
            .lines()
            .any(|line| line.starts_with("worker    Ready     <none>")),
        "{nodes}"
    );
    let again = worker.join(&control_plane, "worker", &token, &hash);
    assert_fails(&again, 2, "kubelet.conf already exists");
    let other = Node::new().join(&control_plane, "worker", &token, &hash);
    assert_fails(
        &other,
        1,
        "a Node with name \"worker\" and status \"Ready\" already exists",
    );
}

#[test]
fn a_wrong_hash_is_refused_before_the_token_is_shown() {
    let (control_plane, worker) = (Node::control_plane(), Node::new());
    let token = control_plane.token(&["--lab-uses", "1"]);
    let wrong = format!("sha256:{}", "0".repeat(64));
    let output = worker.join(&control_plane, "worker", &token, &wrong);
    assert_fails(&output, 1, "are pinned");
    assert!(!worker.has_joined());
    let output = worker.join(&control_plane, "worker", &token, &control_plane.hash());
    assert!(
        output.status.success(),
        "the one use is still there: {}",
        errors(&output)
    );
}

#[test]
fn wrong_expired_deleted_and_used_up_tokens_are_refused() {
    let (control_plane, worker) = (Node::control_plane(), Node::new());
    let hash = control_plane.hash();
    let unknown = worker.join(&control_plane, "worker", "abcdef.0123456789abcdef", &hash);
    assert_fails(&unknown, 1, "could not find a JWS signature");
    let token = control_plane.token(&[]);
    let wrong_secret = format!("{}.0123456789abcdef", &token[..6]);
    let wrong = worker.join(&control_plane, "worker", &wrong_secret, &hash);
    assert_fails(&wrong, 1, "failed to verify JWS signature");
    assert!(
        control_plane
            .kubeadm(&["token", "delete", &token[..6]])
            .status
            .success()
    );
    let deleted = worker.join(&control_plane, "worker", &token, &hash);
    assert_fails(&deleted, 1, "could not find a JWS signature");
    let used = control_plane.token(&["--lab-uses", "1"]);
    assert!(
        Node::new()
            .join(&control_plane, "first", &used, &hash)
            .status
            .success()
    );
    let used_up = worker.join(&control_plane, "worker", &used, &hash);
    assert_fails(&used_up, 1, "could not find a JWS signature");
    let short = control_plane.token(&["--ttl", "1s"]);
    while text(&control_plane.kubeadm(&["token", "list"])).contains(&short) {
        std::thread::yield_now();
    }
    let expired = worker.join(&control_plane, "worker", &short, &hash);
    assert_fails(&expired, 1, "could not find a JWS signature");
    assert!(!worker.has_joined());
    assert_eq!(
        control_plane.nodes().lines().count(),
        2,
        "the control plane and the first"
    );
}

#[test]
fn a_token_that_may_only_sign_does_not_get_a_certificate() {
    let (control_plane, worker) = (Node::control_plane(), Node::new());
    let token = control_plane.token(&["--usages", "signing"]);
    let output = worker.join(&control_plane, "worker", &token, &control_plane.hash());
    assert_fails(&output, 1, "Unauthorized (401)");
    assert!(!worker.has_joined());
}

#[test]
fn what_cannot_be_valid_is_refused_without_asking_anyone() {
    let (nobody, worker) = (Node::new(), Node::new());
    let hash = format!("sha256:{}", "0".repeat(64));
    assert_fails(
        &worker.join(&nobody, "worker", "abc", &hash),
        3,
        "[a-z0-9]{6}",
    );
    let token = "abcdef.0123456789abcdef";
    assert_fails(
        &worker.join(&nobody, "worker", token, "md5:00"),
        3,
        "invalid hash",
    );
    let endpoint = format!("{}:6443", nobody.address);
    let unpinned = worker.kubeadm(&["join", &endpoint, "--token", token]);
    assert_fails(&unpinned, 3, "caCertHashes can be unsafe");
    let silent = worker.join(&nobody, "worker", token, &hash);
    assert_fails(
        &silent,
        1,
        "couldn't validate the identity of the API Server",
    );
}

#[test]
fn tokens_need_a_control_plane() {
    let node = Node::new();
    let output = node.kubeadm(&["token", "list"]);
    assert_fails(&output, 1, "admin.conf: no such file or directory");
    assert!(!node.file("/var").exists(), "asking leaves nothing behind");
}

#[test]
fn the_cluster_survives_a_power_cut() {
    let (control_plane, worker) = (Node::control_plane(), Node::new());
    let (token, hash) = (control_plane.token(&[]), control_plane.hash());
    let mut served = control_plane.power_cycle();
    let output = worker.join(&control_plane, "worker", &token, &hash);
    assert!(output.status.success(), "{}", errors(&output));
    assert_eq!(control_plane.nodes().lines().count(), 2);
    assert!(control_plane.kubeadm(&["reset", "-f"]).status.success());
    served.wait().unwrap();
    assert!(!control_plane.file("/etc/kubernetes").exists());
}

#[test]
fn a_node_that_is_no_control_plane_has_nothing_to_serve() {
    let output = Node::new().kubeadm(&["lab-serve"]);
    assert!(output.status.success());
    assert!(text(&output).contains("nothing to serve"));
}

#[test]
fn the_version_is_readable_and_marks_the_stand_in() {
    let output = Node::new().kubeadm(&["version", "-o", "short"]);
    assert!(text(&output).starts_with("v1.") && text(&output).ends_with("+lab\n"));
    let output = Node::new().kubeadm(&["version", "-o", "json"]);
    assert!(text(&output).contains("\"gitVersion\": \"v1."));
}

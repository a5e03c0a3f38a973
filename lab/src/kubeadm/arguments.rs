//! The command line of the stand-in, in the real program's words.
//!
//! Options that mean nothing here are accepted and ignored only if a real run may pass them; what
//! nobody passes is unknown, and an unknown option is an error as it is there.

use std::net::IpAddr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::error::Error;

/// `kubeadm VERB …`.
#[derive(Debug, Parser)]
#[command(name = "kubeadm", about = "The lab's stand-in for kubeadm")]
pub(super) struct Kubeadm {
    #[command(subcommand)]
    pub(super) verb: Verb,
    /// Accepted, ignored.
    #[arg(long, short, global = true, hide = true)]
    v: Option<u32>,
    /// Accepted, ignored: the stand-in always uses its own.
    #[arg(long, global = true, hide = true)]
    kubeconfig: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make this node the control plane.
    Init(InitOptions),
    /// Join a cluster.
    Join(JoinOptions),
    /// Manage bootstrap tokens.
    Token {
        #[command(subcommand)]
        verb: TokenVerb,
    },
    /// Forget what init or join did.
    Reset(ResetOptions),
    /// Print the version.
    Version {
        /// One of short, json.
        #[arg(long, short)]
        output: Option<VersionOutput>,
    },
    /// Serve the endpoint of a control plane; ends at once, well, on any other node.
    LabServe,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum VersionOutput {
    Short,
    Json,
}

#[derive(Debug, Args)]
pub(super) struct InitOptions {
    /// The address the endpoint listens on; default: the one towards the default route.
    #[arg(long)]
    pub(super) apiserver_advertise_address: Option<IpAddr>,
    /// The port the endpoint listens on.
    #[arg(long, default_value_t = 6443)]
    pub(super) apiserver_bind_port: u16,
    /// More names or addresses for the endpoint's certificate.
    #[arg(long, value_delimiter = ',')]
    pub(super) apiserver_cert_extra_sans: Vec<String>,
    /// The addresses of pods; checked for its form only.
    #[arg(long)]
    pub(super) pod_network_cidr: Option<String>,
    /// The first bootstrap token; default: a new one.
    #[arg(long)]
    pub(super) token: Option<String>,
    /// How long the first token lives; 0 is for ever.
    #[arg(long, default_value = "24h0m0s")]
    pub(super) token_ttl: String,
    /// The node's name; default: the host name.
    #[arg(long)]
    pub(super) node_name: Option<String>,
    /// Do not print the first token.
    #[arg(long)]
    pub(super) skip_token_print: bool,
    /// Checks whose failure is not fatal, or `all`.
    #[arg(long, value_delimiter = ',')]
    pub(super) ignore_preflight_errors: Vec<String>,
    #[command(flatten)]
    ignored: IgnoredInitOptions,
}

/// What only a real cluster can use.
#[derive(Debug, Args)]
struct IgnoredInitOptions {
    #[arg(long, hide = true)]
    skip_certificate_key_print: bool,
    #[arg(long, hide = true)]
    upload_certs: bool,
    #[arg(long, hide = true)]
    cri_socket: Option<String>,
    #[arg(long, hide = true)]
    image_repository: Option<String>,
    #[arg(long, hide = true)]
    kubernetes_version: Option<String>,
    #[arg(long, hide = true)]
    service_cidr: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct JoinOptions {
    /// `HOST:PORT` of the control plane.
    pub(super) endpoint: String,
    /// The token for discovery and for the bootstrap.
    #[arg(long)]
    pub(super) token: String,
    /// `sha256:HEX` of the authority's public key; may be given more than once.
    #[arg(long, value_delimiter = ',')]
    pub(super) discovery_token_ca_cert_hash: Vec<String>,
    /// Join without knowing the authority.
    #[arg(long)]
    pub(super) discovery_token_unsafe_skip_ca_verification: bool,
    /// The node's name; default: the host name.
    #[arg(long)]
    pub(super) node_name: Option<String>,
    /// Checks whose failure is not fatal, or `all`.
    #[arg(long, value_delimiter = ',')]
    pub(super) ignore_preflight_errors: Vec<String>,
    /// Accepted, ignored.
    #[arg(long, hide = true)]
    cri_socket: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenVerb {
    /// Print the tokens that are still valid.
    List,
    /// Make a token, or the given one valid, and print it.
    Create(TokenOptions),
    /// Delete tokens by id or by their full text.
    Delete {
        /// `ID` or `ID.SECRET`.
        #[arg(required = true)]
        tokens: Vec<String>,
    },
    /// Print a token that no cluster knows.
    Generate,
}

#[derive(Debug, Args)]
pub(super) struct TokenOptions {
    /// The token to make valid.
    pub(super) token: Option<String>,
    /// What it is for.
    #[arg(long, default_value = "")]
    pub(super) description: String,
    /// How long it lives, such as 15m or 24h0m0s; 0 is for ever.
    #[arg(long, default_value = "24h0m0s")]
    pub(super) ttl: String,
    /// What it may be used for.
    #[arg(long, value_delimiter = ',', default_value = "signing,authentication")]
    pub(super) usages: Vec<String>,
    /// Print the whole join command instead of the token.
    #[arg(long)]
    pub(super) print_join_command: bool,
    /// The stand-in's own: how many nodes may join with it; default: any number.
    #[arg(long)]
    pub(super) lab_uses: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct ResetOptions {
    /// Do not ask.
    #[arg(long, short)]
    pub(super) force: bool,
    /// Accepted, ignored.
    #[arg(long, hide = true)]
    cri_socket: Option<String>,
}

/// Gives the help text that was asked for, or the error in what was typed.
pub(super) fn explain(error: &clap::Error) -> Result<String, Error> {
    if error.use_stderr() {
        Err(Error::Usage(
            error.render().to_string().trim_end().to_owned(),
        ))
    } else {
        Ok(error.render().to_string())
    }
}

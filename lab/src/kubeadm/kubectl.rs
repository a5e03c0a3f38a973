//! `kubectl get nodes`: the nodes as the control plane sees them. Nothing else.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand, ValueEnum};
use serde_json::Value;

use super::arguments;
use super::connection::{self, Trust};
use super::error::Error;
use super::kubeconfig::Kubeconfig;
use super::{clock, cluster, disk, serve, token};

#[derive(Debug, Parser)]
#[command(name = "kubectl", about = "The lab's stand-in for kubectl")]
struct Kubectl {
    #[command(subcommand)]
    verb: Verb,
    /// The kubeconfig to use; default: $KUBECONFIG, or the control plane's own.
    #[arg(long, global = true, env = "KUBECONFIG")]
    kubeconfig: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the nodes.
    Get {
        kind: Kind,
        /// json; default: a table.
        #[arg(long, short)]
        output: Option<Output>,
        /// Leave out the table's first line.
        #[arg(long)]
        no_headers: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    #[value(aliases = ["node", "no"])]
    Nodes,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Output {
    Json,
}

/// Does what the command line says; gives what it prints.
pub(super) fn run(root: &Path, args: Vec<OsString>) -> Result<String, Error> {
    let kubectl = match Kubectl::try_parse_from(args) {
        Ok(kubectl) => kubectl,
        Err(error) => return arguments::explain(&error),
    };
    let Verb::Get {
        kind: Kind::Nodes,
        output,
        no_headers,
    } = kubectl.verb;
    let path = kubectl
        .kubeconfig
        .unwrap_or_else(|| disk::under(root, cluster::ADMIN_CONF));
    let kubeconfig = Kubeconfig::load(&path)?;
    let trust = Trust {
        authority: Some(&kubeconfig.authority),
        client: kubeconfig.client.as_ref(),
        bearer: None,
    };
    let (status, answer) = connection::ask(kubeconfig.endpoint(), serve::NODES, b"", &trust)?;
    if status != 200 {
        let reason = answer
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or_default();
        return Err(Error::Refused(format!(
            "Error from server ({status}): {reason}"
        )));
    }
    match output {
        Some(Output::Json) => Ok(format!("{answer:#}\n")),
        None => Ok(table(&answer, no_headers)),
    }
}

fn table(answer: &Value, no_headers: bool) -> String {
    let mut rows = Vec::new();
    if !no_headers {
        rows.push(["NAME", "STATUS", "ROLES", "AGE", "VERSION"].map(str::to_owned));
    }
    let items = answer.get("items").and_then(Value::as_array);
    for item in items.into_iter().flatten() {
        let text = |pointer| {
            item.pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let is_ready = text("/status/conditions/0/status") == "True";
        let role = item.pointer("/metadata/labels/node-role.kubernetes.io~1control-plane");
        rows.push([
            text("/metadata/name").to_owned(),
            if is_ready { "Ready" } else { "NotReady" }.to_owned(),
            if role.is_some() {
                "control-plane"
            } else {
                "<none>"
            }
            .to_owned(),
            clock::short(item.get("ageSeconds").and_then(Value::as_u64).unwrap_or(0)),
            text("/status/nodeInfo/kubeletVersion").to_owned(),
        ]);
    }
    token::columns(&rows)
}

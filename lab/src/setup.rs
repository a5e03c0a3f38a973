//! What a lab needs before its first process: a formula, a network or none, and an address for the
//! master.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use crate::failure::{Attempt, Failure};
use crate::flags::Flags;
use crate::network::{self, Network};
use crate::node::MasterAddress;
use crate::show::Screen;

/// The project's own formula is found beside the sources that this program was built from.
pub(crate) fn find_formula(named: Option<&Path>) -> Result<PathBuf, Failure> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../formulas/kubic");
    let dir = named.map_or(own, Path::to_owned);
    if dir.join("salt/orch").is_dir() {
        return dir
            .canonicalize()
            .attempt(|| format!("find {}", dir.display()));
    }
    Err(Failure::new(format!(
        "{} is no formula: it has no salt/orch",
        dir.display()
    ))
    .fix("name the directory with --formula"))
}

/// The network of a lab with namespaces; `None` where the nodes have to be plain processes, which
/// is said.
pub(crate) fn make_network(
    flags: &Flags,
    lab: &Path,
    screen: &mut Screen,
) -> Result<Option<Network>, Failure> {
    if flags.plain {
        return Ok(None);
    }
    match network::obstacle() {
        None => Network::make(lab).map(Some),
        Some(obstacle) => {
            screen.say(&format!(
                "{obstacle}: the nodes are plain processes that share this host's network"
            ));
            Ok(None)
        }
    }
}

/// Two free ports of this host.
pub(crate) fn free_address() -> Result<MasterAddress, Failure> {
    let listen = || TcpListener::bind(("127.0.0.1", 0)).attempt(|| "find a free port".to_owned());
    let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
    // Both at once, so that they differ.
    let (publish, ret) = (listen()?, listen()?);
    Ok(MasterAddress {
        host: "127.0.0.1".to_owned(),
        publish_port: port(&publish).attempt(|| "read a port".to_owned())?,
        ret_port: port(&ret).attempt(|| "read a port".to_owned())?,
    })
}

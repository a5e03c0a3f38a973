//! Where the master listens: `sock_dir` of its config and the fixed name in it.

use std::path::{Path, PathBuf};

use super::MasterFile;

/// Salt's default `sock_dir` of a master.
const SOCK_DIR_DEFAULT: &str = "/var/run/salt/master";
/// The name of the API's socket inside `sock_dir`.
const SOCKET_NAME: &str = "brine.sock";

/// Finds the socket of the master whose config was read.
pub(crate) fn socket_path(config: &MasterFile) -> PathBuf {
    let sock_dir = Path::new(config.get("sock_dir").unwrap_or(SOCK_DIR_DEFAULT));
    let root_dir = Path::new(config.get("root_dir").unwrap_or("/"));
    under_root(root_dir, sock_dir).join(SOCKET_NAME)
}

/// Puts a path below `root_dir`, unless it is there already, as Salt does with all its directories.
fn under_root(root_dir: &Path, path: &Path) -> PathBuf {
    if path.starts_with(root_dir) {
        return path.to_owned();
    }
    root_dir.join(path.strip_prefix("/").unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_lies_below_the_root() {
        for (root, path, expected) in [
            ("/", "/var/run/salt/master", "/var/run/salt/master"),
            ("/r", "/var/run/salt/master", "/r/var/run/salt/master"),
            ("/r", "/r/run", "/r/run"),
            ("/r", "run", "/r/run"),
        ] {
            let found = under_root(Path::new(root), Path::new(path));
            assert_eq!(found, Path::new(expected));
        }
    }
}

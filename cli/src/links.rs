//! `brine install-links DIR`: Salt's program names as links to the one binary.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use crate::exit_code;
use crate::flags;
use crate::terminal::Terminal;

/// The binary's own name, and those under which it is Salt's programs.
pub const NAMES: [&str; 5] = ["brine", "salt", "salt-key", "salt-master", "salt-run"];

/// A link that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something else has the name; it is not touched.
    #[error("{0} exists and is no link of ours: move it away first")]
    Occupied(PathBuf),
    /// The system refused.
    #[error("{path}: {cause}", path = .path.display())]
    Io {
        /// The link.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
}

/// Makes a link to `exe` in `dir` for each of [`NAMES`]; gives their paths. Links that point there
/// already stay; a link to an older `brine` is replaced; anything else is an error, and nothing is
/// made. Where `exe` itself has one of the names, it stays what it is.
pub fn install(dir: &Path, exe: &Path) -> Result<Vec<PathBuf>, Error> {
    let links = NAMES.iter().map(|name| dir.join(name));
    let links: Vec<PathBuf> = links.filter(|link| !is_itself(link, exe)).collect();
    if let Some(occupied) = links.iter().find(|link| is_foreign(link, exe)) {
        return Err(Error::Occupied(occupied.clone()));
    }
    for link in &links {
        let failed = |cause| Error::Io {
            path: link.clone(),
            cause,
        };
        if link.symlink_metadata().is_ok() {
            std::fs::remove_file(link).map_err(failed)?;
        }
        std::os::unix::fs::symlink(exe, link).map_err(failed)?;
    }
    Ok(links)
}

/// Says whether a path is the binary itself, which no link may take the place of.
fn is_itself(link: &Path, exe: &Path) -> bool {
    !link.is_symlink() && link.canonicalize().is_ok_and(|link| link == exe)
}

/// Says whether a path is taken by something that is not a link to this or another `brine`.
fn is_foreign(link: &Path, exe: &Path) -> bool {
    if link.symlink_metadata().is_err() {
        return false;
    }
    match std::fs::read_link(link) {
        Ok(target) => target.file_name() != exe.file_name(),
        Err(_) => true,
    }
}

/// Makes links called brine, salt, salt-run, salt-key and salt-master to this program.
#[derive(Debug, Parser)]
#[command(name = "install-links", version)]
pub(crate) struct LinksFlags {
    /// The directory, such as /usr/local/bin.
    dir: PathBuf,
}

/// Runs the program on the process's own streams.
pub fn main(args: Vec<OsString>) -> ExitCode {
    exit_code::to_exit(run(args, &mut Terminal::real()))
}

/// Runs the program on given streams; gives the exit code.
pub fn run(args: Vec<OsString>, terminal: &mut Terminal) -> u8 {
    let flags: LinksFlags = match flags::parse(args, terminal) {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let installed = std::env::current_exe()
        .map_err(|cause| Error::Io {
            path: flags.dir.clone(),
            cause,
        })
        .and_then(|exe| install(&flags.dir, &exe));
    match installed {
        Ok(links) => {
            for link in links {
                terminal.line(&link.display().to_string());
            }
            exit_code::OK
        }
        Err(error) => {
            terminal.complain(&format!("ERROR: {error}"));
            exit_code::FAILED
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_made_and_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let exe = Path::new("/opt/old/brine");
        install(dir.path(), exe).unwrap();
        let exe = Path::new("/opt/new/brine");
        let links = install(dir.path(), exe).unwrap();
        assert_eq!(links.len(), NAMES.len());
        for link in links {
            assert_eq!(std::fs::read_link(link).unwrap(), exe);
        }
    }

    #[test]
    fn the_binary_itself_stays() {
        let dir = tempfile::tempdir().unwrap();
        let exe = dir.path().canonicalize().unwrap().join("brine");
        std::fs::write(&exe, "the program").unwrap();
        let links = install(dir.path(), &exe).unwrap();
        assert_eq!(links.len(), NAMES.len() - 1);
        assert_eq!(std::fs::read(&exe).unwrap(), b"the program");
        assert!(dir.path().join("salt-run").is_symlink());
    }

    #[test]
    fn what_is_not_ours_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("salt-run"), "#!/usr/bin/python3").unwrap();
        let made = install(dir.path(), Path::new("/opt/brine"));
        assert!(matches!(made, Err(Error::Occupied(_))));
        assert!(!dir.path().join("salt").exists());
    }
}

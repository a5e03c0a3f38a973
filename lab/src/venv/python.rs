//! Pythons of this machine, and the one that a release runs on.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::VenvError;
use super::pins::Release;

/// What a python says of itself: version, its real program, and where it is installed.
const QUESTION: &str = "import sys; print('%d.%d' % sys.version_info[:2]); \
                        print(sys.executable); print(sys.base_prefix)";

/// A python that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// The program itself, not a shim that chooses one.
    pub program: PathBuf,
    /// Major and minor version, such as `3.11`.
    pub version: String,
    /// The directory of its installation.
    pub base: PathBuf,
}

/// Finds the first python that the release runs on: those named, then PATH, then pyenv's directory.
pub(super) fn find(release: &Release, named: &[PathBuf]) -> Result<Python, VenvError> {
    let fits = |python: &Python| release.pythons.contains(&python.version.as_str());
    if let Some(python) = named.iter().filter_map(|program| ask(program)).find(fits) {
        return Ok(python);
    }
    for version in release.pythons {
        let found = candidates(version)
            .iter()
            .filter_map(|program| ask(program))
            .find(|p| p.version == *version);
        if let Some(python) = found {
            return Ok(python);
        }
    }
    Err(VenvError::NoPython {
        version: release.version.to_owned(),
        wanted: format!("python {}", release.pythons.join(" or ")),
    })
}

fn candidates(version: &str) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = std::env::split_paths(&path)
        .flat_map(|dir| [dir.join(format!("python{version}")), dir.join("python3")])
        .filter(|program| program.is_file())
        .collect();
    let pyenv = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv/versions"));
    let releases = pyenv
        .and_then(|dir| std::fs::read_dir(dir).ok())
        .into_iter()
        .flatten()
        .flatten();
    let prefix = format!("{version}.");
    found.extend(
        releases
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
            .map(|entry| entry.path().join("bin/python3")),
    );
    found
}

/// Asks a program what python it is; a program that is none, or a shim without a choice, gives
/// nothing.
fn ask(program: &Path) -> Option<Python> {
    let output = Command::new(program)
        .args(["-c", QUESTION])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?;
    let mut lines = text.lines();
    Some(Python {
        version: lines.next()?.to_owned(),
        program: PathBuf::from(lines.next()?),
        base: PathBuf::from(lines.next()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_no_python_is_passed_over() {
        assert_eq!(ask(Path::new("/bin/true")), None);
        assert_eq!(ask(Path::new("/nonexistent/python3")), None);
    }

    #[test]
    fn a_release_without_its_python_says_which_one_it_wants() {
        let release = Release {
            version: "0.1",
            pythons: &["1.4"],
            packages: &[],
        };
        let error = find(&release, &[]).expect_err("python 1.4 is gone");
        assert!(
            matches!(&error, VenvError::NoPython { wanted, .. } if wanted == "python 1.4"),
            "{error}"
        );
    }
}

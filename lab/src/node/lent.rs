//! What the lab lends to a node: the minion, its python, and the stand-ins for `kubeadm` and
//! `kubectl`.
//!
//! In namespaces it all appears below `/run`, which no install copies: a virtualenv at the place it
//! has on the host would end up on the node's disk.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::failure::{Attempt, Failure};
use crate::venv::{PROGRAMS, Venv, launcher};

use super::{Node, Place};

/// Where a node in namespaces finds what it is lent.
pub(super) const INSIDE: &str = "/run/brine-lab-lent";
/// The programs that the stand-in plays, by the name of the link.
const STAND_INS: [&str; 2] = ["kubeadm", "kubectl"];

/// One thing that is lent: where it is on the host, and its name below [`INSIDE`].
pub(super) fn list(node: &Node) -> Vec<(PathBuf, &'static str)> {
    let mut lent = vec![
        (node.venv.dir.clone(), "minion"),
        (node.program.clone(), "brine"),
    ];
    if !node.venv.base.starts_with("/usr") {
        lent.push((node.venv.base.clone(), "python"));
    }
    lent
}

/// Makes the node's links to what it is lent, in the shared directory.
pub(super) fn install(node: &Node) -> Result<(), Failure> {
    let stand_ins = node.shared().join("stand-in");
    make_dir(&stand_ins)?;
    let program = match node.place {
        Place::Namespaces { .. } => Path::new(INSIDE).join("brine"),
        Place::Plain => node.program.clone(),
    };
    for name in STAND_INS {
        link(&program, &stand_ins.join(name))?;
    }
    match node.place {
        Place::Namespaces { .. } => move_venv(node, &node.venv),
        Place::Plain => {
            make_dir(&node.shared().join("bin"))?;
            launchers(node, &node.venv.bin.join("python"))
        }
    }
}

/// A virtualenv beside the real one that says where python is *inside* the node.
fn move_venv(node: &Node, venv: &Venv) -> Result<(), Failure> {
    let python =
        fs::canonicalize(&venv.python).attempt(|| format!("find {}", venv.python.display()))?;
    let base = fs::canonicalize(&venv.base).attempt(|| format!("find {}", venv.base.display()))?;
    let python = match python.strip_prefix(&base) {
        Ok(inside) if !base.starts_with("/usr") => Path::new(INSIDE).join("python").join(inside),
        _ => python,
    };
    let lib = find_lib(&venv.dir)?;
    let (bin, packages) = (
        node.shared().join("bin"),
        node.shared().join("lib").join(&lib),
    );
    make_dir(&bin)?;
    make_dir(&packages)?;
    link(&python, &bin.join("python"))?;
    let from = Path::new(INSIDE)
        .join("minion/lib")
        .join(&lib)
        .join("site-packages");
    link(&from, &packages.join("site-packages"))?;
    let config = node.shared().join("pyvenv.cfg");
    let home = python.parent().unwrap_or(Path::new("/usr/bin"));
    fs::write(
        &config,
        format!(
            "home = {}\ninclude-system-site-packages = false\n",
            home.display()
        ),
    )
    .attempt(|| format!("write {}", config.display()))?;
    launchers(node, &node.shared_inside().join("bin/python"))
}

/// The directory below `lib`, such as `python3.11`.
fn find_lib(venv: &Path) -> Result<PathBuf, Failure> {
    let entries = fs::read_dir(venv.join("lib")).attempt(|| format!("read {}", venv.display()))?;
    let mut names = entries
        .flatten()
        .map(|entry| PathBuf::from(entry.file_name()));
    names
        .find(|name| name.to_string_lossy().starts_with("python3"))
        .ok_or_else(|| Failure::new(format!("{} has no packages; remove it", venv.display())))
}

fn launchers(node: &Node, python: &Path) -> Result<(), Failure> {
    let is_moved = node.place != Place::Plain && !node.venv.base.starts_with("/usr");
    let libraries = is_moved.then(|| Path::new(INSIDE).join("python/lib"));
    for program in PROGRAMS {
        let file = node.shared().join("bin").join(program.0);
        fs::write(&file, launcher(python, libraries.as_deref(), program))
            .attempt(|| format!("write {}", file.display()))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))
            .attempt(|| format!("make {} executable", file.display()))?;
    }
    Ok(())
}

fn make_dir(dir: &Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).attempt(|| format!("create {}", dir.display()))
}

fn link(target: &Path, name: &Path) -> Result<(), Failure> {
    let _ = fs::remove_file(name);
    symlink(target, name).attempt(|| format!("link {}", name.display()))
}

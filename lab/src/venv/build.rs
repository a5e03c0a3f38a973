//! Building one virtualenv, once, whatever dies or runs at the same time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::pins::Release;
use super::{Python, Venv, VenvError};

/// Holds the list of packages it was built with; its presence says that the virtualenv is whole.
const MARKER: &str = "complete";

/// pip's complaints that mean the network rather than a package. From pip's and urllib3's texts.
const NETWORK_SIGNS: [&str; 6] = [
    "NewConnectionError",
    "Could not fetch URL",
    "Network is unreachable",
    "Temporary failure in name resolution",
    "Read timed out",
    // Every package of the table exists: none at all was seen only if the index was not.
    "(from versions: none)",
];

/// Salt's programs on a node, and the functions behind them.
pub(crate) const PROGRAMS: [(&str, &str); 2] =
    [("salt-minion", "salt_minion"), ("salt-call", "salt_call")];

/// Gives the virtualenv of a release, building it if it is not in the cache.
pub(super) fn install(release: &Release, python: &Python, cache: &Path) -> Result<Venv, VenvError> {
    make_dir(cache)?;
    let cache = cache.canonicalize().map_err(io("find", cache))?;
    let name = format!("{}-py{}", release.version, python.version);
    let lock_path = cache.join(format!("{name}.lock"));
    let lock = File::create(&lock_path).map_err(io("create", &lock_path))?;
    lock.lock().map_err(io("lock", &lock_path))?;

    let dir = cache.join(&name);
    let wanted = package_list(release, python);
    if fs::read_to_string(dir.join(MARKER)).is_ok_and(|built_with| built_with == wanted) {
        return Ok(venv(dir, python));
    }
    let partial = cache.join(format!("{name}.partial"));
    remove_dir(&partial)?;
    remove_dir(&dir)?;
    let log = cache.join(format!("{name}.log"));
    make(python, &partial)?;
    download(release, python, &partial, &log)?;
    write_launchers(&partial, &dir)?;
    fs::rename(&partial, &dir).map_err(io("rename", &partial))?;
    probe(release, &dir, &log)?;
    let marker = dir.join(MARKER);
    fs::write(&marker, wanted).map_err(io("write", &marker))?;
    Ok(venv(dir, python))
}

fn venv(dir: PathBuf, python: &Python) -> Venv {
    Venv {
        bin: dir.join("bin"),
        python: dir.join("bin/python"),
        base: python.base.clone(),
        dir,
    }
}

/// The marker's content: a changed table or another python installation builds anew.
fn package_list(release: &Release, python: &Python) -> String {
    let packages = release.packages.join("\n");
    format!(
        "salt=={}\n{packages}\n{}\n",
        release.version,
        python.program.display()
    )
}

/// Makes an empty virtualenv. Debian splits what `venv` needs into a package of its own, so other
/// ways are tried.
fn make(python: &Python, dir: &Path) -> Result<(), VenvError> {
    let plain = run(Command::new(&python.program).args(["-m", "venv"]).arg(dir));
    if plain.as_ref().is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    remove_dir(dir)?;
    let other = run(Command::new(&python.program)
        .args(["-m", "virtualenv", "-q"])
        .arg(dir));
    if other.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    remove_dir(dir)?;
    let bare = run(Command::new(&python.program)
        .args(["-m", "venv", "--without-pip"])
        .arg(dir));
    let has_pip = run(Command::new(&python.program).args(["-m", "pip", "--version"]));
    let works =
        |result: std::io::Result<Output>| result.is_ok_and(|output| output.status.success());
    if works(bare) && works(has_pip) {
        return Ok(());
    }
    let reason = match plain {
        Ok(output) => last_line(&output),
        Err(error) => error.to_string(),
    };
    Err(VenvError::NoVenv {
        python: python.program.clone(),
        reason,
    })
}

/// Installs exactly the release's packages. A virtualenv without pip is filled by the pip of its
/// python.
fn download(release: &Release, python: &Python, dir: &Path, log: &Path) -> Result<(), VenvError> {
    let own = dir.join("bin/python");
    let has_pip = run(Command::new(&own).args(["-m", "pip", "--version"]));
    let mut pip = if has_pip.is_ok_and(|output| output.status.success()) {
        let mut pip = Command::new(&own);
        pip.args(["-m", "pip"]);
        pip
    } else {
        let mut pip = Command::new(&python.program);
        pip.args(["-m", "pip", "--python"]).arg(&own);
        pip
    };
    pip.args([
        "install",
        "--no-deps",
        "--no-input",
        "--disable-pip-version-check",
    ])
    .args(release.packages)
    .arg(format!("salt=={}", release.version))
    .env_remove("PIP_USER")
    .env_remove("PIP_REQUIRE_VIRTUALENV");
    let output = run(&mut pip).map_err(io("run", &own))?;
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    fs::write(log, &text).map_err(io("write", log))?;
    if output.status.success() {
        return Ok(());
    }
    let version = release.version.to_owned();
    let text = String::from_utf8_lossy(&text);
    let sign = NETWORK_SIGNS
        .iter()
        .find_map(|sign| text.lines().find(|line| line.contains(sign)));
    Err(match sign {
        Some(line) => VenvError::NoNetwork {
            version,
            reason: line.trim().to_owned(),
        },
        None => VenvError::Install {
            version,
            reason: last_line(&output),
            log: log.to_owned(),
        },
    })
}

/// Replaces the programs that pip made: theirs hold the path of the build, and those of old
/// releases look for packages by name that this table replaces (pycrypto by pycryptodomex).
fn write_launchers(partial: &Path, dir: &Path) -> Result<(), VenvError> {
    for program in PROGRAMS {
        let file = partial.join("bin").join(program.0);
        let text = launcher(&dir.join("bin/python"), None, program);
        fs::write(&file, text).map_err(io("write", &file))?;
        make_executable(&file).map_err(io("make executable", &file))?;
    }
    Ok(())
}

/// A program that starts one of Salt's, whatever name or place its python has. `libraries` is where
/// a python that was moved finds its own library; the programs it starts do not inherit that.
pub(crate) fn launcher(
    python: &Path,
    libraries: Option<&Path>,
    (program, function): (&str, &str),
) -> String {
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', "'\\''"));
    let library_path = libraries.map_or_else(String::new, |dir| {
        format!("LD_LIBRARY_PATH={}; export LD_LIBRARY_PATH\n", quoted(dir))
    });
    format!(
        "#!/bin/sh\n{library_path}exec {} -W ignore -c \"import os, sys; \
         os.environ.pop('LD_LIBRARY_PATH', None); sys.argv[0] = '{program}'; \
         from salt.scripts import {function}; {function}()\" \"$@\"\n",
        quoted(python),
    )
}

fn make_executable(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
}

/// Starts the minion far enough to print its version: a missing package shows here, not in a test.
fn probe(release: &Release, dir: &Path, log: &Path) -> Result<(), VenvError> {
    let minion = dir.join("bin/salt-minion");
    let output = run(Command::new(&minion).arg("--version")).map_err(io("run", &minion))?;
    if output.status.success() && String::from_utf8_lossy(&output.stdout).contains(release.version)
    {
        return Ok(());
    }
    Err(VenvError::Install {
        version: release.version.to_owned(),
        reason: format!("it does not start: {}", last_line(&output)),
        log: log.to_owned(),
    })
}

fn run(command: &mut Command) -> std::io::Result<Output> {
    command.stdin(Stdio::null()).output()
}

fn last_line(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.map_or_else(|| output.status.to_string(), |line| line.trim().to_owned())
}

fn make_dir(dir: &Path) -> Result<(), VenvError> {
    fs::create_dir_all(dir).map_err(io("create", dir))
}

fn remove_dir(dir: &Path) -> Result<(), VenvError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io("remove", dir)(error)),
        _ => Ok(()),
    }
}

fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> VenvError + 'a {
    move |source| VenvError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

//! The binary under test: built once, of the same profile as the test that asks.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Names a binary that is there already, to be tested instead of one that is built.
const BINARY_VARIABLE: &str = "BRINE_BINARY";

/// Gives the path of the `brine` binary. It is built by the first who asks: `cargo test` alone
/// builds libraries.
///
/// # Panics
/// It does not build; cargo's words are on standard error.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let binary = BINARY.get_or_init(|| match std::env::var_os(BINARY_VARIABLE) {
        Some(named) => Some(named.into()),
        None => build(),
    });
    binary
        .as_deref()
        .expect("the binary brine does not build; see cargo's words above")
}

/// Gives the folder for what is kept between runs, such as virtualenvs: `target`.
///
/// # Panics
/// The test does not run from a folder of cargo's.
pub fn target_dir() -> PathBuf {
    let profile = profile_dir();
    profile
        .parent()
        .expect("a profile's folder is in target")
        .to_owned()
}

fn profile_dir() -> PathBuf {
    let exe = std::env::current_exe().expect("a running program has a path");
    // target/PROFILE/deps/TEST
    let profile = exe.parent().and_then(Path::parent);
    profile
        .expect("cargo puts tests in target/PROFILE/deps")
        .to_owned()
}

fn build() -> Option<PathBuf> {
    let profile_dir = profile_dir();
    let profile = match profile_dir.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // The whole workspace, or features of shared packages would differ and be built anew.
    let status = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--workspace",
            "--bin",
            "brine",
            "--profile",
            profile,
        ])
        .arg("--target-dir")
        .arg(target_dir())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    status.success().then(|| profile_dir.join("brine"))
}

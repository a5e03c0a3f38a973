//! `brine lint`: every SLS of a tree, and what it imports, rendered; what does not render is
//! listed with its place.
//!
//! Data is not judged: pillar and states look alike. Without a context a template that reads a
//! grain or pillar fails for want of it; such lines say so.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use model::Value;
use states::context::Context;
use states::error::{Error, ErrorKind};
use states::file_client::FileClient;
use states::renderers::render;

use crate::bin_render::{Bench, Given, Seen, read_opts};
use crate::world::{World, real};

/// What a line says of an error that other grains, pillar or functions would change.
const ON_CONTEXT: &str = "depends on the context: ";

/// Renders every SLS below a directory and lists those that fail.
#[derive(Debug, Parser)]
#[command(name = "brine lint", version)]
struct Flags {
    /// The directory, as a root: its top.sls and what is named from there.
    dir: PathBuf,
    #[command(flatten)]
    seen: Seen,
}

/// Prints the list and a line of counts; fails if anything is listed.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the main of a program"
)]
pub fn main(args: Vec<OsString>) -> ExitCode {
    let flags = match Flags::try_parse_from(args) {
        Ok(flags) => flags,
        Err(error) => error.exit(),
    };
    match linted(&flags, &real::world()) {
        Ok(linted) => {
            for finding in &linted.findings {
                println!("{finding}");
            }
            println!("{}", linted.counts());
            if linted.findings.is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What was found in a tree.
#[derive(Debug, Default, PartialEq, Eq)]
struct Linted {
    /// `FILE:LINE: MESSAGE`, each once.
    findings: Vec<String>,
    files: usize,
    failed: usize,
    on_context: usize,
}

impl Linted {
    fn counts(&self) -> String {
        format!(
            "{} files: {} render, {} do not, {} of these depend on the context",
            self.files,
            self.files - self.failed,
            self.failed,
            self.on_context
        )
    }

    fn add(&mut self, finding: String) {
        self.failed += 1;
        // Several SLS may import the one file that is broken.
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

fn linted(flags: &Flags, world: &World) -> Result<Linted, String> {
    let disk = world.disk.as_ref();
    let dir = disk
        .resolve(&flags.dir)
        .map_err(|error| error.to_string())?;
    let dir = dir.ok_or_else(|| format!("{}: there is no such directory", flags.dir.display()))?;
    let given = Given::read(flags.seen.context.as_deref(), disk)?;
    let opts = read_opts(flags.seen.config_dir.as_deref(), disk)?;
    let bench = Bench::new(&given, &opts, flags.seen.config_dir.is_some(), world);
    let own = bench.files(std::slice::from_ref(&dir), world);
    let mut paths = own
        .list(&given.saltenv)
        .map_err(|error| error.to_string())?;
    paths.retain(|path| path.ends_with(".sls"));
    let mut roots = vec![dir];
    roots.extend(flags.seen.root.iter().cloned());
    let configured = opts.file_roots.get(&given.saltenv).into_iter().flatten();
    roots.extend(configured.map(PathBuf::from));
    let files = bench.files(&roots, world);
    let mut linted = Linted::default();
    for path in paths {
        linted.files += 1;
        match lint(&path, &bench.context, &opts.renderer, &files) {
            Ok(Value::Map(_)) => {}
            Ok(_) => linted.add(format!(
                "{}: the SLS does not render to a map",
                flags.dir.join(&path).display()
            )),
            Err(error) => {
                linted.on_context += usize::from(is_on_context(&error));
                linted.add(finding(&flags.dir, &path, &error));
            }
        }
    }
    Ok(linted)
}

fn lint(path: &str, bench: &Context, pipe: &str, files: &dyn FileClient) -> Result<Value, Error> {
    let stem = path
        .strip_suffix("/init.sls")
        .or_else(|| path.strip_suffix(".sls"))
        .unwrap_or(path);
    let context = bench.clone().for_sls(&stem.replace('/', "."), path);
    let bytes = files.read(path, &context.saltenv)?.unwrap_or_default();
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| Error::new(ErrorKind::File, format!("no UTF-8 text: {error}")))?;
    render(text, pipe, &context, files)
}

/// Says whether another context could make the file render.
fn is_on_context(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Undefined | ErrorKind::Function)
}

fn finding(dir: &Path, path: &str, error: &Error) -> String {
    let detail = error.detail();
    let file = dir.join(detail.file.as_deref().unwrap_or(path));
    let line = detail
        .line
        .map(|line| format!(":{line}"))
        .unwrap_or_default();
    let label = if is_on_context(error) { ON_CONTEXT } else { "" };
    // One line each, for editors and `grep`.
    let message: Vec<&str> = error.message().lines().map(str::trim).collect();
    format!("{}{line}: {label}{}", file.display(), message.join(" "))
}

#[cfg(test)]
#[path = "bin_lint_tests.rs"]
mod tests;

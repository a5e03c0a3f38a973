//! `brine render`: one file as the master would render it, for the operator's eyes.
//!
//! What a template sees comes from a context file, or from the configuration and the pillar of a
//! minion; nothing asks a running master and nothing is changed. `brine lint` ([`crate::bin_lint`])
//! shares `Bench`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use model::{Grains, Map, MinionId, Value};
use states::compile;
use states::context::{Context, FunctionError, Functions, StaticFunctions};
use states::renderers::yaml::{Flow, dump_yaml};
use states::renderers::{render, render_text};
use storage::disk::DiskRead;

use crate::config::{self, Opts};
use crate::fileserver::{Roots, RootsClient};
use crate::pillar_sources::Pillars;
use crate::world::{World, real};

/// Where the configuration is if only a minion is named.
const CONFIG_DIR: &str = "/etc/salt";

/// Renders one file as the master would and prints the result.
#[derive(Debug, Parser)]
#[command(name = "brine render", version)]
struct Flags {
    /// The file.
    file: PathBuf,
    /// Render for this minion: its id, and its pillar from the pillar_roots of the configuration.
    #[arg(long)]
    minion: Option<MinionId>,
    #[command(flatten)]
    seen: Seen,
    /// What to print: the rendered text, its data, high data or low chunks (all as YAML).
    #[arg(long = "as", value_enum, default_value_t = Form::Text)]
    form: Form,
}

/// What a template sees and where it finds others; the same flags for `render` and `lint`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Seen {
    /// A JSON file with grains, pillar, opts, saltenv, sls, and functions (name: answer).
    #[arg(long)]
    pub(crate) context: Option<PathBuf>,
    /// The directory of the master's configuration, for its options and file_roots.
    #[arg(short = 'c', long = "config-dir")]
    pub(crate) config_dir: Option<PathBuf>,
    /// Look for includes and imports here too; may be given several times.
    #[arg(long)]
    pub(crate) root: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Yaml,
    High,
    Low,
}

/// Prints the rendered file, or says on stderr why not.
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
    match rendered(&flags, &real::world()) {
        Ok(text) if text.is_empty() || text.ends_with('\n') => print!("{text}"),
        Ok(text) => println!("{text}"),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn rendered(flags: &Flags, world: &World) -> Result<String, String> {
    let file = flags.file.display();
    let text = read_text(&flags.file, world.disk.as_ref())?;
    let mut seen = Given::read(flags.seen.context.as_deref(), world.disk.as_ref())?;
    let config_dir = match (&flags.seen.config_dir, &flags.minion) {
        (None, Some(_)) => Some(PathBuf::from(CONFIG_DIR)),
        (dir, _) => dir.clone(),
    };
    let opts = read_opts(config_dir.as_deref(), world.disk.as_ref())?;
    if let Some(id) = &flags.minion {
        seen.become_minion(id, &opts, world);
    }
    let bench = Bench::new(&seen, &opts, config_dir.is_some(), world);
    let place = Place::of(&flags.file, &flags.seen.root, &opts, &seen, world)?;
    let files = bench.files(&place.roots, world);
    let sls = seen.sls.clone().unwrap_or_else(|| place.sls());
    let context = bench.context.clone().for_sls(&sls, &place.path);
    let pipe = opts.renderer.as_str();
    let said = |error: &states::error::Error| match error.detail().line {
        Some(line) => format!("{}:{line}: {error}", place.shown(error, &flags.file)),
        None => format!("{file}: {error}"),
    };
    match flags.form {
        Form::Text => render_text(&text, pipe, &context, &files).map_err(|error| said(&error)),
        Form::Yaml => render(&text, pipe, &context, &files)
            .map(|data| dump_yaml(&data, Flow::Never))
            .map_err(|error| said(&error)),
        Form::High | Form::Low => {
            if !place.path.ends_with(".sls") || place.stem().contains('.') {
                return Err(format!(
                    "{file}: only an SLS has high data: its name is NAME.sls, without further dots"
                ));
            }
            let compiled = compile(&[place.sls()], &files, &context)
                .map_err(|error| format!("{file}: {error}"))?;
            let data = if flags.form == Form::High {
                compiled.high
            } else {
                let chunks = compiled.low.iter();
                chunks.map(|chunk| Value::Map(chunk.to_salt())).collect()
            };
            Ok(dump_yaml(&data, Flow::Never))
        }
    }
}

/// Reads a text; what is missing is an error.
pub(crate) fn read_text(path: &Path, disk: &dyn DiskRead) -> Result<String, String> {
    let name = path.display();
    let bytes = disk.read(path).map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("{name}: there is no such file"))?;
    String::from_utf8(bytes).map_err(|error| format!("{name}: no UTF-8 text: {error}"))
}

/// Reads the options of a configuration; without one, the defaults and no roots.
pub(crate) fn read_opts(dir: Option<&Path>, disk: &dyn DiskRead) -> Result<Opts, String> {
    let Some(dir) = dir else {
        return Ok(Opts {
            file_roots: config::Roots::new(),
            pillar_roots: config::Roots::new(),
            ..Opts::default()
        });
    };
    let loaded = config::load(dir, disk).map_err(|error| error.to_string())?;
    Ok(loaded.opts)
}

/// What a context file says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    pub(crate) grains: Map,
    pillar: Map,
    opts: Map,
    pub(crate) saltenv: String,
    sls: Option<String>,
    functions: Map,
}

impl Given {
    /// Reads a context file; without one, nothing is given.
    pub(crate) fn read(path: Option<&Path>, disk: &dyn DiskRead) -> Result<Self, String> {
        let mut given = Self {
            saltenv: "base".to_owned(),
            ..Self::default()
        };
        let Some(path) = path else { return Ok(given) };
        let name = path.display();
        let text = read_text(path, disk)?;
        let read: Value =
            serde_json::from_str(&text).map_err(|error| format!("{name}: no JSON: {error}"))?;
        let Value::Map(read) = read else {
            return Err(format!("{name}: the context must be a map"));
        };
        for (key, value) in read {
            match (key.to_text().as_str(), value) {
                ("grains", Value::Map(map)) => given.grains = map,
                ("pillar", Value::Map(map)) => given.pillar = map,
                ("opts", Value::Map(map)) => given.opts = map,
                ("functions", Value::Map(map)) => given.functions = map,
                ("saltenv", Value::Str(text)) => given.saltenv = text,
                ("sls", Value::Str(text)) => given.sls = Some(text),
                (other, value) => {
                    return Err(format!(
                        "{name}: '{other}: {}' means nothing here; expected are maps under grains, \
                         pillar, opts, functions, and texts under saltenv, sls",
                        value.repr()
                    ));
                }
            }
        }
        Ok(given)
    }

    /// Takes the id and the compiled pillar of a minion; what the context file says goes over them.
    fn become_minion(&mut self, id: &MinionId, opts: &Opts, world: &World) {
        self.grains.insert("id", id.as_str());
        let pillars = Pillars::new(opts, world);
        let grains = Grains(self.grains.clone());
        let none = Map::new();
        self.pillar = pillars.compile_for(id, &grains, Some(&self.saltenv), None, &none);
    }
}

/// Everything that a render needs besides the text.
pub(crate) struct Bench<'a> {
    /// What templates see; the SLS is still unnamed.
    pub(crate) context: Context,
    opts: &'a Opts,
}

impl<'a> Bench<'a> {
    /// Puts it together. The options of a configuration are seen by templates only if one was read.
    pub(crate) fn new(seen: &Given, opts: &'a Opts, is_configured: bool, world: &World) -> Self {
        let mut shown = if is_configured {
            opts.for_templates()
        } else {
            Map::new()
        };
        shown.extend(seen.opts.clone());
        let id = seen
            .grains
            .get("id")
            .and_then(|id| id.to_text().parse().ok());
        let id = id.unwrap_or_else(|| opts.master_minion_id());
        let grains = Grains(seen.grains.clone());
        let answers = seen.functions.iter();
        let functions = Canned {
            answers: StaticFunctions::new(answers.map(|(k, v)| (k.to_text(), v.clone()))),
            more: Pillars::new(opts, world).functions(&id, &grains, &seen.pillar),
        };
        let context = Context {
            grains: Value::Map(seen.grains.clone()),
            pillar: Value::Map(seen.pillar.clone()),
            opts: shown,
            saltenv: seen.saltenv.clone(),
            functions: Arc::new(functions),
            ..Context::empty()
        };
        Self { context, opts }
    }

    /// Gives the files of some directories to the renderers.
    pub(crate) fn files(&self, roots: &[PathBuf], world: &World) -> RootsClient {
        let mut directories = self.opts.file_roots.clone();
        let texts = roots.iter().map(|root| root.display().to_string());
        directories.insert(self.context.saltenv.clone(), texts.collect());
        let disk: Arc<dyn DiskRead> = world.disk.clone();
        let roots = Roots::new(directories, self.opts, Arc::clone(&disk));
        RootsClient::new(Arc::new(roots), disk)
    }
}

/// The answers of the context file first, then the functions that the master has.
struct Canned {
    answers: StaticFunctions,
    more: Arc<dyn Functions>,
}

impl Functions for Canned {
    fn call(&self, fun: &str, args: Vec<Value>, kwargs: Map) -> Result<Value, FunctionError> {
        match self.answers.call(fun, args.clone(), kwargs.clone()) {
            Err(FunctionError::Unknown { .. }) => self.more.call(fun, args, kwargs),
            answer => answer,
        }
    }

    fn names(&self) -> Vec<String> {
        let mut names = self.answers.names();
        names.extend(self.more.names());
        names
    }
}

/// Where a file is among the roots.
struct Place {
    /// The roots in the order of the search.
    roots: Vec<PathBuf>,
    /// The file's path below the first.
    path: String,
}

impl Place {
    /// A file below a root is known by its path there; any other lies in a root of its own.
    fn of(
        file: &Path,
        more: &[PathBuf],
        opts: &Opts,
        seen: &Given,
        world: &World,
    ) -> Result<Self, String> {
        let resolve = |path: &Path| {
            let found = world
                .disk
                .resolve(path)
                .map_err(|error| error.to_string())?;
            found.ok_or_else(|| format!("{}: there is no such path", path.display()))
        };
        let file = resolve(file)?;
        let mut roots = Vec::new();
        for root in more {
            roots.push(resolve(root)?);
        }
        let configured = opts.file_roots.get(&seen.saltenv).into_iter().flatten();
        roots.extend(configured.filter_map(|root| resolve(Path::new(root)).ok()));
        let beside = file.parent().unwrap_or(Path::new("/")).to_owned();
        match roots.iter().position(|root| file.starts_with(root)) {
            Some(index) => {
                let home = roots.remove(index);
                roots.insert(0, home);
                roots.push(beside);
            }
            None => roots.insert(0, beside),
        }
        let path = file.strip_prefix(&roots[0]).unwrap_or(&file);
        let path = path.to_string_lossy().into_owned();
        Ok(Self { roots, path })
    }

    fn stem(&self) -> &str {
        let path = self.path.as_str();
        path.strip_suffix("/init.sls")
            .or_else(|| path.strip_suffix(".sls"))
            .unwrap_or(path)
    }

    /// Gives the dotted name.
    fn sls(&self) -> String {
        self.stem().replace('/', ".")
    }

    /// Names the file of an error: the one that was given, or one that it imports.
    fn shown(&self, error: &states::error::Error, file: &Path) -> String {
        match error.detail().file.as_deref() {
            Some(other) if other != self.path => other.to_owned(),
            _ => file.display().to_string(),
        }
    }
}

#[cfg(test)]
#[path = "bin_render_tests.rs"]
mod tests;

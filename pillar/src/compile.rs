//! Match the top file, gather the SLS, merge. No I/O.

use std::sync::Arc;

use model::{Map, Value};
use states::context::Functions;
use states::file_client::FileClient;
use states::renderers;
use states::top_file::Matches;

use crate::decrypt::{Decrypt, decrypt_pillar};
use crate::error::Problem;
use crate::gather::Gatherer;
use crate::inputs::{Called, Inputs};
use crate::origin::{Contribution, Origin};
use crate::request::{Options, Request};
use crate::sources::{PillarSource, SourceRequest};
use crate::top;

/// Where a pillar's data comes from.
#[derive(Clone)]
pub struct Suppliers {
    /// The files of `pillar_roots`.
    pub files: Arc<dyn FileClient>,
    /// What `salt[...]` calls in templates.
    pub functions: Arc<dyn Functions>,
    /// The external pillars, in the order of the option `ext_pillar`.
    pub external: Vec<Arc<dyn PillarSource>>,
    /// Decrypts what `decrypt_pillar` names.
    pub decrypt: Option<Arc<dyn Decrypt>>,
}

impl Suppliers {
    /// Takes files and functions; no external pillar, nothing to decrypt.
    pub fn new(files: Arc<dyn FileClient>, functions: Arc<dyn Functions>) -> Self {
        Self {
            files,
            functions,
            external: Vec::new(),
            decrypt: None,
        }
    }
}

/// A minion's pillar, and how it came about.
#[derive(Debug, Clone)]
pub struct Pillar {
    /// What the minion gets; with `_errors` if there are any.
    pub data: Map,
    /// The texts under `_errors`.
    pub errors: Vec<String>,
    /// The same errors, each with all that is known, for the master's log.
    pub problems: Vec<Problem>,
    /// What it was made of.
    pub inputs: Inputs,
    /// What each SLS gave.
    pub contributions: Vec<Contribution>,
}

impl Pillar {
    /// Lists the places that set a key (`a:b:c`), the one that wins (or is merged last) at the end.
    /// The files must be those that the pillar was made of.
    pub fn explain(&self, key: &str, files: &dyn FileClient) -> Vec<Origin> {
        let origin = |contribution: &Contribution| {
            let content = files
                .read(&contribution.path, &contribution.saltenv)
                .ok()
                .flatten();
            let text = content
                .as_deref()
                .and_then(|content| std::str::from_utf8(content).ok());
            Origin::find(contribution, key, text)
        };
        self.contributions.iter().filter_map(origin).collect()
    }
}

/// Gives the SLS that the top files name for one minion, by environment.
///
/// # Errors
/// What is wrong with the top files.
pub fn top_matches(request: &Request, suppliers: &Suppliers) -> Result<Matches, Vec<Problem>> {
    let options = Options::new(request);
    let functions = Arc::clone(&suppliers.functions);
    let gatherer = Gatherer::new(request, &options, suppliers.files.as_ref(), functions);
    let mut problems = Vec::new();
    let matches = top::read(&gatherer, &mut problems).matches(&gatherer, &mut problems);
    if problems.is_empty() {
        Ok(matches)
    } else {
        Err(problems)
    }
}

/// Makes the pillar of one minion. Whatever is broken is named in it.
pub fn compile(request: &Request, suppliers: &Suppliers) -> Pillar {
    renderers::together(|| compile_here(request, suppliers))
}

fn compile_here(request: &Request, suppliers: &Suppliers) -> Pillar {
    let options = Options::new(request);
    let called = Arc::new(Called::new(Arc::clone(&suppliers.functions)));
    let gatherer = Gatherer::new(request, &options, suppliers.files.as_ref(), called.clone());
    let mut making = Making {
        request,
        options: &options,
        suppliers,
        gatherer,
        problems: Vec::new(),
    };
    let mut data = making.data();
    let decryptor = suppliers.decrypt.as_deref();
    let errors = decrypt_pillar(&mut data, &request.opts, decryptor);
    if !errors.is_empty() {
        let shown = match data.remove("_errors") {
            Some(Value::List(shown)) => shown,
            _ => Vec::new(),
        };
        let all: Value = shown
            .into_iter()
            .chain(errors.iter().map(Value::from))
            .collect();
        data.insert("_errors", all);
        making
            .problems
            .extend(errors.into_iter().map(Problem::open));
    }
    let Making {
        gatherer, problems, ..
    } = making;
    Pillar {
        data,
        errors: problems
            .iter()
            .map(|problem| problem.shown.clone())
            .collect(),
        problems,
        inputs: Inputs {
            sources: gatherer.files.seen(),
            functions: called.names(),
            external: suppliers
                .external
                .iter()
                .map(|source| source.name().to_owned())
                .collect(),
        },
        contributions: gatherer.contributions.into_inner(),
    }
}

struct Making<'a> {
    request: &'a Request,
    options: &'a Options,
    suppliers: &'a Suppliers,
    gatherer: Gatherer<'a>,
    problems: Vec<Problem>,
}

impl Making<'_> {
    /// The order of the steps is Salt's: errors of the top file are told last, overrides win in the
    /// end.
    fn data(&mut self) -> Map {
        let merge = self.options.merge;
        let overrides = &self.request.overrides;
        let mut top_problems = Vec::new();
        let top = top::read(&self.gatherer, &mut top_problems);
        self.gatherer.ignored.clone_from(&top.ignored);
        let mut pillar = if self.options.is_external_first {
            let external = self.external(overrides.clone());
            self.gatherer.show(external.clone());
            let internal = self.internal(&top);
            merge.merge(external, internal)
        } else {
            let internal = self.internal(&top);
            self.external(internal)
        };
        self.problems.extend(top_problems);
        if self.options.has_master_opts {
            let mut opts = Map::clone(&self.request.opts);
            opts.remove("grains");
            pillar.insert("master", opts);
        }
        if !self.problems.is_empty() {
            let errors: Value = self
                .problems
                .iter()
                .map(|problem| Value::str(&problem.shown))
                .collect();
            pillar.insert("_errors", errors);
        }
        if overrides.is_empty() {
            pillar
        } else {
            merge.merge(pillar, overrides.clone())
        }
    }

    /// What SLS say.
    fn internal(&mut self, top: &top::Merged) -> Map {
        let matches = top.matches(&self.gatherer, &mut self.problems);
        let mut pillar = self.request.overrides.clone();
        for (env, globs) in matches {
            for map in self.gatherer.environment(&env, &globs, &mut self.problems) {
                pillar = self.options.merge.merge(pillar, map);
            }
        }
        pillar
    }

    /// What external pillars say, on top of what is known.
    fn external(&mut self, pillar: Map) -> Map {
        let merge = self.options.merge;
        let overrides = &self.request.overrides;
        let mut pillar = if overrides.is_empty() {
            pillar
        } else {
            merge.merge(pillar, overrides.clone())
        };
        for source in &self.suppliers.external {
            let request = SourceRequest {
                id: &self.request.id,
                grains: &self.request.grains,
                pillar: &pillar,
                saltenv: self.options.saltenv.as_deref(),
                pillarenv: self.options.pillarenv.as_deref(),
                opts: &self.request.opts,
                functions: &self.gatherer.functions,
            };
            match source.pillar(request) {
                Ok(data) if data.is_empty() => {}
                Ok(data) => pillar = merge.merge(pillar, data),
                Err(error) => {
                    let text = format!("Failed to load ext_pillar {}: {error}", source.name());
                    self.problems.push(Problem::open(text));
                }
            }
        }
        pillar
    }
}

//! Which SLS are for whom: top files of all environments, merged, and matched against one minion.
//!
//! States (`state.highstate`, `state.show_top`) use all of it; the pillar merges its top files in
//! its own way and shares [`Minion`] and the matching of one entry.

mod merge;
mod verify;

use model::target::{Candidate, InvalidTarget, Target, TargetType, nodegroup};
use model::{Grains, Map, MinionId, Value};

use crate::compiler::CompileError;
use crate::context::Context;
use crate::file_client::FileClient;
use crate::renderers::render;
use crate::sls;

pub use merge::Strategy;

/// The SLS of each environment, in order; what
/// [`compile_matches`](crate::compiler::compile_matches) takes.
pub type Matches = Vec<(String, Vec<String>)>;

/// The options that say which top files count.
#[derive(Debug, Clone)]
pub struct Options {
    /// `state_top`: the path of the top file.
    pub state_top: String,
    /// `saltenv`: only this environment, if given.
    pub saltenv: Option<String>,
    /// `state_top_saltenv`: only the top file of this environment.
    pub state_top_saltenv: Option<String>,
    /// `top_file_merging_strategy`.
    pub strategy: Strategy,
    /// `default_top`: where environments without a top file look, with [`Strategy::Same`].
    pub default_top: String,
    /// `env_order`: environments in this order, and no others.
    pub env_order: Vec<String>,
    /// `master_tops_first`: what external tops say comes first.
    pub is_master_tops_first: bool,
}

impl Options {
    /// Reads them from the master's options, with Salt's defaults.
    pub fn new(opts: &Map) -> Self {
        let text = |key| {
            opts.get(key)
                .filter(|value| value.is_truthy())
                .map(Value::to_text)
        };
        let state_top = text("state_top").unwrap_or_else(|| "top.sls".to_owned());
        let path = state_top
            .trim_start_matches("salt://")
            .trim_start_matches('/');
        let env_order = opts
            .get("env_order")
            .and_then(Value::as_list)
            .unwrap_or_default();
        Self {
            state_top: path.to_owned(),
            saltenv: text("saltenv"),
            state_top_saltenv: text("state_top_saltenv"),
            strategy: Strategy::parse(&text("top_file_merging_strategy").unwrap_or_default()),
            default_top: text("default_top").unwrap_or_else(|| "base".to_owned()),
            env_order: env_order.iter().map(Value::to_text).collect(),
            is_master_tops_first: opts.get("master_tops_first").is_some_and(Value::is_truthy),
        }
    }
}

/// One minion, as targets see it.
#[derive(Debug, Clone)]
pub struct Minion {
    id: MinionId,
    grains: Grains,
    pillar: Value,
    nodegroups: Map,
}

impl Minion {
    /// Takes the minion's parts; `nodegroups` is the option of that name.
    pub fn new(id: MinionId, grains: Grains, pillar: Value, nodegroups: Map) -> Self {
        Self {
            id,
            grains,
            pillar,
            nodegroups,
        }
    }

    /// Says whether an expression means this minion.
    ///
    /// # Errors
    /// The expression cannot be read, or names an unknown group.
    pub fn is_meant(&self, tgt: &str, tgt_type: TargetType) -> Result<bool, InvalidTarget> {
        let (tgt, tgt_type) = match tgt_type {
            TargetType::Nodegroup => (
                nodegroup::expression(tgt, &self.nodegroups)?,
                TargetType::Compound,
            ),
            TargetType::Compound => (nodegroup::expand(tgt, &self.nodegroups)?, tgt_type),
            other => (tgt.to_owned(), other),
        };
        let candidate = Candidate {
            id: &self.id,
            grains: Some(&self.grains),
            pillar: Some(&self.pillar),
        };
        Target {
            tgt: tgt.into(),
            tgt_type,
        }
        .matches(candidate)
    }

    /// Says whether an entry of a top file means this minion: compound, unless `- match:` says
    /// otherwise.
    ///
    /// # Errors
    /// The type is unknown. A malformed expression means nobody, as in Salt.
    pub fn is_meant_by_entry(&self, tgt: &str, entry: &[Value]) -> Result<bool, InvalidTarget> {
        let mut types = entry.iter().filter_map(|item| item.get("match"));
        let tgt_type = match types.next_back() {
            Some(name) => TargetType::parse(&name.to_text())?,
            None => TargetType::Compound,
        };
        Ok(self.is_meant(tgt, tgt_type).unwrap_or(false))
    }
}

/// Reads the top files of all environments into one, checked: environment → target → list.
///
/// # Errors
/// A top file does not render, or has a wrong shape.
pub fn read(
    files: &dyn FileClient,
    context: &Context,
    options: &Options,
) -> Result<Map, CompileError> {
    let tops = gather(files, context, options)?;
    let top = merge::merge(tops, options)?;
    let errors = verify::verify(&top);
    if errors.is_empty() {
        Ok(top)
    } else {
        Err(CompileError { errors })
    }
}

/// Gives what the top file says for one minion.
///
/// # Errors
/// An entry names an unknown kind of match.
pub fn matches(
    top: &Map,
    minion: &Minion,
    files: &dyn FileClient,
    options: &Options,
) -> Result<Matches, CompileError> {
    let mut matches = Matches::new();
    for (env, body) in top
        .iter()
        .filter_map(|(env, body)| Some((env.as_str()?, body.as_map()?)))
    {
        if options.saltenv.as_ref().is_some_and(|only| only != env) {
            continue;
        }
        for (tgt, entry) in body.iter() {
            let mut step = Matching {
                env,
                minion,
                files,
                matches: &mut matches,
            };
            step.entry(&tgt.to_text(), entry, 0)
                .map_err(|error| CompileError {
                    errors: vec![error.to_string()],
                })?;
        }
    }
    Ok(matches)
}

/// Adds what external tops say (`master_tops`), without repeating an SLS.
pub fn add_master_tops(matches: &mut Matches, external: Matches, options: &Options) {
    for (env, theirs) in external {
        let ours = sls_of(matches, &env);
        let (mut first, second) = if options.is_master_tops_first {
            (theirs, std::mem::take(ours))
        } else {
            (std::mem::take(ours), theirs)
        };
        let new: Vec<String> = second
            .into_iter()
            .filter(|sls| !first.contains(sls))
            .collect();
        first.extend(new);
        *ours = first;
    }
}

fn sls_of<'a>(matches: &'a mut Matches, env: &str) -> &'a mut Vec<String> {
    let index = matches
        .iter()
        .position(|(other, _)| other == env)
        .unwrap_or_else(|| {
            matches.push((env.to_owned(), Vec::new()));
            matches.len() - 1
        });
    &mut matches[index].1
}

struct Matching<'a> {
    env: &'a str,
    minion: &'a Minion,
    files: &'a dyn FileClient,
    matches: &'a mut Matches,
}

/// Deepest nesting of `subfilter`.
const SUBFILTER_DEPTH_MAX: usize = 32;

impl Matching<'_> {
    fn entry(&mut self, tgt: &str, entry: &Value, depth: usize) -> Result<(), InvalidTarget> {
        let single;
        let items = match entry {
            Value::List(items) => items.as_slice(),
            other => {
                single = [other.clone()];
                &single
            }
        };
        if depth > SUBFILTER_DEPTH_MAX || !self.minion.is_meant_by_entry(tgt, items)? {
            return Ok(());
        }
        sls_of(self.matches, self.env);
        for item in items {
            match item {
                Value::Str(sls) => sls_of(self.matches, self.env).push(sls.clone()),
                Value::Map(map) => self.map(map, depth)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// `- subfilter: {TARGET: [SLS]}` narrows down; `- ENV: SLS` names an SLS of another
    /// environment.
    fn map(&mut self, map: &Map, depth: usize) -> Result<(), InvalidTarget> {
        if let Some(Value::Map(narrower)) = map.get("subfilter") {
            for (tgt, entry) in narrower.iter() {
                self.entry(&tgt.to_text(), entry, depth + 1)?;
            }
        }
        let Some((Value::Str(env), Value::Str(sls))) = map.iter().next_back() else {
            return Ok(());
        };
        if env == "base" || self.files.envs().contains(env) {
            sls_of(self.matches, env).push(sls.clone());
        }
        Ok(())
    }
}

/// The top files of one environment, the included ones last.
type Tops = Vec<(String, Vec<Map>)>;

fn gather(
    files: &dyn FileClient,
    context: &Context,
    options: &Options,
) -> Result<Tops, CompileError> {
    let mut tops = Tops::new();
    for env in environments(files, options) {
        let content = files
            .read(&options.state_top, &env)
            .map_err(|error| fail(error.to_string()))?;
        let mut of_env = Vec::new();
        match content {
            Some(content) => {
                let top = render_top(&options.state_top, &content, &env, files, context)?;
                of_env.push(top);
            }
            None => of_env.push(Map::new()),
        }
        include(&mut of_env, &env, files, context)?;
        tops.push((env, of_env));
    }
    Ok(tops)
}

fn fail(error: String) -> CompileError {
    CompileError {
        errors: vec![error],
    }
}

/// Gives the environments whose top files count, in order.
fn environments(files: &dyn FileClient, options: &Options) -> Vec<String> {
    if let Some(only) = options
        .saltenv
        .as_ref()
        .or(options.state_top_saltenv.as_ref())
    {
        return vec![only.clone()];
    }
    let known = files.envs();
    let mut envs: Vec<String> = Vec::new();
    if options.env_order.is_empty() {
        envs.push("base".to_owned());
        envs.extend(known.into_iter().filter(|env| env != "base"));
    } else {
        for env in &options.env_order {
            if known.contains(env) && !envs.contains(env) {
                envs.push(env.clone());
            }
        }
    }
    envs
}

fn render_top(
    path: &str,
    content: &[u8],
    env: &str,
    files: &dyn FileClient,
    context: &Context,
) -> Result<Map, CompileError> {
    let mut context = context.clone().for_sls("", path);
    env.clone_into(&mut context.saltenv);
    let error = |error: String| fail(format!("Unable to render top file {env}:{path}: {error}"));
    let text = std::str::from_utf8(content).map_err(|problem| error(problem.to_string()))?;
    let pipe = crate::high_data::renderer(&context.opts);
    match render(text, &pipe, &context, files) {
        Ok(Value::Map(top)) => Ok(top),
        Ok(Value::Nil) => Ok(Map::new()),
        Ok(_) => Err(fail("Top data was not formed as a dict".to_owned())),
        Err(problem) => Err(error(problem.to_string())),
    }
}

/// Adds the top files that the first one includes. Their own includes count for nothing, as in
/// Salt.
fn include(
    tops: &mut Vec<Map>,
    env: &str,
    files: &dyn FileClient,
    context: &Context,
) -> Result<(), CompileError> {
    let mut globs = Vec::new();
    for top in tops.iter_mut() {
        if let Some(Value::List(included)) = top.remove("include") {
            globs.extend(included.iter().map(Value::to_text));
        }
    }
    if globs.is_empty() {
        return Ok(());
    }
    let names = sls::list(env, files).map_err(|error| fail(error.to_string()))?;
    let mut done: Vec<String> = Vec::new();
    for name in globs.iter().flat_map(|glob| sls::matching(&names, glob)) {
        if done.contains(&name) {
            continue;
        }
        let found = sls::find(&name, env, files).map_err(|error| fail(error.to_string()))?;
        if let Some(found) = found {
            tops.push(render_top(
                &found.path,
                &found.content,
                env,
                files,
                context,
            )?);
        }
        done.push(name);
    }
    Ok(())
}

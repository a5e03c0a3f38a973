//! Renders pillar SLS with everything they include.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use model::{Map, Value};
use states::context::{Context, Functions};
use states::file_client::FileClient;
use states::renderers::render;
use states::sls::{self, Sls};
use states::sources::Sources;
use states::top_file::Minion;

use crate::error::Problem;
use crate::origin::Contribution;
use crate::request::{Options, Request};

/// Deepest chain of includes. Python gives up at about 300; a real tree has fewer than ten.
const INCLUDE_DEPTH_MAX: usize = 128;

/// Everything that rendering needs, for one minion.
pub(crate) struct Gatherer<'a> {
    pub(crate) request: &'a Request,
    pub(crate) options: &'a Options,
    pub(crate) files: Sources<'a>,
    pub(crate) functions: Arc<dyn Functions>,
    pub(crate) minion: Minion,
    /// What templates see: the same for all, except for the names of the file that is rendered.
    context: RefCell<Context>,
    pub(crate) ignored: IndexMap<String, Vec<String>>,
    pub(crate) available: RefCell<BTreeMap<String, Vec<String>>>,
    pub(crate) contributions: RefCell<Vec<Contribution>>,
}

/// What one SLS of one environment rendered to, without its includes; `Nil` if it did not.
type Rendered = BTreeMap<String, Value>;

/// Where an SLS is rendered: its environment, what it inherits, how deep.
#[derive(Debug, Clone)]
struct Place<'a> {
    env: &'a str,
    defaults: Map,
    /// Under which path an include puts its data, outermost first.
    key: Vec<String>,
    depth: usize,
}

impl<'a> Gatherer<'a> {
    /// Makes one that has rendered nothing yet. The pillar is still empty.
    pub(crate) fn new(
        request: &'a Request,
        options: &'a Options,
        files: &'a dyn FileClient,
        functions: Arc<dyn Functions>,
    ) -> Self {
        let mut opts = Map::clone(&request.opts);
        opts.insert("id", request.id.as_str());
        opts.insert("minion_id", request.id.as_str());
        opts.insert("saltenv", options.saltenv.as_deref());
        opts.insert("pillarenv", options.pillarenv.as_deref());
        let context = Context {
            grains: request.grains.0.clone().into(),
            opts,
            functions: Arc::clone(&functions),
            ..Context::empty()
        };
        Self {
            request,
            options,
            files: Sources::new(files),
            functions,
            minion: minion(request, options, Map::new()),
            context: RefCell::new(context),
            ignored: IndexMap::new(),
            available: RefCell::default(),
            contributions: RefCell::default(),
        }
    }

    /// Shows templates and targets what external pillars say, if those come first.
    pub(crate) fn show(&mut self, pillar: Map) {
        self.minion = minion(self.request, self.options, pillar.clone());
        self.context.get_mut().pillar = pillar.into();
    }

    /// Renders the SLS of one environment (globs allowed), each with its includes.
    pub(crate) fn environment(
        &self,
        env: &str,
        globs: &[String],
        problems: &mut Vec<Problem>,
    ) -> Vec<Map> {
        let mut names: Vec<String> = Vec::new();
        for glob in globs {
            match self.matching(env, glob) {
                Some(found) if !found.is_empty() => names.extend(found),
                found => {
                    if found.is_none() {
                        problems.push(no_environment(env));
                    }
                    names.push(glob.clone());
                }
            }
        }
        let mut rendered = Rendered::new();
        let mut maps = Vec::new();
        for name in names {
            let place = Place {
                env,
                defaults: Map::new(),
                key: Vec::new(),
                depth: 0,
            };
            if let Value::Map(map) = self.sls(&name, &place, &mut rendered, problems) {
                maps.push(map);
            }
        }
        maps
    }

    /// Renders a text with the minion's context.
    pub(crate) fn render(
        &self,
        path: &str,
        content: &[u8],
        env: &str,
        name: &str,
        extra: Map,
    ) -> Result<Value, String> {
        let text = std::str::from_utf8(content).map_err(|error| error.to_string())?;
        let mut context = self.context.borrow_mut();
        env.clone_into(&mut context.saltenv);
        name.clone_into(&mut context.sls);
        path.clone_into(&mut context.template);
        context.extra = extra;
        render(text, &self.options.renderer, &context, &self.files)
            .map_err(|error| error.without_sls())
    }

    /// Gives the SLS that a glob matches; `None` if there is no such environment.
    fn matching(&self, env: &str, glob: &str) -> Option<Vec<String>> {
        if env != "base" && !self.files.envs().iter().any(|other| other == env) {
            return None;
        }
        let mut available = self.available.borrow_mut();
        // What cannot be listed is looked for by name, and that error is told.
        let names = available
            .entry(env.to_owned())
            .or_insert_with(|| sls::list(env, &self.files).unwrap_or_default());
        Some(sls::matching(names, glob))
    }

    fn sls(
        &self,
        name: &str,
        place: &Place<'_>,
        rendered: &mut Rendered,
        problems: &mut Vec<Problem>,
    ) -> Value {
        let found = match sls::find(name, place.env, &self.files) {
            Ok(Some(found)) => found,
            Ok(None) => {
                let problem = self.missing(name, place.env);
                if problem.is_some() {
                    rendered.insert(name.to_owned(), Value::Nil);
                }
                problems.extend(problem);
                return Value::Nil;
            }
            Err(error) => {
                problems.push(Problem::open(error.to_string()));
                return Value::Nil;
            }
        };
        let extra = place.defaults.clone();
        let state = match self.render(&found.path, &found.content, place.env, name, extra) {
            Ok(state) => state,
            Err(error) => {
                problems.push(self.render_problem(name, &error));
                Value::Nil
            }
        };
        let mut state = match state {
            Value::Map(state) => state,
            other => {
                if other.is_truthy() {
                    let text = format!("SLS '{name}' does not render to a dictionary");
                    problems.push(Problem::open(text));
                }
                rendered.insert(name.to_owned(), Value::Nil);
                return Value::Nil;
            }
        };
        let includes = match state.get("include") {
            Some(Value::List(_)) => state.remove("include"),
            Some(_) => {
                problems.push(Problem::open(format!(
                    "Include Declaration in SLS '{name}' is not formed as a list"
                )));
                None
            }
            None => None,
        };
        rendered.insert(name.to_owned(), state.clone().into());
        let Some(Value::List(includes)) = includes else {
            self.contribute(name, place, &found, &state);
            return state.into();
        };
        let included = self.includes(includes, (name, &found), place, rendered, problems);
        self.contribute(name, place, &found, &state);
        self.join(included, state).into()
    }

    /// Merges an SLS with what it includes: its own values win, unless the option says otherwise.
    fn join(&self, included: Vec<Map>, state: Map) -> Map {
        let merge = self.options.merge;
        if self.options.is_include_stronger {
            return included
                .into_iter()
                .fold(state, |state, one| merge.merge(state, one));
        }
        let all = included.into_iter().chain([state]);
        all.reduce(|state, one| merge.merge(state, one))
            .unwrap_or_default()
    }

    fn includes(
        &self,
        includes: Vec<Value>,
        (name, found): (&str, &Sls),
        place: &Place<'_>,
        rendered: &mut Rendered,
        problems: &mut Vec<Problem>,
    ) -> Vec<Map> {
        let mut inner = Place {
            depth: place.depth + 1,
            ..place.clone()
        };
        let mut maps = Vec::new();
        // What the last rendered include told is told again for one that was rendered before: so
        // does Salt.
        let mut told = Vec::new();
        for include in includes {
            let key = match read_include(&include, &mut inner.defaults) {
                Ok((include, key)) => {
                    inner.key = place.key.iter().chain(&key).cloned().collect();
                    let targets = self.targets(&include, (name, found), place.env, problems);
                    for target in targets {
                        let data = self.included(&target, &inner, rendered, &mut told);
                        maps.extend(data.map(|data| under(&key, data)));
                        problems.extend(told.iter().cloned());
                    }
                    continue;
                }
                Err(include) => include,
            };
            problems.push(Problem::open(format!(
                "Badly formatted include {key} found in include in SLS '{name}'"
            )));
        }
        maps
    }

    fn included(
        &self,
        target: &str,
        place: &Place<'_>,
        rendered: &mut Rendered,
        told: &mut Vec<Problem>,
    ) -> Option<Map> {
        let data = match rendered.get(target) {
            Some(known) => known.clone(),
            None => {
                told.clear();
                if place.depth > INCLUDE_DEPTH_MAX {
                    told.push(Problem::open(format!(
                        "Include of '{target}' is nested more than {INCLUDE_DEPTH_MAX} deep"
                    )));
                    return None;
                }
                self.sls(target, place, rendered, told)
            }
        };
        match data {
            Value::Map(map) if !map.is_empty() => Some(map),
            _ => None,
        }
    }

    /// Gives the SLS that an include means. A relative name also means an SLS of that name at the
    /// top, and every name is found twice, as in Salt: it matters to strategies that replace.
    fn targets(
        &self,
        include: &str,
        (name, found): (&str, &Sls),
        env: &str,
        problems: &mut Vec<Problem>,
    ) -> Vec<String> {
        let plain = include.trim_start_matches('.').replace('/', ".");
        let Some(mut targets) = self.matching(env, &plain) else {
            problems.push(no_environment(env));
            return vec![include.to_owned()];
        };
        let full = match include.strip_prefix('.') {
            Some(rest) => {
                let mut parts: Vec<&str> = name.split('.').collect();
                if !found.is_init() {
                    parts.pop();
                }
                parts.push(rest);
                parts.join(".")
            }
            None => include.to_owned(),
        };
        targets.extend(self.matching(env, &full).unwrap_or_default());
        if targets.is_empty() {
            vec![full]
        } else {
            targets
        }
    }

    fn missing(&self, name: &str, env: &str) -> Option<Problem> {
        if self
            .ignored
            .get(env)
            .is_some_and(|ignored| ignored.iter().any(|sls| sls == name))
        {
            return None;
        }
        // An environment without pillar_roots is only logged about, as in Salt.
        let has_roots = self.files.envs().iter().any(|other| other == env);
        has_roots.then(|| {
            Problem::open(format!(
                "Specified SLS '{name}' in environment '{env}' is not available on the salt master"
            ))
        })
    }

    fn render_problem(&self, name: &str, error: &str) -> Problem {
        let full = format!("Rendering SLS '{name}' failed, render error:\n{error}");
        let shown = if self.options.is_safe_render_error {
            format!("Rendering SLS '{name}' failed. Please see master log for details.")
        } else {
            full.clone()
        };
        Problem { shown, full }
    }

    fn contribute(&self, name: &str, place: &Place<'_>, found: &Sls, state: &Map) {
        self.contributions.borrow_mut().push(Contribution {
            saltenv: place.env.to_owned(),
            sls: name.to_owned(),
            path: found.path.clone(),
            data: under(&place.key, state.clone()),
        });
    }
}

fn minion(request: &Request, options: &Options, pillar: Map) -> Minion {
    Minion::new(
        request.id.clone(),
        request.grains.clone(),
        pillar.into(),
        options.nodegroups.clone(),
    )
}

fn no_environment(env: &str) -> Problem {
    Problem::open(format!(
        "No matching pillar environment for environment '{env}' found"
    ))
}

/// Reads `name` or `{name: {defaults: .., key: ..}}`. Defaults stay for the includes that follow,
/// as in Salt. The error is the include as text.
fn read_include(include: &Value, defaults: &mut Map) -> Result<(String, Vec<String>), String> {
    match include {
        Value::Str(name) => Ok((name.clone(), Vec::new())),
        Value::Map(map) => {
            let Some((name, Value::Map(options))) = map.get_index(0) else {
                return Err(include.to_text());
            };
            *defaults = match options.get("defaults") {
                Some(Value::Map(defaults)) => defaults.clone(),
                _ => Map::new(),
            };
            let key = options
                .get("key")
                .filter(|key| key.is_truthy())
                .map(Value::to_text);
            let key = key.map(|key| key.split(':').map(str::to_owned).collect());
            Ok((name.to_text(), key.unwrap_or_default()))
        }
        other => Err(other.to_text()),
    }
}

/// Puts data under a path of keys.
fn under(key: &[String], data: Map) -> Map {
    key.iter().rev().fold(data, |data, part| {
        Map::from([(part.as_str(), Value::Map(data))])
    })
}

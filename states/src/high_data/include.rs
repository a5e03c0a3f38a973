//! Renders SLS and everything they include into one high data.

use std::collections::{BTreeMap, BTreeSet};

use model::{Map, Value};

use super::declarations::{Here, pad, push, take_exclude, take_extend};
use super::{EXCLUDE, EXTEND, Options, text};
use crate::context::Context;
use crate::file_client::FileClient;
use crate::order::AUTO_ORDER_FIRST;
use crate::renderers::render;
use crate::sls;

/// Deepest chain of includes. Python gives up at about 300; a real tree has fewer than ten.
const INCLUDE_DEPTH_MAX: usize = 128;

/// The environment key that means: whichever of the matched ones has it.
const ANY_MATCHED_ENV: &str = "_xenv";

/// High data as declared, before any pass.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gathered {
    pub(crate) high: Map,
    pub(crate) errors: Vec<String>,
    /// Every SLS that was rendered, even to nothing.
    pub(crate) processed_sls: Vec<String>,
}

/// Renders the matched SLS (globs allowed) of each environment.
pub(crate) fn gather(
    matches: &[(String, Vec<String>)],
    files: &dyn FileClient,
    context: &Context,
    options: &Options,
) -> Gathered {
    let mut gatherer = Gatherer {
        matches,
        files,
        context,
        options,
        rendered: BTreeSet::new(),
        available: BTreeMap::new(),
        next_order: AUTO_ORDER_FIRST,
        processed_sls: Vec::new(),
        depth: 0,
    };
    let (mut high, errors) = gatherer.highstate();
    drop_repeated_extends(&mut high);
    Gathered {
        high,
        errors,
        processed_sls: gatherer.processed_sls,
    }
}

struct Gatherer<'a> {
    matches: &'a [(String, Vec<String>)],
    files: &'a dyn FileClient,
    context: &'a Context,
    options: &'a Options,
    /// `env:sls` of what was rendered already; an SLS counts once.
    rendered: BTreeSet<String>,
    available: BTreeMap<String, Vec<String>>,
    next_order: i64,
    processed_sls: Vec<String>,
    depth: usize,
}

impl Gatherer<'_> {
    fn highstate(&mut self) -> (Map, Vec<String>) {
        let mut high = Map::new();
        let mut all_errors = Vec::new();
        for (saltenv, globs) in self.matches {
            for glob in globs {
                if !self.knows_env(saltenv) {
                    all_errors.push(format!(
                        "No matching salt environment for environment '{saltenv}' found"
                    ));
                }
                for sls in self.targets(saltenv, glob, &mut all_errors) {
                    if self.rendered.contains(&format!("{saltenv}:{sls}")) {
                        continue;
                    }
                    let (state, mut errors) = self.sls(&sls, saltenv);
                    merge(&mut high, state, &mut errors);
                    let missing = format!("SLS {glob} in saltenv");
                    for error in &mut errors {
                        if error.contains("is not available") && error.contains(&missing) {
                            *error =
                                format!("No matching sls found for '{glob}' in env '{saltenv}'");
                        }
                    }
                    all_errors.extend(errors);
                }
            }
        }
        (high, all_errors)
    }

    fn knows_env(&self, saltenv: &str) -> bool {
        saltenv == "base"
            || self
                .files
                .envs()
                .iter()
                .any(|env| env == saltenv || env == "__env__")
    }

    /// Gives the SLS that a glob matches; the glob itself if none, so that it is missed by name.
    fn targets(&mut self, saltenv: &str, glob: &str, errors: &mut Vec<String>) -> Vec<String> {
        let found = self.matching(saltenv, glob, errors);
        if found.is_empty() {
            vec![glob.to_owned()]
        } else {
            found
        }
    }

    fn matching(&mut self, saltenv: &str, glob: &str, errors: &mut Vec<String>) -> Vec<String> {
        if !self.available.contains_key(saltenv) {
            let listed = sls::list(saltenv, self.files);
            let names = listed.unwrap_or_else(|error| {
                errors.push(error.to_string());
                Vec::new()
            });
            self.available.insert(saltenv.to_owned(), names);
        }
        let names = self
            .available
            .get(saltenv)
            .map(Vec::as_slice)
            .unwrap_or_default();
        sls::matching(names, glob)
    }

    /// Renders one SLS with its includes.
    fn sls(&mut self, name: &str, saltenv: &str) -> (Map, Vec<String>) {
        let mut errors = Vec::new();
        let found = match sls::find(name, saltenv, self.files) {
            Ok(Some(found)) => found,
            Ok(None) => {
                errors.push(format!(
                    "Specified SLS {name} in saltenv {saltenv} is not available on the salt master \
                     or through a configured fileserver"
                ));
                return (Map::new(), errors);
            }
            Err(error) => return (Map::new(), vec![error.to_string()]),
        };
        let rendered = self.render(name, saltenv, &found, &mut errors);
        self.rendered.insert(format!("{saltenv}:{name}"));
        self.processed_sls.push(name.to_owned());
        let mut state = match rendered {
            Some(Value::Map(state)) => state,
            Some(other) if other.is_truthy() => {
                errors.push(format!("SLS {name} does not render to a dictionary"));
                if self.depth == 0 {
                    let other = other.to_text();
                    errors.push(format!("Error when rendering state with contents: {other}"));
                }
                return (Map::new(), errors);
            }
            _ => return (Map::new(), errors),
        };
        if state.is_empty() {
            return (state, errors);
        }
        let here = Here { sls: name, saltenv };
        let includes = take_include(&mut state, here, &mut errors);
        take_extend(&mut state, here, &mut errors);
        take_exclude(&mut state, here, &mut errors);
        pad(&mut state, here, &mut errors);
        for include in includes {
            self.include(&mut state, include, here, found.is_init(), &mut errors);
        }
        if self.options.state_auto_order {
            self.number(&mut state);
        }
        (state, errors)
    }

    fn render(
        &self,
        name: &str,
        saltenv: &str,
        found: &sls::Sls,
        errors: &mut Vec<String>,
    ) -> Option<Value> {
        let mut context = self.context.clone().for_sls(name, &found.path);
        saltenv.clone_into(&mut context.saltenv);
        let text = match std::str::from_utf8(&found.content) {
            Ok(text) => text,
            Err(error) => {
                errors.push(format!("Rendering SLS '{saltenv}:{name}' failed: {error}"));
                return None;
            }
        };
        match render(text, &self.options.renderer, &context, self.files) {
            Ok(value) => Some(value),
            Err(error) => {
                let error = error.in_sls(saltenv, name);
                errors.push(error.to_string());
                None
            }
        }
    }

    fn include(
        &mut self,
        state: &mut Map,
        include: Value,
        here: Here<'_>,
        is_init: bool,
        errors: &mut Vec<String>,
    ) {
        let target = match self.include_target(&include, here, is_init) {
            Ok(target) => target,
            Err(error) => return errors.push(error),
        };
        let envs = self.resolved_envs(&target, errors);
        let env = match envs.as_slice() {
            [only] => only.clone(),
            several if several.iter().any(|env| env == here.saltenv) => here.saltenv.to_owned(),
            unresolved => return errors.push(self.unresolved(&target, unresolved)),
        };
        if self.depth >= INCLUDE_DEPTH_MAX {
            errors.push(format!(
                "Include of '{}' in SLS '{}:{}' is nested more than {INCLUDE_DEPTH_MAX} deep",
                target.sls, here.saltenv, here.sls
            ));
            return;
        }
        for sls in self.targets(here.saltenv, &target.sls, errors) {
            if self.rendered.contains(&format!("{env}:{sls}")) {
                continue;
            }
            self.depth += 1;
            let (included, more_errors) = self.sls(&sls, &env);
            self.depth -= 1;
            merge(state, included, errors);
            errors.extend(more_errors);
        }
    }

    fn include_target(
        &self,
        include: &Value,
        here: Here<'_>,
        is_init: bool,
    ) -> Result<Target, String> {
        let Here { sls: from, saltenv } = here;
        let named = match include {
            Value::Map(map) => map.iter().next_back(),
            _ => None,
        };
        let env = named.map_or(saltenv, |(env, _)| env.as_str().unwrap_or_default());
        let nonexistent = |sls: &str| {
            format!(
                "Nonexistent saltenv '{env}' found in include of '{sls}' within SLS \
                '{saltenv}:{from}'"
            )
        };
        let sls = match (include, named) {
            (Value::Str(sls), _) => Some(sls.as_str()),
            (_, Some((_, sls))) if sls.as_str().is_none() && !self.knows_env(env) => {
                return Err(nonexistent(&sls.to_text()));
            }
            (_, named) => named.and_then(|(_, sls)| sls.as_str()),
        };
        let Some(sls) = sls else {
            let include = include.to_text();
            return Err(format!(
                "Badly formatted include {include} found in include in SLS '{saltenv}:{from}'"
            ));
        };
        if !self.knows_env(env) {
            return Err(nonexistent(sls));
        }
        if sls.chars().all(|character| character == '.') {
            // `.` alone names the folder itself, of which Salt never comes to an end.
            return Err(format!(
                "Badly formatted include {sls} found in include in SLS '{saltenv}:{from}'"
            ));
        }
        let sls = if sls.starts_with('.') {
            relative(sls, from, is_init).ok_or_else(|| {
                format!(
                    "Attempted relative include of '{sls}' within SLS '{saltenv}:{from}' goes \
                    beyond \
                     top level package "
                )
            })?
        } else {
            sls.to_owned()
        };
        Ok(Target {
            env: env.to_owned(),
            sls,
        })
    }

    fn resolved_envs(&mut self, target: &Target, errors: &mut Vec<String>) -> Vec<String> {
        if target.env != ANY_MATCHED_ENV {
            let is_matched = self.matches.iter().any(|(env, _)| *env == target.env);
            let is_there =
                is_matched || !self.matching(&target.env, &target.sls, errors).is_empty();
            return if is_there {
                vec![target.env.clone()]
            } else {
                Vec::new()
            };
        }
        let mut envs: Vec<String> = self.matches.iter().map(|(env, _)| env.clone()).collect();
        envs.retain(|env| !self.matching(env, &target.sls, errors).is_empty());
        envs
    }

    fn unresolved(&self, target: &Target, envs: &[String]) -> String {
        let Target { env, sls } = target;
        if !envs.is_empty() {
            return format!(
                "Ambiguous include: Specified SLS {env}: {sls} is available on the salt master in \
                 multiple available saltenvs: {}",
                envs.join(", ")
            );
        }
        let looked_in = if env == ANY_MATCHED_ENV {
            let matched: Vec<&str> = self.matches.iter().map(|(env, _)| env.as_str()).collect();
            matched.join(", ")
        } else {
            env.clone()
        };
        format!(
            "Unknown include: Specified SLS {env}: {sls} is not available on the salt master in \
             saltenv(s): {looked_in} "
        )
    }

    /// Gives every state without an `order` the next number. Included states have theirs by now.
    fn number(&mut self, state: &mut Map) {
        for (_, body) in state.iter_mut() {
            let Value::Map(body) = body else { continue };
            for (key, run) in body.iter_mut() {
                let is_private = key.as_str().is_none_or(|key| key.starts_with('_'));
                let Value::List(run) = run else { continue };
                let is_order = |argument: &Value| {
                    super::first_key(argument).and_then(Value::as_str) == Some("order")
                };
                if is_private || run.iter().any(is_order) {
                    continue;
                }
                run.push(Value::Map(Map::from([("order", self.next_order)])));
                self.next_order += 1;
            }
        }
    }
}

/// What an include means: an SLS, and the environment it names.
struct Target {
    env: String,
    sls: String,
}

fn take_include(state: &mut Map, here: Here<'_>, errors: &mut Vec<String>) -> Vec<Value> {
    match state.get("include") {
        Some(Value::List(_)) => match state.remove("include") {
            Some(Value::List(includes)) => includes,
            _ => Vec::new(),
        },
        Some(_) => {
            // Salt leaves it where it is, to be taken for an id.
            errors.push(format!(
                "Include Declaration in SLS {} is not formed as a list",
                here.sls
            ));
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// Resolves `.x`, `..x`: each dot goes up one part of the including name. `None` above the top.
fn relative(include: &str, from: &str, is_init: bool) -> Option<String> {
    let rest = include.trim_start_matches('.');
    let levels = include.len() - rest.len();
    let mut parts: Vec<&str> = from.split('.').collect();
    if is_init {
        parts.push("init");
    }
    let kept = parts.len().checked_sub(levels)?;
    parts.truncate(kept);
    parts.push(rest);
    Some(parts.join("."))
}

/// Puts the ids of one SLS beside those of others. Extensions and exclusions add up; an id that
/// both have must be the same in both.
fn merge(high: &mut Map, mut state: Map, errors: &mut Vec<String>) {
    for key in [EXTEND, EXCLUDE] {
        if let Some(Value::List(items)) = state.remove(key) {
            push(high, key, items);
        }
    }
    for (id, body) in state.iter() {
        let Some(old) = high.get_value(id).filter(|old| *old != body) else {
            continue;
        };
        let part = |body: &Value, key| {
            let text = body
                .as_map()
                .map(|body| text(body, key))
                .unwrap_or_default();
            text.to_owned()
        };
        errors.push(format!(
            "Detected conflicting IDs, SLS IDs need to be globally unique.\n    The conflicting \
            ID is \
             '{}' and is found in SLS '{}:{}' and SLS '{}:{}'",
            id.to_text(),
            part(old, "__env__"),
            part(old, "__sls__"),
            part(body, "__env__"),
            part(body, "__sls__")
        ));
    }
    high.extend(state);
}

/// Splits extensions into one for each id and drops those that were collected twice.
fn drop_repeated_extends(high: &mut Map) {
    let Some(Value::List(extensions)) = high.get_mut(EXTEND) else {
        return;
    };
    let mut single: Vec<Value> = Vec::new();
    for (name, body) in extensions.drain(..).filter_map(into_map).flatten() {
        let one = Value::Map(Map::from([(name, body)]));
        if !single.contains(&one) {
            single.push(one);
        }
    }
    *extensions = single;
}

fn into_map(value: Value) -> Option<Map> {
    match value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

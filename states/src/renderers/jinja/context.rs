//! What a template finds in its scope: Salt's names, from the [`Context`] of the render.

use std::rc::Rc;

use model::Value;

use super::dict::Dict;
use super::interpreter::Interpreter;
use super::object::Object;
use super::scope::Scope;
use super::value::Py;
use crate::context::{Context, FUNCTION};

/// The variables that are large; each is made when a template first names it.
pub(super) const LATE: [&str; 3] = ["grains", "pillar", "opts"];

/// Makes one of the large variables; `None` for any other name.
fn late(name: &str, context: &Context) -> Option<Py> {
    match name {
        "grains" => Some(Py::from_value(&context.grains)),
        "pillar" => Some(Py::from_value(&context.pillar)),
        "opts" => Some(Py::from_map(&context.opts)),
        _ => None,
    }
}

impl Interpreter<'_> {
    /// Makes a large variable for the outermost of these scopes. Files that are loaded without a
    /// context share one; the template itself has its own, as in Jinja.
    pub(super) fn late(&self, name: &Rc<str>, scope: &Rc<Scope>) -> Option<Py> {
        if !LATE.contains(&name.as_ref()) {
            return None;
        }
        let outermost = scope.outermost();
        let is_own = Rc::ptr_eq(&outermost, &self.scope);
        let shared = self.globals.get(name).filter(|_| !is_own);
        let value = shared.or_else(|| late(name, self.context))?;
        if !is_own {
            self.globals.set(name, value.clone());
        }
        outermost.set(name, value.clone());
        Some(value)
    }
}

/// Fills a scope with `salt`, `saltenv`, `sls` and what is derived from them.
pub(super) fn fill(scope: &Rc<Scope>, context: &Context) {
    scope.set_str("salt", Py::object(Object::SaltRoot));
    scope.set_str("saltenv", Py::str(&context.saltenv));
    scope.set_str("sls", Py::str(&context.sls));
    scope.set_str("tmplpath", Py::str(&context.template));
    scope.set_str("proxy", Py::dict(super::dict::Dict::default()));
    for (name, text) in sls_names(&context.template, &context.sls) {
        scope.set_str(name, Py::from(text));
    }
    for (name, value) in context.extra.iter() {
        if let Some(name) = name.as_str() {
            let value = match name {
                "__salt__" | "__stack__" => extra(value),
                _ => Py::from_value(value),
            };
            scope.set_str(name, value);
        }
    }
}

/// Takes a further variable; what stands for a function becomes one.
fn extra(value: &Value) -> Py {
    let function = |value: &Value| match value {
        Value::Ext(FUNCTION, name) if name.is_empty() => Some(Py::object(Object::SaltRoot)),
        Value::Ext(FUNCTION, name) => {
            let name = String::from_utf8_lossy(name);
            Some(Py::object(Object::SaltFunction(Rc::from(name.as_ref()))))
        }
        _ => None,
    };
    let is_function = |value: &Value| matches!(value, Value::Ext(FUNCTION, _));
    match value {
        Value::Map(map) if map.values().any(is_function) => {
            let mut dict = Dict::default();
            for (key, value) in map.iter() {
                let value = function(value).unwrap_or_else(|| Py::from_value(value));
                // A key of a map can be hashed.
                let _ = dict.insert(Py::from_value(key), value);
            }
            Py::dict(dict)
        }
        value => function(value).unwrap_or_else(|| Py::from_value(value)),
    }
}

/// Derives the names that tell a template where it is.
fn sls_names(template: &str, sls: &str) -> Vec<(&'static str, String)> {
    let template = template.trim_start_matches("salt://");
    let mut names = Vec::new();
    let mut directory = sls.replace('.', "/");
    if !template.is_empty() {
        let shown = if sls.is_empty() {
            template.rsplit_once('/').map_or(template, |(_, name)| name)
        } else {
            template
        };
        directory = shown
            .rsplit_once('/')
            .map_or("", |(directory, _)| directory)
            .to_owned();
        let shown_directory = if directory.is_empty() {
            "."
        } else {
            &directory
        };
        names.push(("tplpath", template.to_owned()));
        names.push(("tplfile", shown.to_owned()));
        names.push(("tpldir", shown_directory.to_owned()));
        names.push(("tpldot", directory.replace('/', ".")));
    }
    names.push(("slsdotpath", directory.replace('/', ".")));
    names.push(("slscolonpath", directory.replace('/', ":")));
    names.push(("sls_path", directory.replace('/', "_")));
    names.push(("slspath", directory));
    names
}

//! Calls: macros, methods, global functions and Salt's functions.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use model::{Map, Value};

use super::ast::Macro;
use super::context;
use super::dict::Dict;
use super::fault::{Fault, FaultKind, Outcome};
use super::interpreter::{Interpreter, crossing};
use super::methods;
use super::object::Object;
use super::object_call::{Args, int_of};
use super::scope::Site;
use super::value::{Py, Range};
use super::{limits, text};
use crate::context::{FunctionError, near_names};

impl Interpreter<'_> {
    /// Calls a value from a statement or filter.
    pub(super) fn call(&mut self, callee: &Py, args: Args) -> Outcome<Py> {
        self.deeper(|this| this.call_object(callee, args, None))
    }

    /// Calls a value from an expression; some functions want to know the place.
    pub(super) fn call_in(&mut self, callee: &Py, args: Args, site: &Site) -> Outcome<Py> {
        self.call_object(callee, args, Some(site))
    }

    fn call_object(&mut self, callee: &Py, args: Args, site: Option<&Site>) -> Outcome<Py> {
        let Py::Object(object) = callee.usable()? else {
            return Err(Fault::python(format!(
                "'{}' object is not callable",
                callee.type_name()
            )));
        };
        match object.as_ref() {
            Object::Method(value, name) => self.call_method(value, name, args),
            Object::Macro(..) => self.run_macro(args, object),
            Object::SaltFunction(name) => self.call_salt(name, args),
            Object::Builtin(name) => self.call_builtin(name, args, site),
            Object::Loop(state) => {
                let (statement, site) = state.statement.clone();
                if !statement.is_recursive {
                    return Err(Fault::python(
                        "The loop must have the 'recursive' marker to be called recursively.",
                    ));
                }
                let [items] = args.bind("loop", ["iterable"])?;
                let items = super::object_call::required(items, "loop", "iterable")?;
                let mut out = String::new();
                self.for_loop(&statement, &site, &items, state.depth() + 1, &mut out)?;
                Ok(Py::from(out))
            }
            Object::Joiner {
                separator,
                was_used,
            } => Ok(if was_used.replace(true) {
                separator.clone()
            } else {
                Py::from("")
            }),
            Object::Block(site, name, index) => self.call_block(site, name, *index),
            _ => Err(Fault::python(format!(
                "'{}' object is not callable",
                object.type_name()
            ))),
        }
    }

    fn call_method(&mut self, value: &Py, name: &str, args: Args) -> Outcome<Py> {
        let Py::Object(object) = value else {
            return methods::call(value, name, args);
        };
        match (object.as_ref(), name) {
            (Object::Loop(state), "cycle") => state.cycle(&args.positional),
            (Object::Loop(state), _) => state.changed(&args.positional).map(Py::Bool),
            (Object::Cycler { items, at }, "next") => {
                let item = items.get(at.get()).cloned().unwrap_or(Py::None);
                at.set((at.get() + 1) % items.len().max(1));
                Ok(item)
            }
            (Object::Cycler { at, .. }, _) => {
                at.set(0);
                Ok(Py::None)
            }
            _ => Err(Fault::python(format!("'{name}' is not callable"))),
        }
    }

    fn call_builtin(&mut self, name: &str, args: Args, site: Option<&Site>) -> Outcome<Py> {
        match name {
            "range" => range(&args),
            "dict" | "odict" => {
                let mut dict = Dict::default();
                dict.is_ordered = name == "odict";
                for (key, value) in methods::pairs_of("dict", args)? {
                    dict.insert(key, value)?;
                }
                Ok(Py::dict(dict))
            }
            "namespace" => {
                let mut dict = Dict::default();
                for (key, value) in methods::pairs_of("namespace", args)? {
                    dict.insert(key, value)?;
                }
                Ok(Py::object(Object::Namespace(RefCell::new(dict))))
            }
            "cycler" => {
                if args.positional.is_empty() {
                    return Err(Fault::python("at least one item has to be provided"));
                }
                Ok(Py::object(Object::Cycler {
                    items: args.positional,
                    at: Cell::new(0),
                }))
            }
            "joiner" => {
                let [separator] = args.bind("joiner", ["sep"])?;
                let separator = separator.unwrap_or_else(|| Py::from(", "));
                Ok(Py::object(Object::Joiner {
                    separator,
                    was_used: Cell::new(false),
                }))
            }
            "raise" => {
                let [message] = args.bind("raise", ["msg"])?;
                let message = super::object_call::required(message, "jinja_raise", "msg")?;
                Err(Fault::new(FaultKind::Raised, text::str(&message)?))
            }
            "show_full_context" => self.full_context(site),
            "ifelse" => self.ifelse(args),
            other => Err(Fault::python(format!(
                "the global {other} is not supported"
            ))),
        }
    }

    fn full_context(&mut self, site: Option<&Site>) -> Outcome<Py> {
        for name in context::LATE {
            // What is made late is shown, too.
            self.late(&Rc::from(name), &self.globals);
        }
        let mut dict = Dict::default();
        let scopes = [Some(&self.globals), site.map(|site| &site.root)];
        for scope in scopes.into_iter().flatten() {
            for (name, value) in scope.own() {
                if matches!(
                    value,
                    Py::None
                        | Py::Bool(_)
                        | Py::Int(_)
                        | Py::Float(_)
                        | Py::Str(_)
                        | Py::List(_)
                        | Py::Dict(_)
                        | Py::Tuple(_)
                        | Py::Set(_)
                ) {
                    dict.insert(Py::Str(name), value)?;
                }
            }
        }
        Ok(Py::dict(dict))
    }

    /// `ifelse(target, value, target, value, ..., default)` of the module `match`.
    fn ifelse(&mut self, args: Args) -> Outcome<Py> {
        self.call_salt("match.ifelse", args)
    }

    /// Binds a macro's parameters in its scope.
    pub(super) fn bind_macro(
        &mut self,
        definition: &Macro,
        mut args: Args,
        site: &Site,
    ) -> Outcome<()> {
        let Macro {
            name,
            params,
            defaults,
            ..
        } = definition;
        let caller = if definition.uses_caller {
            args.take_named("caller")
        } else {
            None
        };
        let mut given = std::mem::take(&mut args.positional).into_iter();
        let first_default = params.len() - defaults.len();
        let mut missing = Vec::new();
        for (index, param) in params.iter().enumerate() {
            let value = match given.next() {
                Some(value) => {
                    if args.take_named(param).is_some() {
                        return Err(Fault::python(format!(
                            "macro {} got multiple values for argument {}",
                            text::quoted(name),
                            text::quoted(param)
                        )));
                    }
                    value
                }
                None => match args.take_named(param) {
                    Some(value) => value,
                    None => {
                        missing.push(index);
                        continue;
                    }
                },
            };
            site.scope.set(param, value);
        }
        for index in missing {
            let value = match index
                .checked_sub(first_default)
                .and_then(|at| defaults.get(at))
            {
                Some(default) => self.evaluate(default, site)?,
                None => Py::Undefined(Rc::from(format!(
                    "parameter {} was not provided",
                    text::quoted(&params[index])
                ))),
            };
            site.scope.set(&params[index], value);
        }
        if definition.uses_caller && !params.iter().any(|param| param.as_ref() == "caller") {
            let caller = caller.unwrap_or_else(|| Py::Undefined(Rc::from("No caller defined")));
            site.scope.set_str("caller", caller);
        }
        bind_rest(definition, given.collect(), args, site)
    }

    /// `salt.name`: a module, if any function is in it.
    pub(super) fn salt_attribute(&mut self, name: &Rc<str>) -> Py {
        let names = self.names();
        let prefix = format!("{name}.");
        if names.iter().any(|known| known.starts_with(&prefix)) {
            return Py::object(Object::SaltModule(name.clone()));
        }
        self.unknown_function(name)
    }

    /// `salt['mod.fun']`
    pub(super) fn salt_function(&mut self, name: &str) -> Py {
        if self.names().iter().any(|known| known == name) {
            return Py::object(Object::SaltFunction(Rc::from(name)));
        }
        self.unknown_function(name)
    }

    fn names(&mut self) -> Rc<Vec<String>> {
        let context = self.context;
        self.function_names
            .get_or_insert_with(|| Rc::new(context.functions.names()))
            .clone()
    }

    fn unknown_function(&mut self, name: &str) -> Py {
        let names = self.names();
        let near = near_names(name, names.iter().map(String::as_str));
        let near = if near.is_empty() {
            String::new()
        } else {
            format!(" (near: {})", near.join(", "))
        };
        Py::Undefined(Rc::from(format!(
            "'salt.utils.templates.AliasedLoader object' has no attribute {}{near}",
            text::quoted(name)
        )))
    }

    fn call_salt(&mut self, name: &str, args: Args) -> Outcome<Py> {
        // Some hand their default on unseen; only what then uses an undefined one fails.
        let unseen = unseen_default(name, &args).cloned();
        let to_value = |argument: &Py| match argument {
            Py::Undefined(_) if unseen.is_some() => Ok(untouched()),
            argument => argument.to_value(),
        };
        let positional: Outcome<Vec<_>> = args.positional.iter().map(to_value).collect();
        let mut named = Map::new();
        for (name, value) in &args.named {
            named.insert(name.as_ref(), to_value(value)?);
        }
        match self.context.functions.call(name, positional?, named) {
            Ok(value) if unseen.is_some() && value == untouched() => Ok(unseen.unwrap_or(Py::None)),
            Ok(value) => Ok(in_place(name, &args, Py::from_value(&value))),
            Err(error @ FunctionError::Unknown { .. }) => Err(Fault::undefined(error.to_string())),
            Err(error) => Err(Fault::new(FaultKind::Function, error.to_string())),
        }
    }

    fn call_block(&mut self, site: &Site, name: &Rc<str>, index: usize) -> Outcome<Py> {
        let body = site
            .blocks
            .0
            .borrow()
            .get(name)
            .and_then(|bodies| bodies.get(index).cloned());
        let Some((template, body)) = body else {
            return Err(Fault::undefined(format!(
                "there is no parent block called {}.",
                text::quoted(name)
            )));
        };
        let inner = Site {
            template,
            scope: super::scope::Scope::inside(&site.root),
            block: Some((name.clone(), index)),
            ..site.clone()
        };
        self.captured(&body, &inner).map(Py::from).map_err(crossing)
    }
}

/// Functions that give their second argument, `default`, without looking at it. (`pillar.get`
/// looks.)
const UNSEEN_DEFAULT: [&str; 2] = ["config.get", "grains.get"];

/// Gives the default of such a call, if that alone is undefined.
fn unseen_default<'a>(name: &str, args: &'a Args) -> Option<&'a Py> {
    let named = args.named.iter();
    let mut named = named.filter(|(name, _)| name.as_ref() == "default");
    let default = args
        .positional
        .get(1)
        .or_else(|| named.next().map(|(_, value)| value))?;
    let all = args.positional.iter();
    let mut all = all.chain(args.named.iter().map(|(_, value)| value));
    let is_alone = all.all(|value| !value.is_undefined() || std::ptr::eq(value, default));
    let is_meant = UNSEEN_DEFAULT.contains(&name) && default.is_undefined();
    (is_meant && is_alone).then_some(default)
}

/// Stands for an undefined default on its way through a function: no data is like it.
fn untouched() -> Value {
    Value::Ext(i8::MIN, b"undefined".to_vec())
}

/// Functions that change their first argument in Salt, and what says that they shall not.
const IN_PLACE: [(&str, Option<usize>); 3] = [
    ("slsutil.update", None),
    ("defaults.merge", Some(3)),
    ("defaults.update", Some(3)),
];

/// Gives what a function gave; where that is its first argument, changed, the argument changes.
fn in_place(name: &str, args: &Args, value: Py) -> Py {
    let Some((_, place)) = IN_PLACE.iter().find(|(known, _)| *known == name) else {
        return value;
    };
    let named = args
        .named
        .iter()
        .find(|(name, _)| name.as_ref() == "in_place");
    let named = named.map(|(_, value)| value);
    let says = named.or_else(|| args.positional.get((*place)?));
    let is_wished = says.is_none_or(|says| matches!(says.to_value(), Ok(says) if says.is_truthy()));
    match (args.positional.first(), &value) {
        (Some(argument @ Py::Dict(old)), Py::Dict(new)) if is_wished => {
            // The new one is nobody else's.
            let new = std::mem::take(&mut *new.borrow_mut());
            *old.borrow_mut() = new;
            argument.clone()
        }
        _ => value,
    }
}

/// Binds what is left over to `varargs` and `kwargs`, or refuses it.
fn bind_rest(definition: &Macro, rest: Vec<Py>, args: Args, site: &Site) -> Outcome<()> {
    let Macro { name, params, .. } = definition;
    if definition.uses_varargs {
        site.scope.set_str("varargs", Py::tuple(rest));
    } else if !rest.is_empty() {
        return Err(Fault::python(format!(
            "macro {} takes not more than {} argument(s)",
            text::quoted(name),
            params.len()
        )));
    }
    if definition.uses_kwargs {
        let mut dict = Dict::default();
        for (name, value) in args.named {
            dict.insert(Py::Str(name), value)?;
        }
        site.scope.set_str("kwargs", Py::dict(dict));
    } else if let Some((unknown, _)) = args.named.first() {
        if unknown.as_ref() == "caller" {
            return Err(Fault::python(format!(
                "macro {} was invoked with two values for the special caller argument. This \
                 is most likely a bug.",
                text::quoted(name)
            )));
        }
        return Err(Fault::python(format!(
            "macro {} takes no keyword argument {}",
            text::quoted(name),
            text::quoted(unknown)
        )));
    }
    Ok(())
}

fn range(args: &Args) -> Outcome<Py> {
    let numbers: Outcome<Vec<i128>> = args.only_positional("range")?.iter().map(int_of).collect();
    let range = match numbers?.as_slice() {
        [stop] => Range {
            start: 0,
            stop: *stop,
            step: 1,
        },
        [start, stop] => Range {
            start: *start,
            stop: *stop,
            step: 1,
        },
        [start, stop, step] => Range {
            start: *start,
            stop: *stop,
            step: *step,
        },
        [] => return Err(Fault::python("range expected at least 1 argument, got 0")),
        other => {
            return Err(Fault::python(format!(
                "range expected at most 3 arguments, got {}",
                other.len()
            )));
        }
    };
    if range.step == 0 {
        return Err(Fault::python("range() arg 3 must not be zero"));
    }
    /// The sandbox's own limit.
    const MAX_RANGE: i128 = 100_000;
    if range.len() > MAX_RANGE {
        return Err(Fault::python(format!(
            "Range too big. The sandbox blocks ranges larger than MAX_RANGE ({MAX_RANGE})."
        )));
    }
    limits::spend(1)?;
    Ok(Py::Range(range))
}

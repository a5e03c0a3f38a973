//! Values that are neither data nor text: functions, macros, modules, namespaces, the loop.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::ast::Macro;
use super::dict::Dict;
use super::loops::Loop;
use super::scope::{Scope, Site};
use super::value::Py;

#[derive(Debug)]
pub(super) enum Object {
    /// A method of a built-in type, bound to its value.
    Method(Py, Rc<str>),
    /// A global function or class, by name.
    Builtin(&'static str),
    /// `salt`
    SaltRoot,
    /// `salt.mod`
    SaltModule(Rc<str>),
    /// `salt['mod.fun']`
    SaltFunction(Rc<str>),
    Namespace(RefCell<Dict>),
    Macro(Rc<Macro>, Site),
    Module(Module),
    Loop(Box<Loop>),
    Cycler {
        items: Vec<Py>,
        at: Cell<usize>,
    },
    Joiner {
        separator: Py,
        was_used: Cell<bool>,
    },
    /// `self`
    Blocks(Site),
    /// `self.name` or `super()`
    Block(Site, Rc<str>, usize),
    /// A pair that `groupby` makes: the common value and the items.
    Group(Py, Py),
}

/// What `import` gives.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) name: Rc<str>,
    pub(super) scope: Rc<Scope>,
    /// The text the template rendered to.
    pub(super) text: Rc<str>,
}

impl Object {
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Object::Method(..) => "builtin_function_or_method",
            Object::Builtin("range" | "dict" | "namespace" | "cycler" | "joiner" | "odict") => {
                "type"
            }
            Object::Builtin(_) => "function",
            Object::SaltRoot => "AliasedLoader",
            Object::SaltModule(_) => "AliasedModule",
            Object::SaltFunction(_) => "LoadedFunc",
            Object::Namespace(_) => "Namespace",
            Object::Macro(..) => "Macro",
            Object::Module(_) => "TemplateModule",
            Object::Loop(_) => "LoopContext",
            Object::Cycler { .. } => "Cycler",
            Object::Joiner { .. } => "Joiner",
            Object::Blocks(_) => "TemplateReference",
            Object::Block(..) => "BlockReference",
            Object::Group(..) => "_GroupTuple",
        }
    }

    /// The type's name with its module, as Jinja's messages have it.
    pub(super) fn full_type_name(&self) -> String {
        let module = match self {
            Object::SaltRoot | Object::SaltModule(_) => "salt.utils.templates.",
            Object::SaltFunction(_) => "salt.loader.lazy.",
            Object::Namespace(_) | Object::Cycler { .. } | Object::Joiner { .. } => "jinja2.utils.",
            Object::Macro(..) | Object::Loop(_) | Object::Blocks(_) | Object::Block(..) => {
                "jinja2.runtime."
            }
            Object::Module(_) => "jinja2.environment.",
            Object::Group(..) => "jinja2.filters.",
            Object::Method(..) | Object::Builtin(_) => "",
        };
        format!("{module}{}", self.type_name())
    }

    pub(super) fn is_callable(&self) -> bool {
        !matches!(
            self,
            Object::SaltRoot
                | Object::SaltModule(_)
                | Object::Namespace(_)
                | Object::Module(_)
                | Object::Cycler { .. }
                | Object::Blocks(_)
                | Object::Group(..)
        )
    }

    pub(super) fn len(&self) -> Option<usize> {
        matches!(self, Object::Group(..)).then_some(2)
    }

    /// What iterating over the object gives, if it can be.
    pub(super) fn items(&self) -> Option<Vec<Py>> {
        match self {
            Object::Group(key, items) => Some(vec![key.clone(), items.clone()]),
            _ => None,
        }
    }
}

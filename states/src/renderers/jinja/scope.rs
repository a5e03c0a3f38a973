//! Variables: scopes inside scopes, and where in which template a statement runs.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::ast::Body;
use super::parser::NamedBlock;
use super::value::Py;

/// One level of variables. Reading goes outwards, writing never does.
#[derive(Debug, Default)]
pub(super) struct Scope {
    vars: RefCell<HashMap<Rc<str>, Py>>,
    parent: Option<Rc<Scope>>,
}

impl Scope {
    pub(super) fn inside(parent: &Rc<Scope>) -> Rc<Self> {
        Rc::new(Self {
            vars: RefCell::default(),
            parent: Some(parent.clone()),
        })
    }

    pub(super) fn set(&self, name: &Rc<str>, value: Py) {
        self.vars.borrow_mut().insert(name.clone(), value);
    }

    pub(super) fn set_str(&self, name: &str, value: Py) {
        self.vars.borrow_mut().insert(Rc::from(name), value);
    }

    pub(super) fn get(&self, name: &str) -> Option<Py> {
        let mut here = Some(self);
        while let Some(scope) = here {
            if let Some(value) = scope.vars.borrow().get(name) {
                return Some(value.clone());
            }
            here = scope.parent.as_deref();
        }
        None
    }

    /// Gives the level that has no other around it.
    pub(super) fn outermost(self: &Rc<Self>) -> Rc<Self> {
        let mut here = self;
        while let Some(parent) = &here.parent {
            here = parent;
        }
        here.clone()
    }

    /// Looks up a variable of this level only.
    pub(super) fn get_own(&self, name: &str) -> Option<Py> {
        self.vars.borrow().get(name).cloned()
    }

    /// Lists this level's variables, sorted by name.
    pub(super) fn own(&self) -> Vec<(Rc<str>, Py)> {
        let vars = self.vars.borrow();
        let mut own: Vec<_> = vars
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        own.sort_by(|a, b| a.0.cmp(&b.0));
        own
    }

    pub(super) fn clear(&self) {
        // Values are dropped outside of the borrow: they may hold this scope.
        let vars = std::mem::take(&mut *self.vars.borrow_mut());
        drop(vars);
    }
}

/// A loaded template.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) name: Rc<str>,
    pub(super) text: Rc<str>,
    pub(super) body: Body,
    pub(super) blocks: Vec<NamedBlock>,
}

/// The bodies of one block, each with the template it is from.
type Bodies = Vec<(Rc<Template>, Body)>;

/// The bodies of each block, the most derived template's first.
#[derive(Debug, Default)]
pub(super) struct BlockTable(pub(super) RefCell<HashMap<Rc<str>, Bodies>>);

/// Where a statement runs.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) template: Rc<Template>,
    pub(super) scope: Rc<Scope>,
    /// The template's outermost level: what blocks see and modules export.
    pub(super) root: Rc<Scope>,
    pub(super) blocks: Rc<BlockTable>,
    /// The block that runs, and which body of it.
    pub(super) block: Option<(Rc<str>, usize)>,
}

impl Site {
    /// The same place with a scope of its own.
    pub(super) fn nested(&self) -> Self {
        Self {
            scope: Scope::inside(&self.scope),
            ..self.clone()
        }
    }
}

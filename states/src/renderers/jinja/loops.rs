//! What `loop` is inside a `for`, and how the items are fed to it: one after the other, filtered
//! only when they are asked for, as Jinja's generators do.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use super::ast::For;
use super::dict::Dict;
use super::fault::{Fault, Outcome};
use super::interpreter::Interpreter;
use super::limits;
use super::scope::Site;
use super::value::{Items, Py};

#[derive(Debug)]
pub(super) struct Loop {
    feed: RefCell<Feed>,
    /// How many items were taken.
    taken: Cell<usize>,
    depth: usize,
    previous: RefCell<Option<Py>>,
    current: RefCell<Option<Py>>,
    last_changed: RefCell<Option<Vec<Py>>>,
    /// The loop and its place, to be run again on other items.
    pub(super) statement: (Rc<For>, Site),
}

#[derive(Debug)]
struct Feed {
    source: Source,
    at: usize,
    /// Items that passed the condition and were not handed out yet.
    ahead: VecDeque<Py>,
}

#[derive(Debug)]
enum Source {
    /// A list may change while it is walked.
    List(Rc<RefCell<Items>>),
    /// A dict may not.
    Dict(Rc<RefCell<Dict>>, Vec<Py>),
    Fixed(Vec<Py>),
}

impl Loop {
    pub(super) fn new(iterable: &Py, statement: (Rc<For>, Site), depth: usize) -> Outcome<Self> {
        let source = match iterable.defined()? {
            Py::List(items) => Source::List(items.clone()),
            Py::Dict(dict) | Py::Set(dict) => Source::Dict(dict.clone(), iterable.items()?),
            other => Source::Fixed(other.items()?),
        };
        Ok(Self {
            feed: RefCell::new(Feed {
                source,
                at: 0,
                ahead: VecDeque::new(),
            }),
            taken: Cell::new(0),
            depth,
            previous: RefCell::new(None),
            current: RefCell::new(None),
            last_changed: RefCell::new(None),
            statement,
        })
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Takes the next item.
    pub(super) fn next(&self, interpreter: &mut Interpreter<'_>) -> Outcome<Option<Py>> {
        let ahead = self.feed.borrow_mut().ahead.pop_front();
        let next = match ahead {
            Some(item) => Some(item),
            None => self.fetch(interpreter)?,
        };
        if let Some(item) = &next {
            let before = self.current.replace(Some(item.clone()));
            self.previous.replace(before);
            self.taken.set(self.taken.get() + 1);
        }
        Ok(next)
    }

    /// Reads the source up to the next item that passes the condition.
    fn fetch(&self, interpreter: &mut Interpreter<'_>) -> Outcome<Option<Py>> {
        loop {
            limits::spend(1)?;
            let Some(item) = self.feed.borrow_mut().read()? else {
                return Ok(None);
            };
            let (statement, site) = &self.statement;
            let Some(condition) = &statement.condition else {
                return Ok(Some(item));
            };
            let site = site.nested();
            interpreter.assign(&statement.target, item.clone(), &site)?;
            if interpreter.evaluate(condition, &site)?.is_true()? {
                return Ok(Some(item));
            }
        }
    }

    fn peek(&self, interpreter: &mut Interpreter<'_>) -> Outcome<Option<Py>> {
        if self.feed.borrow().ahead.is_empty()
            && let Some(item) = self.fetch(interpreter)?
        {
            self.feed.borrow_mut().ahead.push_back(item);
        }
        Ok(self.feed.borrow().ahead.front().cloned())
    }

    fn length(&self, interpreter: &mut Interpreter<'_>) -> Outcome<usize> {
        while let Some(item) = self.fetch(interpreter)? {
            self.feed.borrow_mut().ahead.push_back(item);
        }
        Ok(self.taken.get() + self.feed.borrow().ahead.len())
    }

    /// The attributes that need no look ahead.
    pub(super) fn simple_attribute(&self, name: &str) -> Option<Py> {
        let index0 = self.taken.get().saturating_sub(1);
        Some(match name {
            "index" => Py::from(index0 + 1),
            "index0" => Py::from(index0),
            "first" => Py::Bool(index0 == 0),
            "depth" => Py::from(self.depth + 1),
            "depth0" => Py::from(self.depth),
            "previtem" => match &*self.previous.borrow() {
                Some(item) => item.clone(),
                None => Py::Undefined(Rc::from("there is no previous item")),
            },
            _ => return None,
        })
    }

    /// The attributes that look ahead.
    pub(super) fn far_attribute(
        &self,
        name: &str,
        interpreter: &mut Interpreter<'_>,
    ) -> Outcome<Option<Py>> {
        Ok(Some(match name {
            "last" => Py::Bool(self.peek(interpreter)?.is_none()),
            "nextitem" => self
                .peek(interpreter)?
                .unwrap_or_else(|| Py::Undefined(Rc::from("there is no next item"))),
            "length" => Py::from(self.length(interpreter)?),
            "revindex" => Py::from(self.length(interpreter)? + 1 - self.taken.get()),
            "revindex0" => Py::from(self.length(interpreter)? - self.taken.get()),
            _ => return Ok(None),
        }))
    }

    /// `loop.changed(...)`
    pub(super) fn changed(&self, values: &[Py]) -> Outcome<bool> {
        let before = self.last_changed.replace(Some(values.to_vec()));
        let Some(before) = before else {
            return Ok(true);
        };
        Ok(!super::compare::equal(
            &Py::tuple(before),
            &Py::tuple(values.to_vec()),
        )?)
    }

    /// `loop.cycle(...)`
    pub(super) fn cycle(&self, values: &[Py]) -> Outcome<Py> {
        if values.is_empty() {
            return Err(Fault::python("no items for cycling given"));
        }
        let index0 = self.taken.get().saturating_sub(1);
        Ok(values[index0 % values.len()].clone())
    }

    pub(super) fn repr(&self) -> String {
        format!("<LoopContext {}>", self.taken.get())
    }
}

impl Feed {
    fn read(&mut self) -> Outcome<Option<Py>> {
        let at = self.at;
        self.at += 1;
        Ok(match &self.source {
            Source::List(items) => items.borrow().0.get(at).cloned(),
            Source::Fixed(items) => items.get(at).cloned(),
            Source::Dict(dict, keys) => {
                if dict.borrow().len() != keys.len() {
                    return Err(Fault::python("dictionary changed size during iteration"));
                }
                keys.get(at).cloned()
            }
        })
    }
}

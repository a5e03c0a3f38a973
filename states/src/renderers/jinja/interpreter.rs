//! Runs statements. Expressions are in [`evaluate`](super::evaluate), calls in
//! [`calls`](super::calls), other files in [`imports`](super::imports).

use std::collections::HashMap;
use std::rc::Rc;

use super::ast::{Body, FilterCall, For, Stmt, StmtKind, Target};
use super::environment::Options;
use super::fault::{Fault, Outcome};
use super::loops::Loop;
use super::object::Object;
use super::object_call::Args;
use super::scope::{Scope, Site, Template};
use super::value::Py;
use super::{limits, text};
use crate::context::Context;
use crate::error::Place;
use crate::file_client::FileClient;

/// One render.
pub(super) struct Interpreter<'a> {
    pub(super) context: &'a Context,
    pub(super) files: &'a dyn FileClient,
    pub(super) options: Options,
    /// Loaded templates by the name they were asked for.
    pub(super) templates: HashMap<String, Rc<Template>>,
    pub(super) globals: Rc<Scope>,
    /// The outermost variables of the template itself.
    pub(super) scope: Rc<Scope>,
    pub(super) function_names: Option<Rc<Vec<String>>>,
    depth: usize,
    /// Scopes that hold what refers to them, a macro above all: they are emptied in the end, or
    /// nothing would ever free them.
    homes: Vec<Rc<Scope>>,
    /// How many blocks of the template that runs gather what is printed.
    pub(super) gathering: usize,
}

impl Drop for Interpreter<'_> {
    fn drop(&mut self) {
        self.homes.iter().for_each(|scope| scope.clear());
        self.scope.clear();
        self.globals.clear();
    }
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

impl<'a> Interpreter<'a> {
    pub(super) fn new(
        context: &'a Context,
        files: &'a dyn FileClient,
        options: Options,
        (globals, scope): (Rc<Scope>, Rc<Scope>),
    ) -> Self {
        Self {
            context,
            files,
            options,
            templates: HashMap::new(),
            globals,
            scope,
            function_names: None,
            homes: Vec::new(),
            gathering: 0,
            depth: 0,
        }
    }

    /// Notes that a scope may hold what refers to it.
    pub(super) fn is_home(&mut self, scope: &Rc<Scope>) {
        if !self
            .homes
            .last()
            .is_some_and(|last| Rc::ptr_eq(last, scope))
        {
            self.homes.push(scope.clone());
        }
    }

    /// Guards one level of running.
    pub(super) fn deeper<T>(&mut self, run: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        if self.depth >= limits::MAX_RUN_DEPTH {
            return Err(Fault::limit("the template calls itself too deeply"));
        }
        limits::spend(1)?;
        self.depth += 1;
        let result = run(self);
        self.depth -= 1;
        result
    }

    /// Runs statements one after the other.
    pub(super) fn run(&mut self, body: &Body, site: &Site, out: &mut String) -> Outcome<Flow> {
        for stmt in body.iter() {
            let flow = self
                .deeper(|this| this.statement(stmt, site, out))
                .map_err(|fault| located(fault, stmt.line, site))?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    /// Runs statements and gives their text.
    pub(super) fn captured(&mut self, body: &Body, site: &Site) -> Outcome<String> {
        let mut out = String::new();
        self.gathering += 1;
        let ran = self.run(body, site, &mut out);
        self.gathering -= 1;
        ran.map(|_| out)
    }

    fn statement(&mut self, stmt: &Stmt, site: &Site, out: &mut String) -> Outcome<Flow> {
        match &stmt.kind {
            StmtKind::Data(text) => emit(text, out)?,
            StmtKind::Output(value) => {
                let value = self.evaluate(value, site)?;
                match value.as_str() {
                    Some(text) => emit(text, out)?,
                    None => emit(&text::printed(&value)?, out)?,
                }
            }
            StmtKind::Include {
                template,
                ignores_missing,
                has_context,
            } => {
                let name = self.evaluate(template, site)?;
                self.include(&name, *ignores_missing, *has_context, site, out)?;
            }
            StmtKind::Print(values) => {
                for value in values {
                    let value = self.evaluate(value, site)?;
                    emit(&text::printed(&value)?, out)?;
                }
            }
            StmtKind::Do(value) => {
                self.evaluate(value, site)?;
            }
            StmtKind::If {
                branches,
                otherwise,
            } => {
                for (test, body) in branches {
                    if self.evaluate(test, site)?.is_true()? {
                        return self.run(body, site, out);
                    }
                }
                return self.run(otherwise, site, out);
            }
            StmtKind::For(statement) => {
                let site = site.nested();
                let iterable = self.evaluate(&statement.iterable, &site)?;
                self.for_loop(statement, &site, &iterable, 0, out)?;
            }
            StmtKind::Set { target, value } => {
                let value = self.evaluate(value, site)?;
                self.assign(target, value, site)?;
            }
            StmtKind::With { assigned, body } => {
                let inner = site.nested();
                for (target, value) in assigned {
                    let value = self.evaluate(value, site)?;
                    self.assign(target, value, &inner)?;
                }
                return self.run(body, &inner, out);
            }
            StmtKind::Group { label, body } => {
                if let Some(label) = label {
                    self.evaluate(label, site)?;
                }
                return self.run(body, site, out);
            }
            StmtKind::Break => return Ok(Flow::Break),
            StmtKind::Continue => return Ok(Flow::Continue),
            StmtKind::Macro(_)
            | StmtKind::Call { .. }
            | StmtKind::SetBlock { .. }
            | StmtKind::FilterBlock { .. }
            | StmtKind::Block { .. } => self.body_statement(stmt, site, out)?,
            _ => self.file_statement(stmt, site)?,
        }
        Ok(Flow::Next)
    }

    /// Statements about macros, blocks and texts.
    fn body_statement(&mut self, stmt: &Stmt, site: &Site, out: &mut String) -> Outcome<()> {
        match &stmt.kind {
            StmtKind::SetBlock {
                target,
                filters,
                body,
            } => {
                let text = self.captured(body, &site.nested())?;
                let value = self.filtered(Py::from(text), filters, site)?;
                self.assign(target, value, site)?;
            }
            StmtKind::FilterBlock { filters, body } => {
                let text = self.captured(body, &site.nested())?;
                let value = self.filtered(Py::from(text), filters, site)?;
                // Jinja joins what a template gives as texts, and this one is not made a text.
                let text = value.as_str().ok_or_else(|| {
                    let found = value.type_name();
                    Fault::python(format!(
                        "sequence item: expected str instance, {found} found"
                    ))
                })?;
                emit(text, out)?;
            }
            StmtKind::Macro(definition) => {
                self.is_home(&site.scope);
                let value = Py::object(Object::Macro(definition.clone(), site.clone()));
                site.scope.set(&definition.name, value);
            }
            StmtKind::Call { callee, args, body } => {
                let caller = Py::object(Object::Macro(body.clone(), site.clone()));
                let callee = self.evaluate(callee, site)?;
                let mut args = self.arguments(args, site)?;
                args.named.push((Rc::from("caller"), caller));
                let value = self.call(&callee, args)?;
                emit(&text::printed(&value)?, out)?;
            }
            StmtKind::Block {
                name,
                is_scoped,
                is_required,
            } => {
                self.block(name, *is_scoped, *is_required, site, out)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Statements that load other files, or texts as data.
    fn file_statement(&mut self, stmt: &Stmt, site: &Site) -> Outcome<()> {
        match &stmt.kind {
            StmtKind::Extends(template) => {
                let parent = self.evaluate(template, site)?;
                self.extend(&parent, site)?;
            }
            StmtKind::Import {
                template,
                name,
                has_context,
            } => {
                let template = self.evaluate(template, site)?;
                let module = self.import(&template, *has_context, site)?;
                site.scope.set(name, module);
            }
            StmtKind::FromImport {
                template,
                names,
                has_context,
            } => {
                let template = self.evaluate(template, site)?;
                self.import_names(&template, names, *has_context, site, stmt.line)?;
            }
            StmtKind::Load {
                format,
                target,
                body,
            } => {
                let text = self.captured(body, &site.nested())?;
                let value = self.load_data(*format, &Py::from(text))?;
                self.assign(target, value, site)?;
            }
            StmtKind::ImportData {
                format,
                template,
                name,
                has_context,
            } => {
                let template = self.evaluate(template, site)?;
                let module = self.import(&template, *has_context, site)?;
                let value = self.load_data(*format, &module)?;
                site.scope.set(name, value);
            }
            _ => {}
        }
        Ok(())
    }

    /// Runs a loop on what `iterable` gives.
    pub(super) fn for_loop(
        &mut self,
        statement: &Rc<For>,
        site: &Site,
        iterable: &Py,
        depth: usize,
        out: &mut String,
    ) -> Outcome<()> {
        let state = Loop::new(iterable, (statement.clone(), site.clone()), depth)?;
        let object = Rc::new(Object::Loop(Box::new(state)));
        let Object::Loop(state) = object.as_ref() else {
            return Ok(());
        };
        let name: Rc<str> = Rc::from("loop");
        let mut was_empty = true;
        while let Some(item) = state.next(self)? {
            was_empty = false;
            // A turn makes scopes of its own: dearer than the statements in it.
            limits::spend(8)?;
            let inner = site.nested();
            inner.scope.set(&name, Py::Object(object.clone()));
            self.assign(&statement.target, item, &inner)?;
            if self.run(&statement.body, &inner, out)? == Flow::Break {
                break;
            }
        }
        if was_empty {
            self.run(&statement.otherwise, &site.nested(), out)?;
        }
        Ok(())
    }

    pub(super) fn filtered(
        &mut self,
        mut value: Py,
        filters: &[FilterCall],
        site: &Site,
    ) -> Outcome<Py> {
        for filter in filters {
            let args = self.arguments(&filter.args, site)?;
            value = self.filter(&filter.name, value, args, site)?;
        }
        Ok(value)
    }

    /// Assigns to a name, an attribute of a namespace, or several names.
    pub(super) fn assign(&mut self, target: &Target, value: Py, site: &Site) -> Outcome<()> {
        match target {
            Target::Name(name) => site.scope.set(name, value),
            Target::Attribute(name, attribute) => {
                let Some(Py::Object(object)) = site.scope.get(name) else {
                    return Err(not_a_namespace());
                };
                let Object::Namespace(vars) = object.as_ref() else {
                    return Err(not_a_namespace());
                };
                vars.borrow_mut()
                    .insert(Py::Str(attribute.clone()), value)?;
            }
            Target::Tuple(targets) => {
                let items = value.items().map_err(|fault| match &value {
                    Py::Undefined(_) => fault,
                    other => Fault::python(format!(
                        "cannot unpack non-iterable {} object",
                        other.type_name()
                    )),
                })?;
                if items.len() < targets.len() {
                    return Err(Fault::python(format!(
                        "not enough values to unpack (expected {}, got {})",
                        targets.len(),
                        items.len()
                    )));
                }
                if items.len() > targets.len() {
                    return Err(Fault::python(format!(
                        "too many values to unpack (expected {})",
                        targets.len()
                    )));
                }
                for (target, item) in targets.iter().zip(items) {
                    self.assign(target, item, site)?;
                }
            }
        }
        Ok(())
    }

    /// Runs a macro's body and gives its text.
    pub(super) fn run_macro(&mut self, args: Args, object: &Rc<Object>) -> Outcome<Py> {
        let Object::Macro(definition, home) = object.as_ref() else {
            return Ok(Py::None);
        };
        let site = home.nested();
        self.bind_macro(definition, args, &site)?;
        let text = self.captured(&definition.body, &site).map_err(crossing)?;
        Ok(Py::from(text))
    }
}

fn not_a_namespace() -> Box<Fault> {
    Fault::runtime("cannot assign attribute on non-namespace object")
}

/// Appends to the output, within the limits.
pub(super) fn emit(text: &str, out: &mut String) -> Outcome<()> {
    limits::spend(text.len() as u64 / 16)?;
    if out.len() + text.len() > limits::MAX_TEXT {
        return limits::text(out.len() + text.len());
    }
    out.push_str(text);
    Ok(())
}

/// Notes that a fault leaves the macro or file in which it happened.
pub(super) fn crossing(mut fault: Box<Fault>) -> Box<Fault> {
    fault.is_crossing = true;
    fault
}

fn located(mut fault: Box<Fault>, line: usize, site: &Site) -> Box<Fault> {
    let place = || Place {
        file: site.template.name.to_string(),
        line,
    };
    if fault.place.is_none() {
        fault.place = Some((place(), site.template.text.clone()));
    } else if fault.is_crossing {
        fault.is_crossing = false;
        fault.chain.push(place());
    }
    fault
}

//! Evaluates expressions.

use std::rc::Rc;

use super::ast::{Arguments, CompareOp, Expr};
use super::dict::Dict;
use super::fault::{Fault, Outcome};
use super::interpreter::Interpreter;
use super::object::Object;
use super::object_call::Args;
use super::scope::Site;
use super::value::Py;
use super::{attributes, compare, filters, limits, operators, tests, text};

impl Interpreter<'_> {
    pub(super) fn evaluate(&mut self, expr: &Expr, site: &Site) -> Outcome<Py> {
        match expr {
            Expr::Const(value) => return Ok(value.clone()),
            Expr::Name(name) => return Ok(self.variable(name, site)),
            _ => {}
        }
        self.deeper(|this| match expr {
            Expr::List(items) => {
                limits::copied_items(items.len())?;
                Ok(Py::list(this.all(items, site)?))
            }
            Expr::Tuple(items) => {
                limits::copied_items(items.len())?;
                Ok(Py::tuple(this.all(items, site)?))
            }
            Expr::Dict(pairs) => {
                limits::copied_items(pairs.len())?;
                let mut dict = Dict::default();
                for (key, value) in pairs {
                    let key = this.evaluate(key, site)?;
                    dict.insert(key, this.evaluate(value, site)?)?;
                }
                Ok(Py::dict(dict))
            }
            Expr::Concat(parts) => {
                let parts = this.all(parts, site)?;
                operators::concat(&parts)
            }
            Expr::Slice(value, parts) => {
                let value = this.evaluate(value, site)?;
                let mut bounds = [Py::None, Py::None, Py::None];
                for (bound, part) in bounds.iter_mut().zip(parts.iter()) {
                    if let Some(part) = part {
                        *bound = this.evaluate(part, site)?;
                    }
                }
                attributes::slice(&value, bounds)
            }
            Expr::Attribute(value, name) => {
                let value = this.evaluate(value, site)?;
                this.attribute(&value, name)
            }
            Expr::Item(value, key) => {
                let value = this.evaluate(value, site)?;
                let key = this.evaluate(key, site)?;
                this.item(&value, &key)
            }
            Expr::Call(callee, args) => {
                let callee = this.evaluate(callee, site)?;
                let args = this.arguments(args, site)?;
                this.call_in(&callee, args, site)
            }
            Expr::Filter(value, filter) => {
                let value = this.evaluate(value, site)?;
                let args = this.arguments(&filter.args, site)?;
                this.filter(&filter.name, value, args, site)
            }
            Expr::Test(value, name, args) => {
                let value = this.evaluate(value, site)?;
                let args = this.arguments(args, site)?;
                this.test(name, &value, args).map(Py::Bool)
            }
            other => this.logic(other, site),
        })
    }

    /// Operators and conditions.
    fn logic(&mut self, expr: &Expr, site: &Site) -> Outcome<Py> {
        match expr {
            Expr::And(left, right) => {
                let left = self.evaluate(left, site)?;
                if left.is_true()? {
                    self.evaluate(right, site)
                } else {
                    Ok(left)
                }
            }
            Expr::Or(left, right) => {
                let left = self.evaluate(left, site)?;
                if left.is_true()? {
                    Ok(left)
                } else {
                    self.evaluate(right, site)
                }
            }
            Expr::Not(value) => Ok(Py::Bool(!self.evaluate(value, site)?.is_true()?)),
            Expr::Negative(value) => operators::signed(&self.evaluate(value, site)?, true),
            Expr::Positive(value) => operators::signed(&self.evaluate(value, site)?, false),
            Expr::Binary(op, left, right) => {
                let left = self.evaluate(left, site)?;
                let right = self.evaluate(right, site)?;
                operators::binary(*op, &left, &right)
            }
            Expr::Compare(first, others) => {
                let mut left = self.evaluate(first, site)?;
                for (op, right) in others {
                    let right = self.evaluate(right, site)?;
                    if !self.compare(*op, &left, &right)? {
                        return Ok(Py::Bool(false));
                    }
                    left = right;
                }
                Ok(Py::Bool(true))
            }
            Expr::Conditional {
                test,
                then,
                otherwise,
            } => {
                if self.evaluate(test, site)?.is_true()? {
                    return self.evaluate(then, site);
                }
                match otherwise {
                    Some(otherwise) => self.evaluate(otherwise, site),
                    // Lenient even where undefined values are strict.
                    None => Ok(Py::Lenient(Rc::from(
                        "the inline if-expression evaluated to false and no else section was \
                         defined.",
                    ))),
                }
            }
            _ => Ok(Py::None),
        }
    }

    fn compare(&mut self, op: CompareOp, left: &Py, right: &Py) -> Outcome<bool> {
        if let (Py::Object(object), CompareOp::In | CompareOp::NotIn) = (right, op)
            && let (Object::SaltRoot, Some(name)) = (object.as_ref(), left.as_str())
        {
            let found = if name.contains('.') {
                self.salt_function(name)
            } else {
                self.salt_attribute(&Rc::from(name))
            };
            return Ok(found.is_undefined() != (op == CompareOp::In));
        }
        compare::compare(op, left, right)
    }

    fn all(&mut self, exprs: &[Expr], site: &Site) -> Outcome<Vec<Py>> {
        exprs.iter().map(|expr| self.evaluate(expr, site)).collect()
    }

    fn variable(&mut self, name: &Rc<str>, site: &Site) -> Py {
        if let Some(value) = site.scope.get(name) {
            return value;
        }
        if let Some(value) = self.late(name, &site.scope) {
            return value;
        }
        match name.as_ref() {
            "self" => {
                self.is_home(&site.scope);
                Py::object(Object::Blocks(site.clone()))
            }
            "super" => match &site.block {
                Some((block, index)) => {
                    self.is_home(&site.scope);
                    Py::object(Object::Block(site.clone(), block.clone(), index + 1))
                }
                None => self.undefined(undefined_name(name)),
            },
            _ => match filters::global(name) {
                Some(builtin) => builtin,
                None => self.undefined(undefined_name(name)),
            },
        }
    }

    pub(super) fn arguments(&mut self, args: &Arguments, site: &Site) -> Outcome<Args> {
        let mut found = Args {
            positional: self.all(&args.positional, site)?,
            named: Vec::new(),
        };
        for (name, value) in &args.named {
            let value = self.evaluate(value, site)?;
            found.named.push((name.clone(), value));
        }
        if let Some(star) = &args.star {
            found.positional.extend(self.evaluate(star, site)?.items()?);
        }
        if let Some(star) = &args.double_star {
            let Py::Dict(dict) = self.evaluate(star, site)? else {
                return Err(Fault::python("argument after ** must be a mapping"));
            };
            for (key, value) in dict.borrow().iter() {
                let Some(name) = key.as_str() else {
                    return Err(Fault::python("keywords must be strings"));
                };
                found.named.push((Rc::from(name), value.clone()));
            }
        }
        Ok(found)
    }

    /// Gives `value.name`.
    pub(super) fn attribute(&mut self, value: &Py, name: &Rc<str>) -> Outcome<Py> {
        if let Py::Object(object) = value {
            match object.as_ref() {
                Object::Loop(state) => {
                    if let Some(found) = state.far_attribute(name, self)? {
                        return Ok(found);
                    }
                    if matches!(name.as_ref(), "cycle" | "changed") {
                        return Ok(Py::object(Object::Method(value.clone(), name.clone())));
                    }
                }
                Object::SaltRoot => return Ok(self.salt_attribute(name)),
                Object::SaltModule(module) => {
                    let full = format!("{module}.{name}");
                    return Ok(self.salt_function(&full));
                }
                _ => {}
            }
        }
        attributes::attribute(value, name).map(|found| self.undefined(found))
    }

    /// Makes an undefined value lenient where the options say so.
    fn undefined(&self, value: Py) -> Py {
        match value {
            Py::Undefined(message) if self.options.allows_undefined => Py::Lenient(message),
            other => other,
        }
    }

    fn item(&mut self, value: &Py, key: &Py) -> Outcome<Py> {
        if let (Py::Object(object), Some(name)) = (value, key.as_str()) {
            match object.as_ref() {
                Object::SaltRoot if name.contains('.') => return Ok(self.salt_function(name)),
                Object::SaltRoot => return Ok(self.salt_attribute(&Rc::from(name))),
                Object::SaltModule(_) | Object::Loop(_) => {
                    return self.attribute(value, &Rc::from(name));
                }
                _ => {}
            }
        }
        attributes::item(value, key).map(|found| self.undefined(found))
    }

    /// Applies a filter by name.
    pub(super) fn filter(&mut self, name: &str, value: Py, args: Args, site: &Site) -> Outcome<Py> {
        limits::spend(2)?;
        // Salt's wrappers hand an undefined value on, so that `default` can follow.
        let hands_on = matches!(
            name,
            "json"
                | "yaml"
                | "xml"
                | "python"
                | "tojson"
                | "load_yaml"
                | "load_json"
                | "load_text"
                | "dict_to_sls_yaml_params"
                | "combinations"
                | "combinations_with_replacement"
                | "compress"
                | "permutations"
                | "product"
                | "zip"
                | "zip_longest"
        );
        if hands_on && matches!(value, Py::Undefined(_)) {
            return Ok(value);
        }
        match filters::find(name) {
            Some(filter) => {
                args.check_bare(name, &filters::WITHOUT_ARGUMENTS)?;
                filter(self, value, args, site)
            }
            None => Err(Fault::new(
                super::fault::FaultKind::Syntax,
                format!("No filter named {}.", text::quoted(name)),
            )),
        }
    }

    /// Applies a test by name.
    pub(super) fn test(&mut self, name: &str, value: &Py, args: Args) -> Outcome<bool> {
        limits::spend(2)?;
        match tests::find(name) {
            Some(test) => {
                args.check_bare(name, &tests::WITHOUT_ARGUMENTS)?;
                test(value, args)
            }
            None => Err(Fault::new(
                super::fault::FaultKind::Syntax,
                format!("No test named {}.", text::quoted(name)),
            )),
        }
    }
}

fn undefined_name(name: &str) -> Py {
    Py::Undefined(Rc::from(format!("{} is undefined", text::quoted(name))))
}

//! Arguments of a call, and how a callee takes them: as Python binds them to parameters.

use std::rc::Rc;

use super::fault::{Fault, Outcome};
use super::text;
use super::value::Py;

/// The values of a call.
#[derive(Debug, Default, Clone)]
pub(super) struct Args {
    pub(super) positional: Vec<Py>,
    pub(super) named: Vec<(Rc<str>, Py)>,
}

impl Args {
    pub(super) fn one(value: Py) -> Self {
        Self {
            positional: vec![value],
            named: Vec::new(),
        }
    }

    /// Takes a named value out.
    pub(super) fn take_named(&mut self, name: &str) -> Option<Py> {
        let index = self
            .named
            .iter()
            .position(|(known, _)| known.as_ref() == name)?;
        Some(self.named.remove(index).1)
    }

    /// Refuses named values.
    pub(super) fn only_positional(&self, callee: &str) -> Outcome<&[Py]> {
        match self.named.first() {
            Some(_) => Err(Fault::python(format!(
                "{callee}() takes no keyword arguments"
            ))),
            None => Ok(&self.positional),
        }
    }

    /// Refuses all values for a filter or test that takes none: what is said is not ignored.
    pub(super) fn check_bare(&self, callee: &str, bare: &[&str]) -> Outcome<()> {
        if !bare.contains(&callee) {
            return Ok(());
        }
        match (self.positional.len(), self.named.first()) {
            (0, None) => Ok(()),
            (0, Some((name, _))) => Err(Fault::python(format!(
                "{callee}() got an unexpected keyword argument {}",
                text::quoted(name)
            ))),
            (given, _) => Err(Fault::python(format!(
                "{callee}() takes 1 positional argument but {} were given",
                given + 1
            ))),
        }
    }

    /// Binds the values to parameters; what is not given is `None`.
    pub(super) fn bind<const N: usize>(
        self,
        callee: &str,
        params: [&str; N],
    ) -> Outcome<[Option<Py>; N]> {
        let mut bound: [Option<Py>; N] = [const { None }; N];
        let given = self.positional.len();
        if given > N {
            return Err(Fault::python(format!(
                "{callee}() takes at most {N} arguments ({given} given)"
            )));
        }
        for (slot, value) in bound.iter_mut().zip(self.positional) {
            *slot = Some(value);
        }
        for (name, value) in self.named {
            let Some(index) = params.iter().position(|param| *param == name.as_ref()) else {
                return Err(Fault::python(format!(
                    "{callee}() got an unexpected keyword argument {}",
                    text::quoted(&name)
                )));
            };
            if bound[index].is_some() {
                return Err(Fault::python(format!(
                    "{callee}() got multiple values for argument {}",
                    text::quoted(&name)
                )));
            }
            bound[index] = Some(value);
        }
        Ok(bound)
    }
}

/// Takes a parameter that has no default.
pub(super) fn required(value: Option<Py>, callee: &str, param: &str) -> Outcome<Py> {
    let value = value.ok_or_else(|| {
        Fault::python(format!(
            "{callee}() missing 1 required positional argument: {}",
            text::quoted(param)
        ))
    })?;
    value.defined()?;
    Ok(value)
}

/// Takes text.
pub(super) fn text_of(value: &Py) -> Outcome<&str> {
    value
        .defined()?
        .as_str()
        .ok_or_else(|| Fault::python(format!("expected str, got {}", value.type_name())))
}

/// Takes a flag, by Python's truth.
pub(super) fn flag(value: Option<&Py>, usual: bool) -> Outcome<bool> {
    match value {
        None => Ok(usual),
        Some(value) => value.is_true(),
    }
}

/// Takes an integer.
pub(super) fn int_of(value: &Py) -> Outcome<i128> {
    value.defined()?.as_int().ok_or_else(|| {
        Fault::python(format!(
            "'{}' object cannot be interpreted as an integer",
            value.type_name()
        ))
    })
}

/// Takes a size that is not negative (negative ones count as 0).
pub(super) fn size_of(value: Option<&Py>, usual: usize) -> Outcome<usize> {
    match value {
        None => Ok(usual),
        Some(value) => Ok(usize::try_from(int_of(value)?.max(0)).unwrap_or(usize::MAX)),
    }
}

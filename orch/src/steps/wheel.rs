//! `salt.wheel`: one wheel function on the master, such as `key.accept`.

use model::{Map, Value};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::attempt::Attempt;
use crate::effect::Call;

use super::runner::one_call;
use super::{Begin, BegunCall, CallKind, Outcome, Scene, Step};

/// `salt.wheel` with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wheel {
    /// The call; everything that is written beside `name` is a keyword argument.
    pub call: Call,
}

impl Wheel {
    pub(crate) fn parse(arguments: &mut Arguments<'_>) -> Self {
        Self {
            call: Call {
                fun: arguments.name().to_owned(),
                arg: Vec::new(),
                kwarg: arguments.rest(),
            },
        }
    }
}

impl Step for Wheel {
    fn begin(&self, scene: &Scene<'_>) -> Begin {
        let fun = &self.call.fun;
        if scene.is_test {
            let would = format!("Wheel function '{fun}' would be executed.");
            return Begin::Done(Outcome::would(would));
        }
        let told = Map::from([
            ("type", Value::from("wheel")),
            ("name", fun.as_str().into()),
            ("args", self.call.kwarg.clone().into()),
        ]);
        Begin::Calls(vec![BegunCall {
            name: String::new(),
            kind: CallKind::Wheel,
            call: self.call.clone(),
            told: Some(told),
        }])
    }

    fn outcome(&self, _scene: &Scene<'_>, attempt: &Attempt) -> Option<Outcome> {
        let fun = &self.call.fun;
        one_call(attempt, &format!("Wheel function '{fun}'"))
    }
}

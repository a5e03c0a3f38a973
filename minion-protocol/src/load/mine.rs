//! The four requests about the mine.

use model::{Map, MinionId, Value};

use super::{Fields, LoadError};

/// The load of `_mine`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MineLoad {
    /// Whose values.
    pub id: MinionId,
    /// Function → value; a value may be wrapped with its ACL (`__data__`, `allow_tgt`).
    pub data: Map,
    /// Whether earlier values are dropped instead of merged with.
    pub clear: bool,
}

impl MineLoad {
    pub(crate) fn read(mut fields: Fields, id: MinionId) -> Result<Self, LoadError> {
        Ok(Self {
            id,
            data: fields.map("data")?,
            clear: fields.flag("clear"),
        })
    }
}

/// Which functions a `_mine_get` asks for. The form of the question is the form of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MineFun {
    /// One name; answered with minion → value.
    One(String),
    /// A list or comma text; answered with function → minion → value.
    Many(Vec<String>),
}

/// The load of `_mine_get`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MineGetLoad {
    /// Who asks.
    pub id: MinionId,
    /// Whose values: text, or a list of ids.
    pub tgt: Value,
    /// How `tgt` is read; `glob` if the minion says nothing.
    pub tgt_type: String,
    /// Which values.
    pub fun: MineFun,
}

impl MineGetLoad {
    pub(crate) fn read(mut fields: Fields, id: MinionId) -> Result<Self, LoadError> {
        let fun = match fields.fun()? {
            Value::Str(text) if text.contains(',') => {
                MineFun::Many(text.split(',').map(|name| name.trim().to_owned()).collect())
            }
            Value::Str(text) => MineFun::One(text),
            other => {
                let names = other.as_list().unwrap_or_default();
                MineFun::Many(names.iter().map(Value::to_text).collect())
            }
        };
        let old_name = fields.text_or("expr_form", "glob")?;
        Ok(Self {
            id,
            tgt: fields.value("tgt")?,
            tgt_type: fields.text_or("tgt_type", &old_name)?,
            fun,
        })
    }
}

/// The load of `_mine_delete`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MineDeleteLoad {
    /// Whose value.
    pub id: MinionId,
    /// Which.
    pub fun: String,
}

impl MineDeleteLoad {
    pub(crate) fn read(mut fields: Fields, id: MinionId) -> Result<Self, LoadError> {
        Ok(Self {
            id,
            fun: fields.text("fun")?,
        })
    }
}

//! Wheel functions: the master's own keys and minions, by Salt's names. The list is closed.

mod enrol;
mod key;
mod minions;

use std::sync::Arc;

use model::{Map, Value};

use crate::ledger::LedgerError;
use crate::runners::Arguments;
use crate::shared::Shared;

/// Why a wheel function gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// There is no such function.
    #[error("'{0}' is not available.")]
    Unknown(String),
    /// An argument is missing or of the wrong kind.
    #[error(transparent)]
    Argument(#[from] crate::runners::RunnerError),
    /// The master cannot do it now.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It failed.
    #[error("{0}")]
    Failed(String),
}

/// Calls a wheel function and gives what it gives.
pub async fn call(
    shared: &Arc<Shared>,
    fun: &str,
    arg: &[Value],
    kwarg: &Map,
    user: &str,
) -> Result<Value, WheelError> {
    let arguments = Arguments::new(fun, arg.to_vec(), kwarg.clone());
    match fun.split_once('.') {
        Some(("key", function)) => key::call(shared, function, arguments, user).await,
        Some(("enrol", function)) => enrol::call(shared, function, arguments, user).await,
        Some(("minions", "connected")) => minions::connected(shared).await,
        _ => Err(WheelError::Unknown(fun.to_owned())),
    }
}

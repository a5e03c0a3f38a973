//! The running master behind `saltutil.runner`, `saltutil.wheel` and `mine.get` of templates.
//!
//! Templates are rendered on threads of their own, where waiting is allowed; the answer comes from
//! the master's tasks.

use std::sync::{Arc, Weak};

use model::{Map, Value};
use tokio::runtime::Handle;

use super::Live;
use crate::shared::Shared;
use crate::{runners, wheel};

/// As whom templates ask.
const USER: &str = "template";

/// Asks the master as long as it runs.
struct RunningMaster {
    shared: Weak<Shared>,
    tasks: Handle,
}

/// Lets templates ask this master. Must be called inside the runtime.
pub(crate) fn connect(shared: &Arc<Shared>) {
    shared.pillars.connect(Arc::new(RunningMaster {
        shared: Arc::downgrade(shared),
        tasks: Handle::current(),
    }));
}

impl RunningMaster {
    fn shared(&self) -> Result<Arc<Shared>, String> {
        let stopped = || "the master stops".to_owned();
        self.shared.upgrade().ok_or_else(stopped)
    }
}

impl Live for RunningMaster {
    fn runner(&self, fun: &str, args: Vec<Value>, kwargs: Map) -> Result<Value, String> {
        let shared = self.shared()?;
        let answer = self
            .tasks
            .block_on(runners::call(&shared, fun, args, kwargs));
        answer.map_err(|error| error.to_string())
    }

    fn wheel(&self, fun: &str, args: Vec<Value>, kwargs: Map) -> Result<Value, String> {
        let shared = self.shared()?;
        let answer = self
            .tasks
            .block_on(wheel::call(&shared, fun, &args, &kwargs, USER));
        answer.map_err(|error| error.to_string())
    }
}

//! External pillars: data that no SLS declares.
//!
//! The master builds one of these for each entry of the option `ext_pillar`, in order. What needs a
//! disk, a program or a network does it there; here it is a question and an answer.

use std::sync::Arc;

use model::{Grains, Map, MinionId};
use states::context::Functions;

/// What a source is asked with.
#[derive(Clone, Copy)]
pub struct SourceRequest<'a> {
    /// The minion.
    pub id: &'a MinionId,
    /// Its grains.
    pub grains: &'a Grains,
    /// The pillar as far as it is known.
    pub pillar: &'a Map,
    /// The state environment, if one was asked for.
    pub saltenv: Option<&'a str>,
    /// The pillar environment, if one was asked for.
    pub pillarenv: Option<&'a str>,
    /// The master's options.
    pub opts: &'a Map,
    /// What templates of the source may call.
    pub functions: &'a Arc<dyn Functions>,
}

/// One external pillar.
pub trait PillarSource: Send + Sync {
    /// Gives Salt's name of the kind: `cmd_yaml`, `file_tree`, `stack`, ...
    fn name(&self) -> &str;

    /// Gives the data for a minion; empty if there is nothing to say.
    ///
    /// # Errors
    /// The text that follows `Failed to load ext_pillar NAME: ` in `_errors`.
    fn pillar(&self, request: SourceRequest<'_>) -> Result<Map, String>;
}

//! `_master_opts`: the options that a state run on a minion needs.

use std::sync::Arc;

use minion_protocol::Reply;
use model::{Map, Value};

use crate::shared::Shared;

/// Gives the options, or with `env_only` those about environments.
pub(crate) fn master_opts(shared: &Arc<Shared>, env_only: bool) -> Reply {
    let opts = &shared.opts;
    let envs: Map = shared
        .files
        .envs()
        .into_iter()
        .map(|env| (env, Value::List(Vec::new())))
        .collect();
    let mut answer = Map::from([
        ("file_roots", Value::Map(envs)),
        (
            "top_file_merging_strategy",
            Value::str(&opts.top_file_merging_strategy),
        ),
        (
            "env_order",
            opts.env_order.iter().map(Value::from).collect(),
        ),
        ("default_top", Value::str(&opts.default_top)),
    ]);
    if !env_only {
        answer.extend(opts.for_state_runs());
    }
    Reply::Value(answer.into())
}

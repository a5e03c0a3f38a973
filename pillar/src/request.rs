//! For whom a pillar is made, and the options that change what it is.

use std::sync::Arc;

use model::{Grains, Map, MinionId, Value};

use crate::merge::{Merge, Strategy};

/// One minion's question for its pillar.
#[derive(Debug, Clone)]
pub struct Request {
    /// The minion.
    pub id: MinionId,
    /// Its grains: what it says of itself, good for templates, never for trust.
    pub grains: Grains,
    /// The state environment the minion asked with.
    pub saltenv: Option<String>,
    /// The pillar environment it asked for: only this one then counts.
    pub pillarenv: Option<String>,
    /// Pillar given with the command (`pillar=...`); it wins over everything.
    pub overrides: Map,
    /// The master's options.
    pub opts: Arc<Map>,
}

/// The options, read once.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) state_top: String,
    pub(crate) renderer: String,
    pub(crate) merge: Merge,
    pub(crate) pillarenv: Option<String>,
    pub(crate) saltenv: Option<String>,
    pub(crate) env_order: Vec<String>,
    pub(crate) nodegroups: Map,
    pub(crate) is_safe_render_error: bool,
    pub(crate) is_include_stronger: bool,
    pub(crate) is_external_first: bool,
    pub(crate) has_master_opts: bool,
}

impl Options {
    pub(crate) fn new(request: &Request) -> Self {
        let opts = &request.opts;
        let text = |key: &str| {
            opts.get(key)
                .filter(|value| value.is_truthy())
                .map(Value::to_text)
        };
        let is_on = |key: &str| opts.get(key).is_some_and(Value::is_truthy);
        let state_top = text("state_top").unwrap_or_else(|| "top.sls".to_owned());
        let state_top = state_top
            .trim_start_matches("salt://")
            .trim_start_matches('/')
            .to_owned();
        let renderer = text("renderer").unwrap_or_else(|| "jinja|yaml".to_owned());
        let strategy = text("pillar_source_merging_strategy").unwrap_or_default();
        let env_order = opts
            .get("env_order")
            .and_then(Value::as_list)
            .unwrap_or_default();
        let saltenv = request.saltenv.clone().or_else(|| text("saltenv"));
        let from_saltenv = || {
            request
                .saltenv
                .clone()
                .filter(|_| is_on("pillarenv_from_saltenv"))
        };
        Self {
            merge: Merge {
                strategy: Strategy::parse(&strategy, &renderer),
                joins_lists: is_on("pillar_merge_lists"),
            },
            state_top,
            renderer,
            pillarenv: request
                .pillarenv
                .clone()
                .or_else(from_saltenv)
                .or_else(|| text("pillarenv"))
                .filter(|env| !env.is_empty()),
            saltenv,
            env_order: env_order.iter().map(Value::to_text).collect(),
            nodegroups: opts
                .get("nodegroups")
                .and_then(Value::as_map)
                .cloned()
                .unwrap_or_default(),
            is_safe_render_error: opts
                .get("pillar_safe_render_error")
                .is_none_or(Value::is_truthy),
            is_include_stronger: is_on("pillar_includes_override_sls"),
            is_external_first: is_on("ext_pillar_first"),
            has_master_opts: is_on("pillar_opts"),
        }
    }
}

//! Templates, rendered with grains, pillar, canned functions and files to import.
//!
//! A template gives text or an error; nothing it says ends the process or takes more than the
//! limits allow, and a second render gives the same. A panic that the product would catch ends the
//! target all the same (`panics.rs`).

use std::sync::{Arc, OnceLock};

use model::{Map, Value};
use states::context::{Context, StaticFunctions};
use states::file_client::MemoryFiles;
use states::renderers::render;

const CONTEXT: &str = include_str!("../../states/testdata/render/context.json");

/// Tries one input.
///
/// # Panics
/// Something does not hold.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    static WORLD: OnceLock<(Context, MemoryFiles)> = OnceLock::new();
    let (context, files) = WORLD.get_or_init(world);
    let said = |result: Result<Value, states::error::Error>| match result {
        Ok(value) => value.repr(),
        Err(error) => error.to_string(),
    };
    let first = said(render(text, "jinja|yaml", context, files));
    let second = said(render(text, "jinja|yaml", context, files));
    assert_eq!(first, second, "two renders differ");
}

/// The context of the corpus, and its files.
fn world() -> (Context, MemoryFiles) {
    let given: Map = serde_json::from_str(CONTEXT).expect("the context is JSON");
    let map = |name: &str| given.get(name).and_then(Value::as_map).cloned();
    let map = |name: &str| map(name).unwrap_or_default();
    let mut context = Context::empty().for_sls("fuzz", "fuzz.sls");
    context.grains = map("grains").into();
    context.pillar = map("pillar").into();
    context.opts = map("opts");
    let answers = map("functions")
        .into_iter()
        .map(|(name, value)| (name.to_text(), value));
    context.functions = Arc::new(StaticFunctions::new(answers));
    let mut files = MemoryFiles::new();
    for (path, body) in map("files").iter() {
        files = files.with(&path.to_text(), &body.to_text());
    }
    (context, files)
}

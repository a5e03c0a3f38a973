//! An unattended installer's pillar, from text to data; beside Salt it is measured by
//! `benches/compare/pillar.py`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use divan::{Bencher, black_box};
use model::{Grains, Map, Value};
use pillar::{Request, Suppliers, compile};
use states::context::NoFunctions;
use states::file_client::{FileClient, FileError};

/// The tree of the comparison, in memory.
struct Tree(HashMap<String, Arc<[u8]>>);

impl Tree {
    fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/compare/pillar");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap().into())
        });
        Self(files.collect())
    }
}

impl FileClient for Tree {
    fn read(&self, path: &str, _: &str) -> Result<Option<Arc<[u8]>>, FileError> {
        Ok(self.0.get(path).cloned())
    }
    fn list(&self, _: &str) -> Result<Vec<String>, FileError> {
        let mut names: Vec<String> = self.0.keys().cloned().collect();
        names.sort();
        Ok(names)
    }
    fn envs(&self) -> Vec<String> {
        vec!["base".to_owned()]
    }
}

#[divan::bench]
fn yomi_pillar(bencher: Bencher<'_, '_>) {
    let suppliers = Suppliers::new(Arc::new(Tree::read()), Arc::new(NoFunctions));
    let grains = Map::from([
        ("id", Value::str("node0007")),
        ("number", Value::from(7_u64)),
        ("efi", Value::Bool(true)),
        ("memory", Value::from(8192_u64)),
        ("cpuarch", Value::str("x86_64")),
        ("role", Value::str("worker")),
        ("os", Value::str("SUSE")),
    ]);
    let request = Request {
        id: "node0007".parse().unwrap(),
        grains: Grains(grains),
        saltenv: None,
        pillarenv: None,
        overrides: Map::new(),
        opts: Arc::default(),
    };
    let pillar = compile(&request, &suppliers);
    assert!(pillar.errors.is_empty(), "{:?}", pillar.errors);
    bencher.bench_local(|| compile(black_box(&request), &suppliers));
}

//! Compiles the pillars of many minions, one after the other, from a folder of files: what
//! `benches/compare/pillar.py` measures beside Salt. Every file is read anew for every minion.
//!
//! `many_pillars FOLDER COUNT` prints nothing; `many_pillars FOLDER COUNT INDEX` prints one pillar.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program that measures reading and compiling of real files"
)]

use std::path::PathBuf;
use std::sync::Arc;

use model::{Grains, Map, Value};
use pillar::{Request, Suppliers, compile};
use states::context::NoFunctions;
use states::file_client::{FileClient, FileError};

/// One folder, the root of `base`.
struct Folder(PathBuf);

impl FileClient for Folder {
    fn read(&self, path: &str, _saltenv: &str) -> Result<Option<Arc<[u8]>>, FileError> {
        Ok(std::fs::read(self.0.join(path)).ok().map(Arc::from))
    }

    fn list(&self, _saltenv: &str) -> Result<Vec<String>, FileError> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        Ok(names)
    }

    fn envs(&self) -> Vec<String> {
        vec!["base".to_owned()]
    }
}

/// The same grains as in `pillar.py`.
fn grains(number: usize) -> Map {
    Map::from([
        ("id", Value::Str(format!("node{number:04}"))),
        ("number", Value::from(number)),
        ("efi", Value::Bool(!number.is_multiple_of(3))),
        ("memory", Value::from(2048 + number % 7 * 1024)),
        (
            "cpuarch",
            Value::str(["x86_64", "aarch64"][usize::from(number.is_multiple_of(5))]),
        ),
        (
            "role",
            Value::str(["worker", "master"][usize::from(number.is_multiple_of(10))]),
        ),
        ("os", Value::str("SUSE")),
    ])
}

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().expect("a folder of pillar SLS"));
    let count = args.next().and_then(|count| count.parse().ok());
    let shown = args.next().and_then(|index| index.parse::<usize>().ok());
    let suppliers = Suppliers::new(Arc::new(Folder(folder)), Arc::new(NoFunctions));
    for number in 0..count.expect("how many minions") {
        let request = Request {
            id: format!("node{number:04}").parse().expect("a minion id"),
            grains: Grains(grains(number)),
            saltenv: None,
            pillarenv: None,
            overrides: Map::new(),
            opts: Arc::default(),
        };
        let pillar = compile(&request, &suppliers);
        assert!(pillar.errors.is_empty(), "{:?}", pillar.errors);
        if shown == Some(number) {
            let text = serde_json::to_string(&Value::Map(pillar.data));
            println!("{}", text.expect("data is JSON"));
        }
    }
}

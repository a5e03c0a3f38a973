//! Every outputter against what Salt 3006.30 printed for the same data (`testdata/outputters`).

use std::fs;
use std::path::Path;

use model::Map;

use super::*;

#[derive(serde::Deserialize)]
struct Case {
    out: String,
    color: bool,
    retcode: i64,
    options: Map,
    data: Value,
}

impl Case {
    fn style(&self) -> Style {
        let mut style = Style::plain();
        let set = |flag: &mut bool, name: &str| {
            if let Some(value) = self.options.get(name) {
                *flag = value.is_truthy();
            }
        };
        style.palette = Palette::new(self.color);
        style.indent = self.options.get("output_indent").and_then(Value::as_i64);
        if let Some(state_output) = self.options.get("state_output") {
            style.state_output = state_output.to_text();
        }
        set(&mut style.state_verbose, "state_verbose");
        set(&mut style.state_output_diff, "state_output_diff");
        set(&mut style.state_output_profile, "state_output_profile");
        style
    }
}

#[test]
fn every_text_is_salts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/outputters");
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    names.sort();
    assert!(names.len() > 50);
    let mut wrong = Vec::new();
    for path in names {
        let case: Case = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let style = case.style();
        let said = render(&case.data, Some(&case.out), &style, case.retcode) + "\n";
        let salt = fs::read_to_string(path.with_extension("txt")).unwrap();
        if said != salt {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            wrong.push(format!("== {name}, ours:\n{said}== Salt's:\n{salt}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

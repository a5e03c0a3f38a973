//! Our renderers beside what Salt itself made of the same texts (`testdata/render/record.py`).
//!
//! Every case must give the same text or data, or fail as Salt fails; the ones that differ by
//! design are listed with their reason in `testdata/render/different.txt`, and a case listed there
//! must differ.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::{Map, Value};

use super::{load_yaml, render, render_text};
use crate::context::{Context, StaticFunctions};
use crate::error::Error;
use crate::file_client::MemoryFiles;

macro_rules! corpus {
    ($($name:literal),* $(,)?) => {
        [$((
            $name,
            include_str!(concat!("../../testdata/render/", $name)),
            include_str!(concat!("../../testdata/render/", $name, ".expected.json")),
        )),*]
    };
}

const CONTEXT: &str = include_str!("../../testdata/render/context.json");
const DIFFERENT: &str = include_str!("../../testdata/render/different.txt");

struct Case<'a> {
    name: String,
    text: &'a str,
    files: Vec<(&'a str, &'a str)>,
    context: Map,
}

fn cases<'a>(file: &str, source: &'a str) -> Vec<Case<'a>> {
    let plain = |name: String, text| Case {
        name,
        text,
        files: Vec::new(),
        context: Map::new(),
    };
    if file.ends_with(".lines") {
        return source
            .split('\n')
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with("##"))
            .map(|(index, line)| plain(format!("{}: {line}", index + 1), line))
            .collect();
    }
    let mut found = Vec::new();
    let starts: Vec<usize> = std::iter::once(0)
        .chain(source.match_indices("\n=== ").map(|(at, _)| at + 1))
        .chain(std::iter::once(source.len()))
        .collect();
    for range in starts.windows(2) {
        let block = &source[range[0]..range[1]];
        let (name, rest) = block.split_once('\n').unwrap_or((block, ""));
        let name = name.trim_start_matches("=== ");
        let mut parts = Vec::new();
        let mut at = 0;
        let mut head = "";
        let mut line_start = 0;
        for line in rest.split_inclusive('\n') {
            if let Some(next) = line.strip_prefix("--- ") {
                parts.push((head, &rest[at..line_start]));
                head = next.trim_end();
                at = line_start + line.len();
            }
            line_start += line.len();
        }
        parts.push((head, &rest[at..]));
        let mut case = plain(name.to_owned(), parts[0].1);
        for (head, body) in &parts[1..] {
            if *head == "context" {
                case.context = serde_json::from_str(body).expect("a context is a JSON object");
            } else {
                case.files
                    .push((head.strip_prefix("file ").unwrap_or(head), body));
            }
        }
        found.push(case);
    }
    found
}

fn context_of(shared: &Map, case: &Case<'_>) -> (Context, MemoryFiles) {
    let mut given = shared.clone();
    given.extend(case.context.clone());
    let map = |name: &str| {
        given
            .get(name)
            .and_then(Value::as_map)
            .cloned()
            .unwrap_or_default()
    };
    let text = |name: &str| {
        given
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mut context = Context::empty().for_sls(&text("sls"), &text("template"));
    context.grains = map("grains").into();
    context.pillar = map("pillar").into();
    context.opts = map("opts");
    context.extra = map("extra");
    let answers = map("functions")
        .into_iter()
        .map(|(name, value)| (name.to_text(), value));
    context.functions = Arc::new(StaticFunctions::new(answers));
    let mut files = MemoryFiles::new();
    for (path, body) in map("files").iter() {
        files = files.with(&path.to_text(), &body.to_text());
    }
    for (path, body) in &case.files {
        files = files.with(path, body);
    }
    (context, files)
}

/// What came out, in the words of the expected file.
fn outcome(file: &str, case: &Case<'_>, shared: &Map) -> Result<(&'static str, String), Error> {
    let (context, files) = context_of(shared, case);
    if file.starts_with("yaml") {
        return load_yaml(case.text).map(|value| ("data", value.repr()));
    }
    if file.starts_with("sls") {
        return render(case.text, "jinja|yaml", &context, &files)
            .map(|value| ("data", value.repr()));
    }
    render_text(case.text, "jinja", &context, &files).map(|text| ("text", text))
}

#[derive(Default)]
struct Counts {
    equal: usize,
    failed_alike: usize,
    same_message: usize,
    same_line: usize,
    with_line: usize,
}

fn compare(
    expected: &Value,
    found: Result<(&'static str, String), Error>,
    counts: &mut Counts,
) -> Option<String> {
    let text = |key: &str| expected.get(key).and_then(Value::as_str);
    match (found, text("error")) {
        (Ok((kind, found)), None) => {
            let wanted = text(kind).unwrap_or("nothing");
            if wanted == found {
                counts.equal += 1;
                return None;
            }
            Some(format!("Salt: {wanted:?}\n  ours: {found:?}"))
        }
        (Err(error), Some(wanted)) => {
            counts.failed_alike += 1;
            let same_message = error.message().contains(wanted);
            counts.same_message += usize::from(same_message);
            let line = expected.get("line").and_then(Value::as_u64);
            counts.with_line += usize::from(line.is_some());
            let same_line = line.is_some() && error.line().map(|line| line as u64) == line;
            counts.same_line += usize::from(same_line);
            if std::env::var("SHOW_MESSAGES").is_ok()
                && (!same_message || (line.is_some() && !same_line))
            {
                println!(
                    "message: {wanted:?} {line:?}\n   ours: {:?} {:?}",
                    error.message(),
                    error.line()
                );
            }
            None
        }
        (Err(error), None) => Some(format!("Salt: {expected:?}\n  ours: error {error}")),
        (Ok((_, found)), Some(wanted)) => Some(format!("Salt: error {wanted}\n  ours: {found:?}")),
    }
}

/// Compares all cases of some files; gives what differs by the case's name.
fn differences(
    files: &[(&str, &str, &str)],
    shared: &Map,
    by_design: &HashMap<&str, &str>,
) -> BTreeMap<String, String> {
    let mut counts = Counts::default();
    let mut unexplained = BTreeMap::new();
    let mut listed = 0;
    for (file, source, expected) in files {
        let expected: Map = serde_json::from_str(expected).expect("recorded as JSON");
        for case in cases(file, source) {
            let id = format!("{file} {}", case.name);
            let wanted = expected
                .get(&case.name)
                .unwrap_or_else(|| panic!("{id} is not recorded"));
            let difference = compare(wanted, outcome(file, &case, shared), &mut counts);
            let is_listed = by_design.contains_key(id.as_str())
                || difference.is_some() && is_refused(file, &case, shared);
            match (difference, is_listed) {
                (None, false) => {}
                (Some(_), true) => listed += 1,
                (Some(difference), false) => {
                    unexplained.insert(id, difference);
                }
                (None, true) => {
                    unexplained.insert(id, "is listed as different and is equal".to_owned());
                }
            }
        }
    }
    println!(
        "equal {}, failing alike {} (same message {}, same line {} of {}), different by design \
         {listed}, unexplained {}",
        counts.equal,
        counts.failed_alike,
        counts.same_message,
        counts.same_line,
        counts.with_line,
        unexplained.len()
    );
    unexplained
}

/// What we refuse on purpose where Salt gives a result: the words of our errors. Only generated
/// cases are judged by them, the others are listed one by one.
const REFUSED: [&str; 7] = [
    "128 bits",
    "the result is a complex number",
    "' is undefined",
    "has no attribute",
    "has no element",
    "is not supported",
    "is printed outside of it by Jinja",
];

/// Says whether a generated case is an error of ours that is listed in
/// docs/compatibility-rendering.md.
fn is_refused(file: &str, case: &Case<'_>, shared: &Map) -> bool {
    file.contains("generated")
        && outcome(file, case, shared)
            .is_err_and(|error| REFUSED.iter().any(|words| error.message().contains(words)))
}

fn assert_none(unexplained: &BTreeMap<String, String>) {
    let all: Vec<String> = unexplained
        .iter()
        .map(|(id, difference)| format!("{id}\n  {difference}"))
        .collect();
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn every_case_renders_as_salt_renders_it() {
    let files = corpus![
        "values.lines",
        "methods.lines",
        "filters.lines",
        "flow.cases",
        "yaml-scalars.lines",
        "yaml-documents.cases",
        "sls.cases",
        "generated.lines",
        "generated.cases",
        "yaml-generated.lines",
        "yaml-generated.cases",
    ];
    let shared: Map = serde_json::from_str(CONTEXT).expect("the context is JSON");
    let by_design: HashMap<&str, &str> = DIFFERENT
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" :: "))
        .collect();
    assert_none(&differences(&files, &shared, &by_design));
}

/// Compares a corpus that lies elsewhere: `RENDER_CORPUS=DIR cargo test -p states -- --ignored
/// corpus`.
#[test]
#[ignore = "needs a recorded corpus in RENDER_CORPUS"]
#[expect(
    clippy::disallowed_methods,
    reason = "the corpus is not part of the project"
)]
fn a_corpus_of_elsewhere_renders_as_salt_renders_it() {
    let directory = std::env::var("RENDER_CORPUS").expect("RENDER_CORPUS names a directory");
    let read = |name: &str| {
        std::fs::read_to_string(format!("{directory}/{name}"))
            .unwrap_or_else(|error| panic!("{directory}/{name}: {error}"))
    };
    let shared: Map = serde_json::from_str(&read("context.json")).expect("the context is JSON");
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(&directory).expect("a directory") {
        let name = entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned();
        if name.ends_with(".lines") || name.ends_with(".cases") {
            let expected = read(&format!("{name}.expected.json"));
            texts.push((name.clone(), read(&name), expected));
        }
    }
    let files: Vec<(&str, &str, &str)> = texts
        .iter()
        .map(|(name, text, expected)| (name.as_str(), text.as_str(), expected.as_str()))
        .collect();
    assert_none(&differences(&files, &shared, &HashMap::new()));
}

//! What came out: release by scenario, on the terminal and in the document.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// How a scenario went for each minion, by id: nothing, or what went wrong.
pub(crate) type Verdicts = BTreeMap<String, Result<(), String>>;

/// Where the table of a whole run is kept.
const DOCUMENT: &str = "../docs/compatibility-minions.md";

/// The lines of the document between which the table stands.
const BEGIN: &str = "<!-- the table begins -->";
const END: &str = "<!-- the table ends -->";

/// The table of one run.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Each release, and why it cannot run here if it cannot.
    releases: Vec<(String, Option<String>)>,
    rows: Vec<(&'static str, Verdicts)>,
}

impl Table {
    /// Begins the column of a release; one that cannot run here has a reason.
    pub(crate) fn begin(&mut self, release: &str, skipped: Option<String>) {
        self.releases.push((release.to_owned(), skipped));
    }

    /// Adds what a scenario gave.
    pub(crate) fn add(&mut self, scenario: &'static str, verdicts: Verdicts) {
        match self.rows.iter_mut().find(|(known, _)| *known == scenario) {
            Some((_, row)) => row.extend(verdicts),
            None => self.rows.push((scenario, verdicts)),
        }
    }

    /// Gives every failure as one line.
    pub(crate) fn failures(&self) -> Vec<String> {
        let of_row = |(scenario, verdicts): &(&str, Verdicts)| {
            let failed = verdicts
                .iter()
                .filter_map(|(id, verdict)| Some((id.clone(), verdict.as_ref().err()?.clone())));
            failed
                .map(|(id, what)| format!("{id}, {scenario}: {what}"))
                .collect::<Vec<_>>()
        };
        self.rows.iter().flat_map(of_row).collect()
    }

    /// Writes it as a table of markdown, which a terminal shows well enough.
    pub(crate) fn render(&self) -> String {
        let mut text = String::from("| scenario |");
        for (release, _) in &self.releases {
            let _ = write!(text, " {release} |");
        }
        let _ = write!(text, "\n|---|{}\n", "---|".repeat(self.releases.len()));
        for (scenario, verdicts) in &self.rows {
            let _ = write!(text, "| {scenario} |");
            for (release, skipped) in &self.releases {
                let cell = match verdicts.get(&format!("m-{release}")) {
                    _ if skipped.is_some() => "skipped",
                    Some(Ok(())) => "yes",
                    Some(Err(_)) => "**no**",
                    None => "-",
                };
                let _ = write!(text, " {cell} |");
            }
            text.push('\n');
        }
        for (release, reason) in &self.releases {
            if let Some(reason) = reason {
                let _ = write!(text, "\n{release} was skipped: {reason}\n");
            }
        }
        text
    }

    /// Puts the table into the document.
    pub(crate) fn keep(&self) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
        let text = std::fs::read_to_string(&path).expect("the document is there");
        let (before, rest) = text.split_once(BEGIN).expect("the table's place");
        let (_, after) = rest.split_once(END).expect("the table's end");
        let table = self.render();
        let text = format!("{before}{BEGIN}\n\n{table}\n{END}{after}");
        std::fs::write(&path, text).expect("the document can be written");
    }
}

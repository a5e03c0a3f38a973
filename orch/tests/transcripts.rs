//! Transcripts: facts in, records and effects out, line by line, for people to read.
//!
//! `testdata/*.txt` hold steps, facts (`>`), and what came of them (indented). After every fact the
//! run is folded again from its records, through JSON and through msgpack, and must equal the live
//! one. Renew the files with `ORCH_RENEW_TRANSCRIPTS=1 cargo test -p orch --test transcripts`, and
//! read the difference.

mod transcripts {
    #[expect(dead_code, reason = "the records are for the suite of kept runs")]
    pub(crate) mod player;
}

use std::path::{Path, PathBuf};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    #[expect(clippy::disallowed_methods, reason = "the transcripts are files")]
    let entries = std::fs::read_dir(folder).expect("testdata is there");
    let paths = entries.map(|entry| entry.expect("testdata can be read").path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|ext| ext == "txt"))
        .collect();
    files.sort();
    files
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the transcripts are files")]
fn every_transcript_is_what_happens() {
    let is_renewed = std::env::var_os("ORCH_RENEW_TRANSCRIPTS").is_some();
    let files = files();
    assert!(!files.is_empty());
    let mut wrong = Vec::new();
    for path in files {
        let written = std::fs::read_to_string(&path).expect("a transcript can be read");
        let played = transcripts::player::play(&written);
        if is_renewed {
            std::fs::write(&path, &played).expect("a transcript can be written");
        } else if played != written {
            wrong.push(difference(&path, &written, &played));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn difference(path: &Path, written: &str, played: &str) -> String {
    let mut pairs = written.lines().zip(played.lines()).enumerate();
    let first = pairs.find(|(_, (written, played))| written != played);
    let first = first.map_or_else(
        || "one is longer".to_owned(),
        |(line, (written, played))| {
            format!(
                "line {}:\n  written {written}\n  played  {played}",
                line + 1
            )
        },
    );
    format!("{}: {first}", path.display())
}

//! Files that are not served: `file_ignore_regex` and `file_ignore_glob`.

use fancy_regex::Regex;
use model::Glob;

use crate::config::Opts;

/// The patterns, compiled.
#[derive(Debug)]
pub(super) struct Ignored {
    regexes: Vec<Regex>,
    globs: Vec<Glob>,
}

impl Ignored {
    pub(super) fn new(opts: &Opts) -> Self {
        // The options were checked: a pattern that does not compile stops the start.
        let regexes = opts
            .file_ignore_regex
            .iter()
            .filter_map(|text| Regex::new(text).ok());
        let globs = opts.file_ignore_glob.iter().map(|text| Glob::new(text));
        Self {
            regexes: regexes.collect(),
            globs: globs.collect(),
        }
    }

    /// Says whether a path matches: a regular expression anywhere in it, a glob all of it.
    pub(super) fn matches(&self, path: &str) -> bool {
        self.regexes
            .iter()
            .any(|regex| regex.is_match(path).unwrap_or(false))
            || self.globs.iter().any(|glob| glob.matches(path))
    }
}

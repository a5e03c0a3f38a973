//! What is broken in a pillar: one text for the minion, one for the master's log.
//!
//! A render error shows lines of the SLS, which may hold secrets of other minions; with
//! `pillar_safe_render_error` the minion only learns which SLS it was.

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What the minion sees in `_errors`.
    pub shown: String,
    /// All that is known, for the log.
    pub full: String,
}

impl Problem {
    /// Makes a problem that has nothing to hide.
    pub(crate) fn open(text: impl Into<String>) -> Self {
        let full = text.into();
        Self {
            shown: full.clone(),
            full,
        }
    }
}

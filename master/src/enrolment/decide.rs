//! Decides what an operator's act changes in enrolment.

use model::Timestamp;

use super::{EnrolmentRecord, View, Window};

/// Windows that may be open at once: each is looked at for each stranger.
const OPEN_WINDOWS_MAX: usize = 100;

/// What an operator wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Let minions in for a while.
    Open {
        /// For how long.
        for_secs: u64,
        /// How many.
        count: u64,
        /// Glob of their ids.
        ids: String,
        /// Whether rebuilt nodes may replace their keys.
        is_for_rebuilds: bool,
    },
    /// Close a window; `None`: all.
    Close {
        /// Its number.
        window: Option<u64>,
    },
    /// Let a used value be used again.
    Release {
        /// The value, or the whole claim.
        claim: String,
    },
}

/// Decides on an act, or says why it cannot be.
pub fn on_act(
    view: &View,
    act: Act,
    by: &str,
    now: Timestamp,
) -> Result<Vec<EnrolmentRecord>, String> {
    let by = by.to_owned();
    match act {
        Act::Open {
            for_secs,
            count,
            ids,
            is_for_rebuilds,
        } => {
            if for_secs == 0 || count == 0 {
                return Err("a window is open for at least a second and for one minion".into());
            }
            if view.open_windows(now).count() >= OPEN_WINDOWS_MAX {
                return Err(format!(
                    "{OPEN_WINDOWS_MAX} windows are open; close some (brine enrol close)"
                ));
            }
            Ok(vec![EnrolmentRecord::Opened(Window {
                window: view.next_window(),
                until: now.plus_secs(for_secs),
                count,
                ids,
                is_for_rebuilds,
                by,
            })])
        }
        Act::Close { window } => {
            let is_meant = |number: &u64| window.is_none_or(|wanted| wanted == *number);
            let numbers = view.open_windows(now).map(|opened| opened.window.window);
            let closed: Vec<_> = numbers
                .filter(is_meant)
                .map(|window| EnrolmentRecord::Closed {
                    window,
                    by: by.clone(),
                })
                .collect();
            match window {
                Some(number) if closed.is_empty() => Err(format!("window {number} is not open")),
                _ => Ok(closed),
            }
        }
        Act::Release { claim } => {
            let claims = view.claims_of(&claim);
            if claims.is_empty() {
                return Err(format!("'{claim}' was not used by anybody"));
            }
            let release = |claim| EnrolmentRecord::Released {
                claim,
                by: by.clone(),
            };
            Ok(claims.into_iter().map(release).collect())
        }
    }
}

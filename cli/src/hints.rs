//! An error → what to try next. The only place that advises.

use crate::client::Error;

/// Writes the error with its causes, and below it the next step where there is one.
pub(crate) fn explained(error: &Error) -> String {
    let mut text = format!("ERROR: {error}");
    if let Some(cause) = std::error::Error::source(error) {
        text.push_str(&format!(": {cause}"));
    }
    if let Some(hint) = hint(error) {
        text.push_str(&format!("\nhint: {hint}"));
    }
    text
}

fn hint(error: &Error) -> Option<String> {
    match error {
        Error::Away { cause, .. } => Some(away(cause)),
        Error::Broken { .. } => {
            Some("if it does not come back by itself, look at its log for the reason".into())
        }
        Error::Refused { said, .. } => said.hint.clone(),
        Error::NoRuns => Some("start one: salt-run state.orchestrate SLS".into()),
        Error::Unreadable { .. } => {
            Some("client and master may be of different versions: compare `brine doctor`".into())
        }
    }
}

fn away(cause: &std::io::Error) -> String {
    if cause.kind() == std::io::ErrorKind::PermissionDenied {
        return "run this as the user that the master runs as, or as root".into();
    }
    "start it with `brine master -c DIR`; if it runs with another config directory, say so with \
     -c DIR, or name its socket with --socket PATH"
        .into()
}

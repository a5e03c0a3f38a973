//! Reads the operator's autosign and autoreject files, if they are safe to believe.

use std::path::Path;

use crate::config::Opts;
use crate::world::World;

/// Gives the text of a rule file. A file that anyone may write is not believed, nor one that its
/// group may write unless `permissive_pki_access` says so; both are told.
pub fn read(world: &World, opts: &Opts, path: &Path) -> Option<String> {
    let metadata = world.disk.metadata(path).ok().flatten()?;
    let is_open = metadata.mode & 0o002 != 0;
    let is_group_open = metadata.mode & 0o020 != 0 && !opts.permissive_pki_access;
    if is_open || is_group_open {
        tracing::warn!(
            path = %path.display(),
            "ignored: others may write this file; chmod go-w it, or set permissive_pki_access \
             for the group"
        );
        return None;
    }
    let bytes = world.disk.read(path).ok().flatten()?;
    String::from_utf8(bytes).ok()
}

//! Reads the operator's autosign and autoreject files, if they are safe to believe.

use std::path::Path;

use crate::config::Opts;
use crate::world::World;

/// Gives the text of a rule file. As in Salt, a file that anyone may write is not believed, nor one
/// that its group may write: unless `permissive_pki_access` says so and, for a master that is root,
/// the option `user` is a member of that group. What is not believed is told.
pub fn read(world: &World, opts: &Opts, path: &Path) -> Option<String> {
    let metadata = world.disk.metadata(path).ok().flatten()?;
    let is_open = metadata.mode & 0o002 != 0;
    let is_group_open = metadata.mode & 0o020 != 0
        && !(opts.permissive_pki_access && is_trusted_group(world, opts, metadata.gid));
    if is_open || is_group_open {
        tracing::warn!(
            path = %path.display(),
            "ignored: others may write this file; chmod go-w it, or set permissive_pki_access \
             for a group of the master's user"
        );
        return None;
    }
    let bytes = world.disk.read(path).ok().flatten()?;
    String::from_utf8(bytes).ok()
}

fn is_trusted_group(world: &World, opts: &Opts, gid: u32) -> bool {
    if !rustix::process::getuid().is_root() {
        return true;
    }
    let groups = world.disk.read(Path::new("/etc/group")).ok().flatten();
    let groups = groups.unwrap_or_default();
    is_member(&String::from_utf8_lossy(&groups), &opts.user, gid)
}

/// Says whether a user is listed as a member of a group; the group of its own does not count, as in
/// Salt.
fn is_member(groups: &str, user: &str, gid: u32) -> bool {
    groups.lines().any(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let is_group = fields.get(2).and_then(|text| text.parse().ok()) == Some(gid);
        is_group
            && fields
                .get(3)
                .is_some_and(|members| members.split(',').any(|member| member == user))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_counts_if_the_user_is_listed_as_its_member() {
        let groups = "root:x:0:\nops:x:50:ann,salt\n";
        assert!(is_member(groups, "salt", 50));
        assert!(!is_member(groups, "root", 0));
        assert!(!is_member(groups, "al", 50));
    }
}

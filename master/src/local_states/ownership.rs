//! Owner, group and permission bits that a state asks for.

use std::path::Path;

use model::{Map, Value};
use storage::disk::Metadata;

use super::files::told;
use super::{Given, Machine};

/// What a state wants of a file's owner, group and permissions.
#[derive(Debug, Default)]
pub(super) struct Owner {
    user: Option<(Value, u32)>,
    group: Option<(Value, u32)>,
    pub(super) mode: Option<u32>,
}

impl Owner {
    /// Reads `user`, `group` and a mode; all that does not exist is told at once, as in Salt.
    pub(super) fn read(
        machine: &Machine,
        with: &Given<'_>,
        mode: Option<&Value>,
    ) -> Result<Self, String> {
        let mut wrong = String::new();
        let mut find = |key: &str, table: &str, what: &str| {
            let wanted = with.get(key).filter(|wanted| wanted.is_truthy())?;
            let number = number_of(machine, table, wanted);
            if number.is_none() {
                wrong.push_str(&format!("{what} {} is not available ", wanted.to_text()));
            }
            Some((wanted.clone(), number?))
        };
        let user = find("user", "/etc/passwd", "User");
        let group = find("group", "/etc/group", "Group");
        if !wrong.is_empty() {
            return Err(wrong.trim_end().to_owned());
        }
        let mode = mode.map(bits).transpose()?;
        Ok(Self { user, group, mode })
    }

    /// Gives what is otherwise at a file, in Salt's form.
    pub(super) fn differences(&self, found: &Metadata) -> Map {
        let mut changes = Map::new();
        if let Some((user, _)) = self.user.as_ref().filter(|(_, uid)| *uid != found.uid) {
            changes.insert("user", user.clone());
        }
        if let Some((group, _)) = self.group.as_ref().filter(|(_, gid)| *gid != found.gid) {
            changes.insert("group", group.clone());
        }
        if let Some(mode) = self.mode.filter(|mode| *mode != found.permissions()) {
            changes.insert("mode", written(mode));
        }
        changes
    }

    /// Makes it so; gives what was changed.
    pub(super) fn apply(&self, machine: &Machine, path: &Path) -> Result<Map, String> {
        let Some(found) = machine.at(path)? else {
            return Ok(Map::new());
        };
        let changes = self.differences(&found);
        let disk = &machine.world.disk;
        let id = |wanted: &Option<(Value, u32)>| wanted.as_ref().map(|(_, id)| *id);
        if changes.contains_key("user") || changes.contains_key("group") {
            let (user, group) = (id(&self.user), id(&self.group));
            disk.set_owner(path, user, group).map_err(told)?;
        }
        // A new owner may have taken bits away.
        let mode = self.mode.unwrap_or_else(|| found.permissions());
        disk.set_mode(path, mode).map_err(told)?;
        Ok(changes)
    }
}

/// Reads permission bits: `0644`, `'644'`, and the number 644, as which YAML reads the first.
pub(super) fn bits(mode: &Value) -> Result<u32, String> {
    let text = mode.to_text();
    let digits = text.trim_start_matches(['0', 'o', 'O']);
    let digits = if digits.is_empty() { "0" } else { digits };
    u32::from_str_radix(digits, 8)
        .ok()
        .filter(|bits| *bits <= 0o7777)
        .ok_or_else(|| format!("'{text}' are no permission bits; write them as '0644'"))
}

/// Writes permission bits as Salt does.
fn written(mode: u32) -> String {
    format!("{mode:04o}")
}

/// Gives the names of a file's owner and group; their numbers, if they have none.
pub(super) fn names(machine: &Machine, found: &Metadata) -> (String, String) {
    let name = |table: &str, id: u32| {
        let wanted = id.to_string();
        let named = rows(machine, table)
            .into_iter()
            .find(|row| row.get(2) == Some(&wanted));
        named
            .and_then(|row| row.into_iter().next())
            .unwrap_or(wanted)
    };
    (
        name("/etc/passwd", found.uid),
        name("/etc/group", found.gid),
    )
}

fn number_of(machine: &Machine, table: &str, wanted: &Value) -> Option<u32> {
    if let Some(number) = wanted.as_u64() {
        return u32::try_from(number).ok();
    }
    let name = wanted.to_text();
    let mut rows = rows(machine, table).into_iter();
    let row = rows.find(|row| row.first() == Some(&name))?;
    row.get(2)?.parse().ok()
}

/// Reads one of the system's tables of users and groups.
fn rows(machine: &Machine, table: &str) -> Vec<Vec<String>> {
    let table = machine.world.disk.read(Path::new(table)).ok().flatten();
    let table = String::from_utf8_lossy(table.as_deref().unwrap_or_default()).into_owned();
    let rows = table.lines();
    let rows = rows.map(|line| line.split(':').map(str::to_owned).collect());
    rows.collect()
}

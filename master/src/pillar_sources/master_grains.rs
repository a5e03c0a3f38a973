//! The master's own grains: the few that orchestrations and pillars ask for.
//!
//! Salt's programs on the master have every grain of a minion. These are the ones that say which
//! machine and which system it is; a template that needs more belongs to a minion.

use model::{Grains, Map, MinionId, Value};
use storage::disk::DiskRead;

/// `os_family` by the ids that a system gives itself and its likes, as Salt names them.
const FAMILIES: &[(&str, &str)] = &[
    ("debian", "Debian"),
    ("ubuntu", "Debian"),
    ("suse", "Suse"),
    ("opensuse", "Suse"),
    ("sles", "Suse"),
    ("rhel", "RedHat"),
    ("fedora", "RedHat"),
    ("centos", "RedHat"),
    ("arch", "Arch"),
    ("alpine", "Alpine"),
    ("gentoo", "Gentoo"),
];

/// Reads them from the system's own files; what cannot be read is left out.
pub(super) fn grains(id: &MinionId, disk: &dyn DiskRead) -> Grains {
    let read = |path: &str| -> Option<String> {
        let bytes = disk.read(path.as_ref()).ok().flatten()?;
        String::from_utf8(bytes).ok()
    };
    let host = read("/proc/sys/kernel/hostname");
    let host = host.as_deref().map_or("localhost", str::trim);
    let short = host.split('.').next().unwrap_or(host);
    let mut grains = Map::from([
        ("id", Value::str(id.as_str())),
        ("host", Value::str(short)),
        ("localhost", Value::str(host)),
        ("nodename", Value::str(host)),
        ("kernel", Value::str("Linux")),
        // So that one SLS can use what only we have and still run under Salt.
        ("brine", Value::str(env!("CARGO_PKG_VERSION"))),
        ("cpuarch", Value::str(std::env::consts::ARCH)),
    ]);
    if let Some(release) = read("/proc/sys/kernel/osrelease") {
        grains.insert("kernelrelease", release.trim());
    }
    if let Some(text) = read("/etc/os-release") {
        system(&text, &mut grains);
    }
    Grains(grains)
}

/// Takes what `os-release` says.
fn system(text: &str, grains: &mut Map) {
    let field = |name: &str| {
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.trim_matches(['"', '\'']))
    };
    if let Some(name) = field("NAME") {
        // Salt: "Debian GNU/Linux" is os Debian, "openSUSE MicroOS" is osfullname.
        grains.insert("os", name.split(' ').next().unwrap_or(name));
        grains.insert("osfullname", name);
    }
    if let Some(version) = field("VERSION_ID") {
        grains.insert("osrelease", version);
    }
    let ids = format!(
        "{} {}",
        field("ID").unwrap_or_default(),
        field("ID_LIKE").unwrap_or_default()
    );
    let family = ids.split_whitespace().find_map(|id| {
        let is_it =
            |(known, _): &&(&str, &str)| id == *known || id.starts_with(&format!("{known}-"));
        FAMILIES.iter().find(is_it).map(|(_, family)| *family)
    });
    if let Some(family) = family {
        grains.insert("os_family", family);
    }
}

//! The live image of a node: its `/etc`, its minion's configuration, and what an installed system
//! may lack.
//!
//! The operating system's programs are the host's, lent read-only; `/etc` is made here, with the
//! few files of the host that its libraries need. Nothing personal of the host gets into a node.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::failure::{Attempt, Failure};
use crate::programs;

use super::{Disk, Node, Place};

/// What is copied from the host's `/etc`, where it exists.
const LENT: [&str; 10] = [
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "os-release",
    "debian_version",
    "mke2fs.conf",
    "alternatives",
    "ssl/certs",
    "ssl/openssl.cnf",
];

/// The longest `root_dir` of a minion: a socket's path may have 107 bytes, and
/// `/var/run/salt/minion/minion_event_0123456789_pull.ipc` are 53 of them.
const ROOT_BYTES_MAX: usize = 54;

/// Makes the live image.
pub(super) fn make(node: &Node) -> Result<(), Failure> {
    let live = node.live();
    for dir in [
        "etc/salt/minion.d",
        "etc/brine-lab",
        "var/log/salt",
        "var/cache",
        "var/lib",
        "root",
        "mnt",
        "srv",
    ] {
        let dir = live.join(dir);
        fs::create_dir_all(&dir).attempt(|| format!("create {}", dir.display()))?;
    }
    write(&live, "etc/hostname", &format!("{}\n", node.hostname))?;
    write(&live, "etc/machine-id", &format!("{}\n", node.machine_id))?;
    write(&live, "etc/salt/grains", &format!("uuid: {}\n", node.uuid))?;
    write(&live, "etc/salt/minion", &minion_config(node)?)?;
    lend(node, &live)
}

/// Adds what a system needs and does not have: for the live image, and for an install that copied
/// little.
pub(super) fn lend(node: &Node, root: &Path) -> Result<(), Failure> {
    let own = [
        (
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n".to_owned(),
        ),
        (
            "etc/group",
            "root:x:0:\ndisk:x:6:\nnogroup:x:65534:\n".to_owned(),
        ),
        (
            "etc/nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files\n".to_owned(),
        ),
        ("etc/hosts", format!("127.0.0.1 localhost\n{}", node.hosts)),
        ("etc/resolv.conf", String::new()),
    ];
    fs::create_dir_all(root.join("etc/ssl"))
        .attempt(|| format!("create etc in {}", root.display()))?;
    for (name, text) in own {
        if !root.join(name).exists() {
            write(root, name, &text)?;
        }
    }
    if node.place == Place::Plain {
        return Ok(());
    }
    let var_run = root.join("var/run");
    if fs::symlink_metadata(&var_run).is_err() {
        std::os::unix::fs::symlink("/run", &var_run).attempt(|| "link /var/run".to_owned())?;
    }
    for name in LENT {
        let (from, to) = (Path::new("/etc").join(name), root.join("etc").join(name));
        if from.exists() && fs::symlink_metadata(&to).is_err() {
            programs::run(programs::command("cp").arg("-a").arg(&from).arg(&to))?;
        }
    }
    Ok(())
}

/// Writes the node's description for the install states; `from_disk` says what this boot is from.
pub(super) fn describe(node: &Node, root: &Path, from_disk: bool) -> Result<(), Failure> {
    let inside = node.shared_inside();
    let (disk, partition) = match &node.disk {
        Disk::Block { .. } => ("/dev/lab-disk".to_owned(), "LAB_DISK_PART=/dev/lab-disk1\n"),
        Disk::Directory => (inside.join("disk").display().to_string(), ""),
    };
    let seen_root = match node.place {
        Place::Namespaces { .. } => "/".to_owned(),
        Place::Plain => root.display().to_string(),
    };
    let text = format!(
        "LAB_ID={}\nLAB_HOSTNAME={}\nLAB_ADDRESS={}\nLAB_BOOT={}\n\
         LAB_ROOT={seen_root}\nLAB_DISK_KIND={}\n\
         LAB_DISK={disk}\n{partition}LAB_DISK_BYTES={}\nLAB_HOLD={}\nLAB_REBOOT={}\n",
        node.id,
        node.hostname,
        node.address,
        if from_disk { "disk" } else { "live" },
        node.disk.kind(),
        Disk::bytes(),
        inside.join("hold").display(),
        inside.join("power/reboot").display(),
    );
    fs::create_dir_all(root.join("etc/brine-lab")).attempt(|| "create etc/brine-lab".to_owned())?;
    write(root, "etc/brine-lab/node.conf", &text)
}

/// As the images of Kubic are configured: an id, a master, and the grain by which the machine is
/// let in.
fn minion_config(node: &Node) -> Result<String, Failure> {
    let root = match node.place {
        Place::Namespaces { .. } => String::new(),
        Place::Plain => plain_root(&node.live())?,
    };
    Ok(format!(
        "id: '{}'\nmaster: {}\nmaster_port: {}\npublish_port: {}\nautosign_grains:\n  - uuid\n\
         acceptance_wait_time: 2\nenable_fqdns_grains: False\nlog_level_logfile: info\n{root}",
        node.id, node.master.host, node.master.ret_port, node.master.publish_port
    ))
}

/// A plain process keeps everything below its directory.
pub(super) fn plain_root(root: &Path) -> Result<String, Failure> {
    let root = name_for_sockets(root)?;
    Ok(format!(
        "root_dir: {}\npki_dir: {}\n",
        root.display(),
        root.join("etc/salt/pki/minion").display()
    ))
}

/// Gives a name of the directory that is short enough: a minion puts its sockets below `root_dir`,
/// whatever else it is told.
fn name_for_sockets(root: &Path) -> Result<PathBuf, Failure> {
    if root.as_os_str().len() <= ROOT_BYTES_MAX {
        return Ok(root.to_owned());
    }
    let link = link_to(root);
    if fs::symlink_metadata(&link).is_ok() {
        fs::remove_file(&link).attempt(|| format!("remove {}", link.display()))?;
    }
    std::os::unix::fs::symlink(root, &link).attempt(|| format!("link {}", link.display()))?;
    Ok(link)
}

/// Takes the short name away, if there was one; nothing runs under it any more.
pub(super) fn forget_name(root: &Path) {
    // One that stays is replaced by the next lab in this directory.
    let _ = fs::remove_file(link_to(root));
}

fn link_to(root: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    root.hash(&mut hasher);
    std::env::temp_dir().join(format!("brine-lab-{:016x}", hasher.finish()))
}

fn write(root: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let file = root.join(name);
    fs::write(&file, text).attempt(|| format!("write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_directory_has_a_short_name_and_a_short_one_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("x".repeat(100));
        fs::create_dir(&long).unwrap();
        // A link from before, to elsewhere or nowhere, is replaced.
        for _ in 0..2 {
            let short = name_for_sockets(&long).unwrap();
            assert!(short.as_os_str().len() <= ROOT_BYTES_MAX, "{short:?}");
            assert_eq!(
                fs::canonicalize(&short).unwrap(),
                fs::canonicalize(&long).unwrap()
            );
        }
        forget_name(&long);
        assert!(fs::symlink_metadata(link_to(&long)).is_err());
        let short = Path::new("/srv/lab");
        assert_eq!(name_for_sockets(short).unwrap(), short);
    }
}

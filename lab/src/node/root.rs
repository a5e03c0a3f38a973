//! The root directory of a node for one boot, built of mounts in the node's own mount namespace.
//!
//! On top of the live image, or of the disk's file system, come the host's programs (read-only),
//! memory file systems and a small `/dev`. Of the host's disks, homes and configuration the node
//! sees nothing.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_remount, unmount};

use crate::failure::{Attempt, Failure};
use crate::programs;

use super::disk::MARKER;
use super::{Disk, Node, image, lent};

/// The host's directories of programs and libraries.
const SYSTEM: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];
/// Device files a system cannot do without.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Builds the root directory; gives whether it is the disk's.
pub(super) fn build(node: &Node) -> Result<bool, Failure> {
    let root = node.root();
    make_dir(&root)?;
    let from_disk = mount_disk(node, &root)?;
    if !from_disk {
        bind(&node.live(), &root)?;
    }
    image::lend(node, &root)?;
    image::describe(node, &root, from_disk)?;
    lend_system(&root)?;
    for (dir, options) in [("run", c"mode=755"), ("tmp", c"mode=1777")] {
        memory(&root.join(dir), options)?;
    }
    devices(node, &root.join("dev"))?;
    bind_at(&node.shared(), &root.join("run/brine-lab"))?;
    bind_at(&node.dir.join("log"), &root.join("var/log/salt"))?;
    let lent_dir = root.join(lent::INSIDE.trim_start_matches('/'));
    make_dir(&lent_dir)?;
    for (from, name) in lent::list(node) {
        let target = lent_dir.join(name);
        if from.is_dir() {
            bind_at(&from, &target)?
        } else {
            bind_file(&from, &target)?
        }
        read_only(&target)?;
    }
    for dir in ["proc", "sys", "root", "mnt", "var/tmp"] {
        make_dir(&root.join(dir))?;
    }
    let no_write = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    // Only grains look there; a kernel that refuses costs a few of them.
    let _ = mount("sysfs", root.join("sys"), "sysfs", no_write, None);
    Ok(from_disk)
}

/// Mounts the installed system, if there is one.
fn mount_disk(node: &Node, root: &Path) -> Result<bool, Failure> {
    match &node.disk {
        Disk::Directory => {
            let disk = node.shared().join("disk");
            if !disk.join(MARKER).exists() {
                return Ok(false);
            }
            bind(&disk, root)?;
            Ok(true)
        }
        Disk::Block {
            partition, image, ..
        } => {
            if !Disk::has_partition(image) {
                return Ok(false);
            }
            if mount(partition.as_path(), root, "ext4", MountFlags::empty(), None).is_err() {
                return Ok(false);
            }
            if root.join(MARKER).exists() {
                return Ok(true);
            }
            unmount(root, UnmountFlags::empty())
                .attempt(|| format!("unmount {}", root.display()))?;
            Ok(false)
        }
    }
}

fn lend_system(root: &Path) -> Result<(), Failure> {
    for name in SYSTEM {
        let (from, to) = (Path::new("/").join(name), root.join(name));
        match fs::read_link(&from) {
            Ok(target) if fs::symlink_metadata(&to).is_err() => {
                symlink(&target, &to).attempt(|| format!("link {}", to.display()))?;
            }
            Ok(_) => {}
            Err(_) if from.is_dir() => {
                bind_at(&from, &to)?;
                read_only(&to)?;
            }
            Err(_) => {}
        }
    }
    Ok(())
}

fn devices(node: &Node, dev: &Path) -> Result<(), Failure> {
    memory(dev, c"mode=755")?;
    for name in DEVICES {
        bind_file(&Path::new("/dev").join(name), &dev.join(name))?;
    }
    if let Disk::Block {
        device, partition, ..
    } = &node.disk
    {
        bind_file(device, &dev.join("lab-disk"))?;
        bind_file(partition, &dev.join("lab-disk1"))?;
    }
    memory(&dev.join("shm"), c"mode=1777")?;
    let terminals = dev.join("pts");
    make_dir(&terminals)?;
    let options = c"newinstance,ptmxmode=0666,mode=620";
    if mount(
        "devpts",
        &terminals,
        "devpts",
        MountFlags::NOSUID | MountFlags::NOEXEC,
        options,
    )
    .is_ok()
    {
        link("pts/ptmx", &dev.join("ptmx"))?;
    }
    for (name, target) in [
        ("fd", ""),
        ("stdin", "/0"),
        ("stdout", "/1"),
        ("stderr", "/2"),
    ] {
        link(&format!("/proc/self/fd{target}"), &dev.join(name))?;
    }
    Ok(())
}

/// The boot id is the kernel's for every machine on it; this one is the node's.
pub(super) fn set_boot_id(node: &Node, root: &Path) -> Result<(), Failure> {
    let place = root.join("proc/sys/kernel/random/boot_id");
    mount_bind(node.dir.join("boot_id"), &place)
        .attempt(|| format!("mount over {}", place.display()))
}

fn make_dir(dir: &Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).attempt(|| format!("create {}", dir.display()))
}

fn bind(from: &Path, to: &Path) -> Result<(), Failure> {
    mount_bind(from, to).attempt(|| format!("mount {} at {}", from.display(), to.display()))
}

fn bind_at(from: &Path, to: &Path) -> Result<(), Failure> {
    make_dir(to)?;
    bind(from, to)
}

fn bind_file(from: &Path, to: &Path) -> Result<(), Failure> {
    File::create(to).attempt(|| format!("create {}", to.display()))?;
    bind(from, to)
}

fn read_only(target: &Path) -> Result<(), Failure> {
    let flags = MountFlags::BIND | MountFlags::RDONLY;
    if mount_remount(target, flags, c"").is_ok() {
        return Ok(());
    }
    // In some containers a remount may not lose flags of the host's mount; the program repeats
    // them.
    programs::run(
        programs::command("mount")
            .args(["-o", "remount,bind,ro"])
            .arg(target),
    )
    .map(drop)
}

fn memory(dir: &Path, options: &std::ffi::CStr) -> Result<(), Failure> {
    make_dir(dir)?;
    mount("tmpfs", dir, "tmpfs", MountFlags::NOSUID, options)
        .attempt(|| format!("mount a memory file system at {}", dir.display()))
}

fn link(target: &str, name: &Path) -> Result<(), Failure> {
    symlink(target, name).attempt(|| format!("link {}", name.display()))
}

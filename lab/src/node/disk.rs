//! A node's disk: an image file behind loop devices, or a directory where the kernel has none.
//!
//! The first partition has a device of its own, at 1 MiB, before anything is written: a node has no
//! way to have a partition table scanned, and needs none.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::{Attempt, Failure};
use crate::programs;

/// Where the first partition begins.
pub(crate) const PARTITION_BYTES: u64 = 1024 * 1024;
/// The image is sparse: this is the size the node sees, not what it costs.
const DISK_BYTES: u64 = 512 * 1024 * 1024;
/// A partition table counts in sectors of this size.
const SECTOR_BYTES: u64 = 512;
/// Written last by the install; a disk without it does not boot.
pub(crate) const MARKER: &str = "etc/installed-release";

/// A node's disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Disk {
    /// A block device.
    Block {
        /// The whole disk.
        device: PathBuf,
        /// Its first partition.
        partition: PathBuf,
        /// The image file behind both.
        image: PathBuf,
    },
    /// A directory that stands for the disk's root file system.
    Directory,
}

impl Disk {
    /// Makes a node's disk, empty: a block device if the kernel gives one.
    pub(crate) fn make(node_dir: &Path, wants_block: bool) -> Result<Self, Failure> {
        let dir = node_dir.join("shared/disk");
        if wants_block && let Some(disk) = Self::make_block(node_dir)? {
            return Ok(disk);
        }
        fs::create_dir_all(&dir).attempt(|| format!("create {}", dir.display()))?;
        Ok(Self::Directory)
    }

    fn make_block(node_dir: &Path) -> Result<Option<Self>, Failure> {
        if programs::find("losetup").is_none() || programs::find("mkfs.ext4").is_none() {
            return Ok(None);
        }
        let image = node_dir.join("disk.img");
        File::create(&image)
            .and_then(|file| file.set_len(DISK_BYTES))
            .attempt(|| format!("create {}", image.display()))?;
        let Ok(device) = attach(&image, 0) else {
            return Ok(None);
        };
        match attach(&image, PARTITION_BYTES) {
            Ok(partition) => Ok(Some(Self::Block {
                device,
                partition,
                image,
            })),
            Err(_) => {
                detach_all(&image);
                Ok(None)
            }
        }
    }

    /// The size of the disk as the node is told.
    pub(crate) fn bytes() -> u64 {
        DISK_BYTES
    }

    /// How the contract names this kind.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Block { .. } => "block",
            Self::Directory => "directory",
        }
    }

    /// Says whether the partition table names the partition that has a device.
    pub(crate) fn has_partition(image: &Path) -> bool {
        let first = File::open(image)
            .ok()
            .and_then(|mut file| first_partition(&mut file));
        first == Some(PARTITION_BYTES)
    }
}

/// Where the first partition of an MBR begins, in bytes.
fn first_partition(disk: &mut (impl Read + Seek)) -> Option<u64> {
    let mut sector = [0u8; SECTOR_BYTES as usize];
    disk.seek(SeekFrom::Start(0)).ok()?;
    disk.read_exact(&mut sector).ok()?;
    if sector[510..] != [0x55, 0xAA] {
        return None;
    }
    let (kind, start) = (sector[450], &sector[454..458]);
    let start = u64::from(u32::from_le_bytes(start.try_into().ok()?));
    (kind != 0).then_some(start * SECTOR_BYTES)
}

fn attach(image: &Path, offset: u64) -> Result<PathBuf, Failure> {
    let mut losetup = programs::command("losetup");
    losetup
        .args(["--find", "--show", "--offset", &offset.to_string()])
        .arg(image);
    Ok(PathBuf::from(programs::run(&mut losetup)?.trim()))
}

/// Takes every loop device of an image file away.
pub(crate) fn detach_all(image: &Path) {
    let listing = programs::run(
        programs::command("losetup")
            .args(["--noheadings", "--output", "NAME", "--associated"])
            .arg(image),
    );
    for device in listing.unwrap_or_default().lines() {
        let _ = programs::run(
            programs::command("losetup")
                .arg("--detach")
                .arg(device.trim()),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn table(kind: u8, start: u32) -> Vec<u8> {
        let mut sector = vec![0u8; 512];
        sector[450] = kind;
        sector[454..458].copy_from_slice(&start.to_le_bytes());
        sector[510..].copy_from_slice(&[0x55, 0xAA]);
        sector
    }

    #[test]
    fn a_table_says_where_its_first_partition_begins() {
        assert_eq!(
            first_partition(&mut Cursor::new(table(0x83, 2048))),
            Some(PARTITION_BYTES)
        );
        assert_eq!(
            first_partition(&mut Cursor::new(table(0x83, 63))),
            Some(63 * 512)
        );
    }

    #[test]
    fn an_empty_disk_and_an_empty_table_have_no_partition() {
        assert_eq!(first_partition(&mut Cursor::new(vec![0u8; 512])), None);
        assert_eq!(first_partition(&mut Cursor::new(table(0, 0))), None);
        assert_eq!(first_partition(&mut Cursor::new(Vec::new())), None);
    }
}

//! A disk that is full: what cannot be kept is refused in words, and what was acknowledged stays.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use minion_protocol::Version;
use tempfile::TempDir;
use tests::sim_minion::SimMinion;
use tests::test_master::TestMaster;
use tests::wait;

/// Bytes of the small disk.
const DISK_BYTES: u64 = 24 * 1024 * 1024;

/// A disk of its own in memory, gone when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it; the error is the reason for a skip.
    fn mount(at: &Path) -> Result<Self, String> {
        fs::create_dir_all(at).map_err(|error| error.to_string())?;
        let options = format!("size={DISK_BYTES},mode=0755");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "brine-drill"])
            .arg(at)
            .output()
            .map_err(|error| format!("mount: {error}"))?;
        if mount.status.success() {
            Ok(Self(at.to_owned()))
        } else {
            Err(String::from_utf8_lossy(&mount.stderr).trim().to_owned())
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Fills the disk to the last byte.
fn fill(filler: &Path) {
    let mut file = File::create(filler).expect("a file");
    let mut piece = vec![1; 1024 * 1024];
    while !piece.is_empty() {
        if file.write_all(&piece).is_err() {
            piece.truncate(piece.len() / 2);
        }
    }
}

#[test]
fn a_full_disk_is_told_and_loses_nothing_that_was_acknowledged() {
    let dir = TempDir::with_prefix("brine-").expect("a folder");
    let root = dir.path().join("disk");
    // Dropped after the master that uses it.
    let disk = match SmallDisk::mount(&root) {
        Ok(disk) => disk,
        Err(reason) => {
            eprintln!("skipped: full disk: no small disk can be mounted here: {reason}");
            return;
        }
    };
    let mut master = TestMaster::prepare_at(dir, root.clone(), "auto_accept: True");
    master.start();
    let mut minion = SimMinion::new("web", Version::V3, master.ports());
    minion.sign_in_accepted();
    let before = master.head();
    minion.fires("drill/before", "x").expect("there is room");
    let filler = root.join("filler");
    fill(&filler);
    let mut acknowledged = Vec::new();
    // Some may still fit into blocks that the log has already.
    let refused = wait::until("a refusal", || {
        let tag = format!("drill/full/{}", acknowledged.len());
        match minion.fires(&tag, "x".repeat(20_000)) {
            Ok(_) => {
                acknowledged.push(tag);
                None
            }
            Err(refused) => Some(refused),
        }
    });
    // A large one does not get as far as the log, and leaves nothing behind.
    let large = minion.fires("drill/large", "x".repeat(2_000_000));
    assert!(large.is_err(), "there is no room for it");
    let parts = fs::read_dir(root.join("var/cache/salt/master/store/large"));
    assert_eq!(parts.expect("a folder").count(), 0);
    let text = format!("{refused:?}");
    assert!(
        text.contains("exception"),
        "a real minion tries again after this: {text}"
    );
    let log = master.log();
    assert!(log.contains("full") || log.contains("space"), "{log}");
    // With room again it goes on, with or without a new start.
    fs::remove_file(&filler).expect("our file");
    if master.ended().is_some() {
        master.forget_killed();
        master.start();
    }
    wait::until("events to be taken again", || {
        minion.sign_in().ok()?;
        minion.fires("drill/after", "x").ok()
    });
    let check = |master: &TestMaster| {
        let is_last = |event: &serde_json::Value| event["tag"] == "drill/after";
        let events = master.api().events_up_to(before, "drill/*", is_last);
        let told: Vec<_> = events
            .iter()
            .filter_map(|event| event["tag"].as_str())
            .collect();
        assert_eq!(told[0], "drill/before");
        assert!(
            acknowledged.iter().all(|tag| told.contains(&tag.as_str())),
            "{told:?}"
        );
    };
    check(&master);
    master.restart();
    check(&master);
    drop(master);
    drop(disk);
}

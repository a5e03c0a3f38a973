//! The life of a minion's key, and of the key that all minions share.

use minion_protocol::Version;
use serde_json::json;
use tests::real_minion::RealMinion;
use tests::sim_minion::SimMinion;
use tests::test_master::TestMaster;
use tests::wait;
use tests::worker::Worker;

use crate::scene::{COMING_UP_SECS, Scene, is_in, wait_answers, wait_in};
use crate::table::Verdicts;

/// A simulated minion whose jobs reach every open publish connection: what a real one cannot read
/// makes it sign in again, and so find out what became of its key.
const LURE: &str = "lure";

/// Lets every listening minion meet a publication.
fn lure(scene: &mut Scene) {
    let ports = scene.master.ports();
    let worker = scene
        .lure
        .get_or_insert_with(|| Worker::start_unwaited(SimMinion::new(LURE, Version::V3, ports)));
    if !is_in(&scene.master.api(), "minions", LURE) {
        wait_in(&scene.master.api(), "minions_pre", LURE);
        scene.master.run("key", &["-y", "-a", LURE]).well();
    }
    worker.wait_listening();
    ping_lure(&scene.master);
}

fn ping_lure(master: &TestMaster) {
    wait::until_within("the lure to answer", COMING_UP_SECS, || {
        let words = [LURE, "test.ping", "--out=json", "--static", "-t", "5"];
        (master.run("cmd", &words).code == 0).then_some(())
    });
}

fn key(master: &TestMaster, action: &str, id: &str, more: &[&str]) {
    let words = [&["-y", action, id], more].concat();
    master.run("key", &words).well();
}

/// Waits as pending, is let in by an operator, and answers, all in one life of its process.
pub(crate) fn accepted(scene: &mut Scene) -> Verdicts {
    scene.each(|master, minion| {
        wait_in(&master.api(), "minions_pre", &minion.id);
        key(master, "-a", &minion.id, &[]);
        wait_answers(master, &minion.id);
        assert!(minion.is_running(), "it was restarted, or has ended");
    })
}

/// The shared key changes between a job's start and its end; no return is lost.
pub(crate) fn rotation_during_a_job(scene: &mut Scene) -> Verdicts {
    lure(scene);
    let master = &scene.master;
    let jid = master.publish("m-*", "test.sleep", &["8"]).expect("a job");
    // Each has it when it says that it works on it.
    for id in scene.ids() {
        wait::until_within(&format!("{id} to work"), COMING_UP_SECS, || {
            let words = [id, "saltutil.find_job", &jid, "--out=json", "--static"];
            let said = master.run("cmd", &words);
            let has_ended = !master.api().get(&format!("/jobs/{jid}"))["returns"][id].is_null();
            (said.out.contains(&jid) || has_ended).then_some(())
        });
    }
    let mut gone = SimMinion::new("gone", Version::V3, master.ports());
    let _ = gone.sign_in();
    wait_in(&master.api(), "minions_pre", "gone");
    key(master, "-a", "gone", &[]);
    key(master, "-d", "gone", &[]);
    scene.each(|master, minion| {
        let path = format!("/jobs/{jid}");
        wait::until_within("the return", COMING_UP_SECS, || {
            let ret = &master.api().get(&path)["returns"][&minion.id];
            (!ret.is_null()).then_some(())
        });
        // And the next job, which goes out under the new key.
        wait_answers(master, &minion.id);
        assert!(minion.is_running(), "it was restarted, or has ended");
    })
}

/// A deleted minion is cut off, asks again by itself, and works again once it is let in.
pub(crate) fn deleted(scene: &mut Scene) -> Verdicts {
    for id in scene.ids() {
        key(&scene.master, "-d", id, &[]);
    }
    lure(scene);
    scene.each(|master, minion| {
        wait_in(&master.api(), "minions_pre", &minion.id);
        key(master, "-a", &minion.id, &[]);
        wait_answers(master, &minion.id);
        assert!(minion.is_running(), "it was restarted, or has ended");
    })
}

/// A rejected minion is turned away when it asks, and works again once it is let in.
pub(crate) fn rejected(scene: &mut Scene) -> Verdicts {
    let before = scene.master.head();
    for id in scene.ids() {
        key(&scene.master, "-r", id, &["--include-accepted"]);
    }
    lure(scene);
    scene.each(|master, minion: &mut RealMinion| {
        let id = minion.id.clone();
        let is_turned_away = |event: &serde_json::Value| {
            event["data"]["id"] == id.as_str() && event["data"]["act"] == "reject"
        };
        master
            .api()
            .events_up_to(before, "salt/auth", is_turned_away);
        assert!(is_in(&master.api(), "minions_rejected", &id));
        key(master, "-a", &id, &["--include-rejected"]);
        wait_answers(master, &id);
    })
}

/// Another key for a known id is denied; the first stays what it was.
pub(crate) fn denied(scene: &mut Scene) -> Verdicts {
    scene.each(|master, minion| {
        minion.stop();
        std::fs::remove_dir_all(minion.pki()).expect("the old key pair");
        minion.spawn();
        wait_in(&master.api(), "minions_denied", &minion.id);
        assert!(is_in(&master.api(), "minions", &minion.id));
        let words = [minion.id.as_str(), "test.ping", "--out=json", "--static"];
        let said = master.run("cmd", &words);
        assert!(!said.out.contains("true"), "a denied key has answered");
    })
}

/// The road for a node that was built anew, by hand: its old key is deleted, its new one let in.
pub(crate) fn rekeyed(scene: &mut Scene) -> Verdicts {
    scene.each(|master, minion| {
        key(master, "-d", &minion.id, &[]);
        wait_in(&master.api(), "minions_pre", &minion.id);
        key(master, "-a", &minion.id, &[]);
        wait_answers(master, &minion.id);
        let list = master.api().get("/keys");
        let denied = list["minions_denied"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        assert!(!denied.contains(&json!(minion.id)), "{list}");
    })
}

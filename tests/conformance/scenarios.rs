//! What every release must be able to do, once it is in.

use serde_json::{Value, json};
use tests::random::Random;
use tests::real_minion::RealMinion;
use tests::test_master::TestMaster;

use crate::scene::{Scene, salt, wait_answers};
use crate::table::Verdicts;

/// Bytes of the large return.
const RETURN_BYTES: usize = 20_000_000;

/// Bytes of the large file: a last piece that is not whole.
const FILE_BYTES: usize = 30 * 1024 * 1024 + 17;

/// Judges one answer that all were asked for at once.
fn from_all(scene: &mut Scene, words: &[&str], is_right: fn(&Value, &str) -> bool) -> Verdicts {
    let words = [&["m-*"], words, &["--out=json", "--static"]].concat();
    // The exit code is of all together: one failure would be everybody's.
    let said = scene.master.run("cmd", &words);
    let said: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| json!({}));
    scene.each(|_, minion| {
        let answer = &said[&minion.id];
        assert!(is_right(answer, &minion.id), "{answer}");
    })
}

pub(crate) fn ping(scene: &mut Scene) -> Verdicts {
    from_all(scene, &["test.ping"], |answer, _| answer == true)
}

pub(crate) fn arguments(scene: &mut Scene) -> Verdicts {
    scene.each(|master, minion| {
        let id = minion.id.as_str();
        let said = salt(master, &[id, "test.arg", "one", "2", "three=[3, 4]"]);
        assert_eq!(said[id]["args"], json!(["one", 2]), "{said}");
        assert_eq!(said[id]["kwargs"]["three"], json!([3, 4]), "{said}");
        // A failure comes back with the minion's words. (A function that does not exist would be
        // looked for by old minions in all their modules, for minutes.)
        let words = [id, "test.exception", "boom", "--out=json", "--static"];
        let said = master.run("cmd", &words);
        assert_ne!(said.code, 0, "{said:?}");
        assert!(said.out.contains("boom"), "{said:?}");
    })
}

pub(crate) fn grains(scene: &mut Scene) -> Verdicts {
    scene.each(|master, minion| {
        let id = minion.id.as_str();
        let version = id.trim_start_matches("m-");
        let target = format!("G@saltversion:{version} and G@brine_suite:conformance");
        let said = salt(master, &["-C", &target, "test.ping"]);
        assert_eq!(said, json!({id: true}));
    })
}

pub(crate) fn pillar(scene: &mut Scene) -> Verdicts {
    from_all(scene, &["saltutil.refresh_pillar"], |_, _| true);
    // The newest release hides pillar values in what it returns; a template shows them below.
    from_all(scene, &["pillar.get", "who"], |answer, id| {
        answer == id || answer == "**********"
    })
}

pub(crate) fn sync(scene: &mut Scene) -> Verdicts {
    let synced = from_all(scene, &["saltutil.sync_all"], |answer, _| {
        answer["modules"] == json!(["modules.briny"])
            && answer["beacons"] == json!(["beacons.briny"])
    });
    let ran = from_all(scene, &["briny.taste"], |answer, _| answer == "salty");
    both(synced, ran)
}

/// A scenario of two halves.
fn both(first: Verdicts, mut second: Verdicts) -> Verdicts {
    for (id, verdict) in first {
        if verdict.is_err() {
            second.insert(id, verdict);
        }
    }
    second
}

pub(crate) fn state(scene: &mut Scene) -> Verdicts {
    let words = ["state.apply", "web", "-t", "120"];
    let applied = from_all(scene, &words, |answer, _| {
        let states = answer.as_object();
        states.is_some_and(|states| {
            states.len() == 2 && states.values().all(|state| state["result"] == true)
        })
    });
    // The same again changes nothing.
    let again = from_all(scene, &words, |answer, _| {
        let states = answer.as_object();
        states.is_some_and(|states| states.values().all(|state| state["changes"] == json!({})))
    });
    let written = scene.each(|_, minion| {
        let text = std::fs::read_to_string(minion.path("made/hello")).expect("the state's file");
        assert_eq!(text, format!("I am {}, and salty.\n", minion.id));
    });
    both(applied, both(again, written))
}

pub(crate) fn mine(scene: &mut Scene) -> Verdicts {
    let ids: Vec<String> = scene.ids().map(str::to_owned).collect();
    scene.one_by_one(|master, minion| {
        let id = minion.id.as_str();
        // Another reads what this one gave; alone, it reads its own.
        let other = ids.iter().find(|other| *other != id);
        let reader = other.map_or(id, String::as_str);
        assert_eq!(salt(master, &[id, "mine.send", "test.ping"])[id], true);
        let said = salt(master, &[reader, "mine.get", id, "test.ping"]);
        assert_eq!(said, json!({reader: {id: true}}));
        assert_eq!(salt(master, &[id, "mine.delete", "test.ping"])[id], true);
        let said = salt(master, &[reader, "mine.get", id, "test.ping"]);
        assert_eq!(said, json!({reader: {}}));
    })
}

pub(crate) fn event(scene: &mut Scene) -> Verdicts {
    scene.each(|master, minion| {
        let (id, before) = (minion.id.as_str(), master.head());
        salt(
            master,
            &[id, "event.send", "suite/hello", "{\"word\": \"hello\"}"],
        );
        let from_it = |event: &Value| event["data"]["id"] == id;
        let events = master.api().events_up_to(before, "suite/*", from_it);
        let event = events.last().expect("the event");
        assert_eq!(event["data"]["data"]["word"], "hello", "{event}");
    })
}

pub(crate) fn beacon(scene: &mut Scene) -> Verdicts {
    scene.each(|master, minion| {
        let (id, before) = (minion.id.as_str(), master.head());
        let lit = minion.path("beacon");
        std::fs::write(&lit, "lit").expect("a file");
        // Not in the minion's file: one that is not synced yet keeps an old minion busy searching.
        let data = format!("[{{file: {}}}]", lit.display());
        let said = salt(master, &[id, "beacons.add", "briny", &data]);
        assert_eq!(said[id]["result"], true, "{said}");
        let tag = format!("salt/beacon/{}/briny/*", minion.id);
        let events = master.api().events_up_to(before, &tag, |_| true);
        let event = events.last().expect("the event");
        assert_eq!(event["data"]["word"], "ahoy", "{event}");
        assert_eq!(event["data"]["id"], minion.id.as_str(), "{event}");
        let said = salt(master, &[id, "beacons.delete", "briny"]);
        assert_eq!(said[id]["result"], true, "{said}");
        std::fs::remove_file(&lit).expect("our file");
    })
}

pub(crate) fn large_return(scene: &mut Scene) -> Verdicts {
    scene.one_by_one(|master, minion| {
        let id = minion.id.as_str();
        let size = RETURN_BYTES.to_string();
        let said = salt(master, &[id, "briny.much", &size, "-t", "120"]);
        let text = said[id].as_str().expect("a text");
        assert_eq!(text.len(), RETURN_BYTES);
        let is_right = |piece: &[u8]| piece == b"0123456789abcdef";
        assert!(text.as_bytes().chunks(16).all(is_right), "other bytes");
    })
}

pub(crate) fn large_file(scene: &mut Scene) -> Verdicts {
    let mut bytes = vec![0; FILE_BYTES];
    Random::new(11).fill(&mut bytes);
    scene.master.write("salt/image.bin", &bytes);
    let sum = scene.master.path("salt/image.bin");
    let sum = sha256(&sum);
    scene.one_by_one(|master, minion: &mut RealMinion| {
        let id = minion.id.as_str();
        let there = minion.path("image.bin");
        let name = there.to_str().expect("a path in text");
        let said = salt(
            master,
            &[id, "cp.get_file", "salt://image.bin", name, "-t", "120"],
        );
        assert_eq!(said[id], name, "{said}");
        assert!(
            std::fs::read(&there).expect("the file") == bytes,
            "other bytes"
        );
        std::fs::remove_file(&there).expect("our file");
        let said = salt(master, &[id, "cp.hash_file", "salt://image.bin"]);
        assert_eq!(said[id]["hsum"], sum.as_str(), "{said}");
    })
}

/// The hash of a file, by a program that is not ours.
fn sha256(path: &std::path::Path) -> String {
    let output = std::process::Command::new("sha256sum").arg(path).output();
    let output = output.expect("sha256sum runs").stdout;
    let text = String::from_utf8(output).expect("text");
    text.split(' ').next().expect("a hash").to_owned()
}

pub(crate) fn restart(scene: &mut Scene) -> Verdicts {
    scene.master.restart();
    let back = scene.each(|master: &TestMaster, minion| {
        wait_answers(master, &minion.id);
        assert!(minion.is_running(), "it was restarted, or has ended");
    });
    let listed = scene.master.run("run", &["jobs.list_jobs", "--out=json"]);
    let jobs = listed.well().json();
    let outlived = jobs.as_object().is_some_and(|jobs| jobs.len() > 10);
    assert!(outlived, "jobs outlive the kill");
    back
}

//! What went wrong in Salt's masters, the classes that concern who may come in, what lies open on
//! the disk, and what a recording is worth: each test bears the names of its advisories.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use minion_protocol::crypt::{PublicKey, SigAlgo};
use minion_protocol::{Version, msgpack};
use model::{Map, Value};
use serde_json::json;
use tests::sim_minion::{Failure, SignIn, SimMinion};
use tests::test_master::{QUIET, TestMaster};
use tests::wait;

const VERSIONS: [Version; 3] = [Version::V0, Version::V2, Version::V3];

/// The answer from which minions recover by signing in again.
const BAD_LOAD: &[u8] = b"\xa8bad load";

fn accepted(master: &TestMaster, id: &str, version: Version) -> SimMinion {
    let mut minion = SimMinion::new(id, version, master.ports());
    minion.sign_in_accepted();
    minion
}

fn named(master: &TestMaster, version: Version) -> SimMinion {
    accepted(master, &format!("v{}", version.number()), version)
}

/// Asks for every local command with what a thief might have; gives nothing and does nothing.
fn nothing_is_given_for(master: &TestMaster, credentials: &[&[(&str, &str)]]) {
    let stranger = SimMinion::new("web", Version::V3, master.ports());
    for cmd in ["publish", "runner", "wheel", "mk_token", "get_token"] {
        for credential in credentials {
            let mut load = Map::from([("cmd", cmd), ("fun", "key.accept"), ("tgt", "*")]);
            for (name, value) in *credential {
                load.insert(*name, *value);
            }
            let answer = stranger.clear(load).expect("an answer");
            let is_refused = answer.get("error").is_some();
            assert!(is_refused, "{cmd} {credential:?}: {answer:?}");
        }
    }
    assert_eq!(master.api().get("/jobs"), json!([]));
}

#[test]
fn cve_2018_15751_cve_2020_16846_cve_2020_25592_no_shell_and_no_password_counts() {
    let master = TestMaster::start_with("auto_accept: True");
    let made = master.path("made-by-a-stranger");
    let shell = format!("a; touch {}", made.display());
    let credentials: [&[(&str, &str)]; 3] = [
        &[("client", "ssh"), ("ssh_priv", &shell), ("tgt", &shell)],
        &[("eauth", "pam"), ("username", "root"), ("password", "")],
        &[("client", "ssh"), ("eauth", "x"), ("token", "")],
    ];
    nothing_is_given_for(&master, &credentials);
    assert!(!made.exists());
    // What gives local control is its owner's alone.
    let socket = master.root().join("var/run/salt/master/brine.sock");
    let mode = std::fs::metadata(socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

#[test]
fn cve_2021_25315_cve_2021_3144_cve_2022_22967_no_token_and_no_user_counts() {
    let master = TestMaster::start_with("auto_accept: True");
    let credentials: [&[(&str, &str)]; 4] = [
        &[("key", "")],
        &[("token", "0123456789abcdef"), ("client", "ssh")],
        &[("token", ""), ("user", "root")],
        &[("eauth", "pam"), ("username", "nobody"), ("password", "x")],
    ];
    nothing_is_given_for(&master, &credentials);
}

#[test]
fn cve_2018_15750_no_path_of_the_api_leads_to_a_file() {
    let master = TestMaster::start_with("auto_accept: True");
    let ways = [
        "../../../../etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2fetc%2fpasswd",
    ];
    for route in ["jobs", "runs", "minions", "keys", "events", ""] {
        for way in ways {
            let (status, body) = master.api().try_get(&format!("/{route}/{way}")).unwrap();
            assert_ne!(status, 200, "/{route}/{way}: {body}");
            assert!(
                !body.to_string().contains("root:"),
                "/{route}/{way}: {body}"
            );
        }
    }
}

#[test]
fn cve_2017_14695_nobody_enrols_under_a_path() {
    let master = TestMaster::start_with("auto_accept: True");
    let before = files_below(&master.root().join("etc/salt/pki/master"));
    for version in VERSIONS {
        for id in ["../minions_pre/x", "a/b", "..", ".", "", "a\\b", "x\0y"] {
            let mut stranger = SimMinion::new(id, version, master.ports());
            let signed_in = stranger.sign_in();
            assert!(
                matches!(signed_in, Ok(SignIn::Refused) | Err(Failure::Word(_))),
                "{id:?}: {signed_in:?}"
            );
        }
    }
    assert_eq!(
        files_below(&master.root().join("etc/salt/pki/master")),
        before
    );
}

/// A minion knows the key that all share. It can read jobs with it; it can neither send one nor
/// sign one.
#[test]
fn cve_2017_7893_a_minion_is_not_taken_for_the_master() {
    let master = TestMaster::start_with("auto_accept: True");
    for version in VERSIONS {
        let liar = named(&master, version);
        let job = Map::from([
            ("fun", Value::str("cmd.run")),
            ("arg", Value::List(vec!["id".into()])),
            ("tgt", Value::str("*")),
            ("jid", Value::str("20261121081655861002")),
            ("user", Value::str("root")),
        ]);
        for cmd in ["publish", "_send_pub", "wheel", "runner"] {
            let answer = liar.request(cmd, job.clone());
            let is_nothing = matches!(&answer, Ok(Value::Map(map)) if map.is_empty());
            assert!(is_nothing, "{cmd} of {version:?}: {answer:?}");
        }
    }
    assert_eq!(master.api().get("/jobs"), json!([]));
    let listener = accepted(&master, "listener", Version::V3);
    let mut wire = listener.subscribe().unwrap();
    let parts = wire.hear_first(|| {
        master.publish("*", "test.ping", &[]).unwrap();
    });
    // Checks the signature, too.
    assert!(listener.open_publication(&parts).is_some());
}

#[test]
fn cve_2016_9639_a_deleted_minion_reads_and_asks_nothing_more() {
    let master = TestMaster::start_with(QUIET);
    let witness = accepted(&master, "witness", Version::V3);
    for version in VERSIONS {
        let mut gone = named(&master, version);
        let shared = gone.master_aes();
        let mut wire = gone.subscribe().unwrap();
        master.run("key", &["-y", "-d", &gone.id]).well();
        for cmd in ["_file_envs", "_master_opts", "_file_list"] {
            let answer = gone.request(cmd, Map::from([("saltenv", "base")]));
            assert!(
                matches!(&answer, Err(Failure::Word(word)) if word == "bad load"),
                "{answer:?}"
            );
        }
        let mut fresh = witness.clone();
        fresh.sign_in_accepted();
        assert_ne!(
            fresh.master_aes(),
            shared,
            "the key it knew is still in use"
        );
        // What was published before may still be on its way, under the key of then.
        let mut jids = Vec::new();
        let parts = wait::until("a job of now", || {
            let publish = || jids.push(master.publish("witness", "test.ping", &[]).unwrap());
            let parts = wire.hear_first(publish);
            let jid = fresh.open_publication(&parts)?.get("jid")?.to_text();
            jids.contains(&jid).then_some(parts)
        });
        assert!(
            gone.open_publication(&parts).is_none(),
            "it reads jobs still"
        );
        // Its place is free: it comes back as a stranger would.
        assert_eq!(gone.sign_in().unwrap(), SignIn::Accepted);
    }
}

/// Whoever stands between minion and master can change neither an answer to a sign-in nor a pillar:
/// both are signed, and bound to the question.
#[test]
fn cve_2022_22934_cve_2022_22935_answers_are_signed_and_bound_to_their_questions() {
    let master = TestMaster::start_with("");
    let pem = std::fs::read_to_string(master.root().join("etc/salt/pki/master/master.pub"));
    let public = PublicKey::from_pem(&pem.unwrap()).unwrap();
    for version in [Version::V2, Version::V3] {
        let minion = SimMinion::new(&format!("v{}", version.number()), version, master.ports());
        let nonce = format!("{:032}", version.number());
        let load = Map::from([
            ("cmd", "_auth"),
            ("id", &minion.id),
            ("pub", minion.key.public_pem()),
            ("nonce", &nonce),
        ]);
        // It waits: even that is signed.
        let answer = minion.clear(load).unwrap();
        let field = |name| answer.get(name).and_then(Value::as_bytes).expect("bytes");
        assert!(public.verify(field("load"), field("sig"), SigAlgo::default()));
        let inner = msgpack::decode(field("load")).unwrap();
        assert_eq!(inner.get("ret"), Some(&Value::Bool(true)));
        assert_eq!(inner.get("nonce"), Some(&Value::str(&nonce)));
        master.run("key", &["-y", "-a", &minion.id]).well();
        let mut minion = minion;
        minion.sign_in_accepted();
        // Panics unless it is signed by the master and bound to the request.
        minion.pillar().unwrap();
    }
}

#[test]
fn cve_2022_22936_cve_2024_38823_what_was_recorded_is_worth_nothing() {
    let master = TestMaster::start_with("auto_accept: True");
    let minion = named(&master, Version::V3);
    let data = Map::from([("token", "old")]);
    let load = Map::from([("data", Value::from(data)), ("clear", Value::Bool(false))]);
    let recorded = minion.sealed("_mine", load).body;
    minion.sends(&recorded).unwrap();
    let newer = Map::from([("data", Map::from([("token", "new")]))]);
    minion.request("_mine", newer).unwrap();
    assert_eq!(minion.sends(&recorded).unwrap(), BAD_LOAD);
    let asked = Map::from([("tgt", "v3"), ("fun", "token"), ("tgt_type", "glob")]);
    let kept = minion.request("_mine_get", asked).unwrap();
    assert_eq!(kept.get("v3"), Some(&Value::str("new")));
}

#[test]
fn cve_2025_62348_yaml_makes_no_objects() {
    let mut master = TestMaster::prepare("auto_accept: True");
    let made = master.path("made-by-yaml");
    let object = format!(
        "said: !!python/object/apply:os.system ['touch {}']\n",
        made.display()
    );
    master.write("pillar/top.sls", "base:\n  '*':\n    - said\n");
    master.write("pillar/said.sls", object);
    master.start();
    let pillar = named(&master, Version::V3).pillar().unwrap();
    assert!(pillar.get("_errors").is_some(), "{pillar:?}");
    assert!(!made.exists());
}

/// What the master keeps is its user's: nobody else on the machine reads a key, a return or a mine.
#[test]
fn cve_2015_8034_nothing_kept_is_open_to_others() {
    let master = TestMaster::start_with("auto_accept: True");
    let minion = named(&master, Version::V3);
    let jid = master.publish("*", "test.ping", &[]).unwrap();
    minion
        .returns(&jid, "test.ping", "a secret return")
        .unwrap();
    let mine = Map::from([("data", Map::from([("token", "x")]))]);
    minion.request("_mine", mine).unwrap();
    let mut looked = 0;
    for path in files_below(master.root()) {
        // A file that is being replaced has another name for a moment.
        let Ok(metadata) = std::fs::metadata(&path) else {
            continue;
        };
        let mode = metadata.permissions().mode();
        let is_public = path.to_string_lossy().contains("/pki/") && !is_private(&path)
            || path.extension().is_some_and(|end| end == "pid");
        // A group may read the log, as Salt's: another test looks for credentials in it.
        let is_log = path.starts_with(master.root().join("var/log")) && mode & 0o007 == 0;
        let is_closed = mode & 0o077 == 0 || is_below_closed(&path, master.root());
        assert!(
            is_public || is_log || is_closed,
            "{} has mode {mode:o}",
            path.display()
        );
        looked += 1;
    }
    assert!(looked > 5, "{looked}");
}

fn is_private(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".pem") || name.contains("key") || name.contains("secret")
}

/// Says whether a folder on the way to a file lets nobody else in.
fn is_below_closed(path: &Path, root: &Path) -> bool {
    let is_closed = |folder: &Path| {
        let metadata = std::fs::metadata(folder).expect("a folder");
        metadata.permissions().mode() & 0o077 == 0
    };
    let folders = path.ancestors().skip(1);
    folders.take_while(|folder| *folder != root).any(is_closed)
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.is_file() => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

/// Two environments have a file of one name: each is its own, whatever was asked before.
#[test]
fn cve_2023_20898_environments_are_not_mixed_up() {
    let mut master = TestMaster::prepare("auto_accept: True");
    let roots = ["base", "dev"].map(|env| {
        master.write(&format!("{env}/app.conf"), format!("of {env}\n"));
        format!("{env}: [{}]", master.path(env).display())
    });
    let config = std::fs::read_to_string(master.path("etc/master")).unwrap();
    let old = format!("{{base: [{}]}}", master.path("salt").display());
    let config = config.replace(&old, &format!("{{{}}}", roots.join(", ")));
    master.write("etc/master", config);
    master.start();
    let minion = named(&master, Version::V3);
    let mut sums = Vec::new();
    for env in ["base", "dev", "base", "dev"] {
        let load = Map::from([
            ("path", Value::str("app.conf")),
            ("saltenv", Value::str(env)),
            ("loc", Value::Int(0)),
        ]);
        let served = minion.request("_serve_file", load.clone()).unwrap();
        assert_eq!(served.get("data"), Some(&Value::str(format!("of {env}\n"))));
        sums.push(minion.request("_file_hash", load).unwrap());
    }
    assert_ne!(sums[0], sums[1]);
    assert_eq!(sums[..2], sums[2..]);
}

/// An operator's target that nobody matches reaches nobody: there is no master of masters that
/// would pass it on.
#[test]
fn cve_2022_22941_a_target_that_matches_nobody_reaches_nobody() {
    let master = TestMaster::start_with(&format!("{QUIET}\norder_masters: True"));
    let listener = named(&master, Version::V3);
    let mut wire = listener.subscribe().unwrap();
    wire.hear_first(|| {
        master.publish("*", "test.ping", &[]).unwrap();
    });
    let said = master.run("cmd", &["nobody*", "test.ping"]);
    assert_ne!(said.code, 0, "{said:?}");
    // What is published comes in order: all that was before this job.
    let last = master.publish("*", "test.echo", &["last"]).unwrap();
    loop {
        let parts = wire.receive().unwrap();
        let job = listener.open_publication(&parts).expect("our key");
        let text = |field| job.get(field).map(Value::to_text).unwrap_or_default();
        assert_eq!(text("tgt"), "*", "it was published all the same: {job:?}");
        if text("jid") == last {
            break;
        }
    }
}

//! Minions that hold the master to a second key: `verify_master_pubkey_sign` of theirs against
//! `master_sign_pubkey` of ours.

use minion_protocol::crypt::MasterKey;
use tests::real_minion::{RealMinion, installed};
use tests::test_master::TestMaster;
use tests::wait;

use crate::scene::{COMING_UP_SECS, wait_answers, words_of};
use crate::table::Verdicts;

/// What is tried.
pub(crate) const NAME: &str = "a signed master, and one that is signed by another";

/// What every release logs of a master that it does not believe.
const DISBELIEF: &str = "did not authenticate";

/// Name of the signing key at both sides.
const SIGNING_KEY: &str = "master_sign.pub";

/// Two minions of each release: one has the master's signing key, the other another one.
pub(crate) fn judge(releases: &[String]) -> Verdicts {
    let config = "auto_accept: True\nmaster_sign_pubkey: True\ntimeout: 60";
    let master = TestMaster::start_with(config);
    let path = master.root().join("etc/salt/pki/master").join(SIGNING_KEY);
    let right = std::fs::read_to_string(path).expect("the signing key");
    let wrong = MasterKey::generate(2048)
        .expect("a key")
        .public_pem()
        .to_owned();
    let prepare = |release: &String| {
        let venv = installed(release).ok()?;
        let minion = |name: &str, pem: &str| {
            let id = format!("{name}-{release}");
            let config = "verify_master_pubkey_sign: True\nalways_verify_signature: True";
            let minion = RealMinion::prepare(&venv, &id, master.ports(), config);
            minion.give_key(SIGNING_KEY, pem);
            minion
        };
        Some((minion("m", &right), minion("wrong", &wrong)))
    };
    let pairs: Vec<_> = releases.iter().filter_map(prepare).collect();
    // One release after the other: a python takes most of a processor while it comes up.
    let tried = pairs.into_iter().map(|(believer, doubter)| {
        let id = believer.id.clone();
        let both = std::panic::AssertUnwindSafe(|| believes(&master, believer, doubter));
        let verdict = std::panic::catch_unwind(both).map_err(|panic| words_of(panic.as_ref()));
        (id, verdict)
    });
    tried.collect()
}

fn believes(master: &TestMaster, mut believer: RealMinion, mut doubter: RealMinion) {
    believer.spawn();
    doubter.spawn();
    wait_answers(master, &believer.id);
    wait::until_within("a minion that disbelieves", COMING_UP_SECS, || {
        doubter.log().contains(DISBELIEF).then_some(())
    });
    assert!(
        !believer.log().contains(DISBELIEF),
        "it doubts its own master"
    );
    // The master accepted its key; it is the minion that stays away.
    let words = [
        doubter.id.as_str(),
        "test.ping",
        "--out=json",
        "--static",
        "-t",
        "5",
    ];
    let said = master.run("cmd", &words);
    assert!(
        !said.out.contains("true"),
        "a minion that disbelieves works: {said:?}"
    );
}

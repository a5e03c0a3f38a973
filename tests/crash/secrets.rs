//! Kills while a secret is made, waits, and is read: its reader always gets it, and it is revoked
//! once.

use minion_protocol::Version;
use model::{Map, Value};
use tests::random::Random;
use tests::sim_minion::SimMinion;
use tests::test_master::TestMaster;
use tests::wait;
use tests::worker::{SECRET, Worker};

/// Runs, each with kills of its own.
const RUNS: u32 = 6;
/// Kills of one run.
const KILLS: u32 = 3;

const SLS: &str = "
token:
  salt.secret:
    - name: join
    - function: secret.make
    - tgt: maker
    - readers: [reader]
    - revoke: {function: secret.revoke}
hold:
  salt.wait_for_event:
    - name: salt/minion/*/start
    - id_list: [web]
    - timeout: 900
    - require: [{salt: token}]
";

/// Asks until there is an answer with the secret in it, as a real minion's request is repeated.
fn read(mut reader: SimMinion) -> Value {
    wait::until("the reader to read", || {
        reader.sign_in().ok()?;
        let load = Map::from([
            ("id", Value::str("reader")),
            ("tok", Value::Bytes(reader.token())),
            ("tgt", Value::str("maker")),
            ("fun", Value::str("join")),
            ("tgt_type", "glob".into()),
        ]);
        let answer = reader.request("_mine_get", load).ok()?;
        format!("{answer:?}").contains(SECRET).then_some(answer)
    })
}

#[test]
fn a_reader_gets_its_secret_whenever_the_master_dies() {
    let (seed, mut random) = Random::seeded(11);
    eprintln!("seed {seed}");
    let mut master = TestMaster::prepare("auto_accept: True\ntimeout: 1\ngather_job_timeout: 1");
    master.write("salt/secret.sls", SLS);
    master.start();
    let maker = Worker::start("maker", Version::V3, master.ports());
    let [reader, mut web] =
        ["reader", "web"].map(|id| SimMinion::new(id, Version::V3, master.ports()));
    for number in 1..=RUNS {
        let run = master.orchestrate("secret");
        let reader = reader.clone();
        let reader = std::thread::spawn(move || read(reader));
        for _ in 0..KILLS {
            wait::pause(random.within(0..400));
            master.restart();
        }
        reader.join().expect("it read");
        wait::until("the start to be heard", || {
            web.sign_in().ok()?;
            web.fires_start().ok()
        });
        let view = master.wait_run(&run);
        assert_eq!(view["phase"], "succeeded", "{view:#}");
        let received = maker.received();
        let jids: std::collections::BTreeSet<_> = received
            .iter()
            .filter(|load| load.get("fun") == Some(&Value::str("secret.revoke")))
            .filter_map(|load| load.get("jid").map(Value::to_text))
            .collect();
        assert_eq!(jids.len(), number as usize, "one revocation a run");
    }
}

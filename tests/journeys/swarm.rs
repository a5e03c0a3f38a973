//! `brine swarm` against the master: what it measures is really answered, and strangers beside it
//! do no harm.

use std::process::Command;

use serde_json::Value;
use tests::brine;
use tests::test_master::TestMaster;

/// Runs the swarm with 1,024-bit keys that are made once for all tests of a folder.
fn swarm(master: &TestMaster, words: &[&str]) -> Value {
    let (publish_port, ret_port) = master.ports();
    let output = Command::new(brine::binary())
        .args(["swarm", "--out", "json", "--key-bits", "1024"])
        .args(["--distinct-keys", "2", "--minions", "4", "--at-once", "2"])
        .arg("--keys")
        .arg(master.path("keys"))
        .args(["--publish-port", &publish_port.to_string()])
        .args(["--ret-port", &ret_port.to_string()])
        .args(words)
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn every_protocol_is_answered_in_every_mode_that_asks() {
    let master = TestMaster::start_with("auto_accept: True");
    master.write("salt/file.bin", vec![7; 300_000]);
    for protocol in ["v0", "v2", "v3"] {
        let prefix = format!("{protocol}-");
        for mode in ["herd", "auth", "mixed"] {
            let words = ["--mode", mode, "--protocol", protocol, "--prefix", &prefix];
            let result = swarm(&master, &[&words[..], &["--count", "4"]].concat());
            let expected = if mode == "herd" { 4 } else { 16 };
            assert_eq!(result["done"], expected, "{result}");
        }
    }
}

#[test]
fn a_job_is_answered_by_all_while_strangers_misbehave() {
    // Each answer to a question after the job would be counted, too.
    let master = TestMaster::start_with("auto_accept: True\ntimeout: 600");
    for mischief in ["rubbish", "stall", "vanish"] {
        let etc = master.path("etc");
        let publish = format!(
            "{} cmd -c {} 'swarm-*' test.ping --out=txt",
            brine::binary().display(),
            etc.display()
        );
        let strangers = ["--strangers", "8", "--mischief", mischief];
        let words = ["--mode", "ping", "--publish", &publish];
        let result = swarm(&master, &[&words[..], &strangers].concat());
        assert_eq!(result["done"], 4, "{mischief}: {result}");
        assert_eq!(result["publish"]["exit_code"], 0, "{mischief}: {result}");
        assert!(
            result["stranger_connections"].as_u64() > Some(0),
            "{result}"
        );
    }
}

#[test]
fn a_mode_without_an_end_is_refused_with_the_way_out() {
    let output = Command::new(brine::binary())
        .args(["swarm", "--mode", "idle"])
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("--for SECONDS"), "{said}");
}

//! Kills while the master itself is at work for a step: a command, or conditions.
//!
//! No minion takes part. What was done before the master died is counted in files.

use std::fs;

use serde_json::Value;
use tests::test_master::TestMaster;
use tests::wait;

/// Each command leaves a line, and is at work long enough to be interrupted; the second time it
/// ends at once.
const SLS: &str = "
once:
  cmd.run:
    - name: 'echo x >> DIR/once; sleep 20'
again:
  cmd.run:
    - name: 'echo x >> DIR/again; test $(wc -l < DIR/again) -gt 1 || sleep 20'
    - retry: {attempts: 2, interval: 1}
asked:
  test.nop:
    - onlyif: 'echo x >> DIR/asked; sleep 20'
judged:
  test.succeed_with_changes:
    - check_cmd: 'echo x >> DIR/judged; sleep 20'
after:
  file.managed:
    - name: DIR/after
    - contents: written
";

fn lines(master: &TestMaster, name: &str) -> usize {
    let text = fs::read_to_string(master.path(name)).unwrap_or_default();
    text.lines().count()
}

/// Waits until a step has left its line, and kills the master.
fn kill_during(master: &mut TestMaster, name: &str) {
    wait::until("the step to be at work", || {
        (lines(master, name) > 0).then_some(())
    });
    master.restart();
}

#[test]
fn what_the_master_was_at_when_it_died_is_not_done_again() {
    let mut master = TestMaster::prepare("template_commands: True");
    let dir = master.path("").display().to_string();
    master.write("salt/drill.sls", SLS.replace("DIR/", &dir));
    master.start();
    let run = master.orchestrate("drill");
    for step in ["once", "again", "asked", "judged"] {
        kill_during(&mut master, step);
    }
    let view = master.wait_run(&run);
    let steps = view["tree"].as_array().expect("steps");
    let told = |id: &str| -> (&Value, &str) {
        let step = steps.iter().find(|step| step["id"] == id);
        let ret = &step.expect("a step of that id")["ret"];
        (&ret["result"], ret["comment"].as_str().expect("a comment"))
    };
    let unknown = [
        ("once", "how that ended is not known", 1),
        ("asked", "they are not looked at again by themselves", 1),
        ("judged", "what it says is not known", 1),
    ];
    for (id, why, times) in unknown {
        let (result, comment) = told(id);
        assert_eq!(result, false, "{view:#}");
        assert!(comment.contains(why), "{comment}");
        assert_eq!(lines(&master, id), times, "{id}");
    }
    assert_eq!(
        told("again").0,
        true,
        "its own retry did it again: {view:#}"
    );
    assert_eq!(lines(&master, "again"), 2);
    assert_eq!(told("after").0, true, "{view:#}");
    assert_eq!(lines(&master, "after"), 1);
    assert_eq!(view["phase"], "failed");
}

//! The cluster orchestration of ours, `orch.kubic`: what it says to a table of nodes that cannot
//! work, before anything is sent.

use std::path::Path;

use minion_protocol::Version;
use tests::sim_minion::SimMinion;
use tests::test_master::{Said, TestMaster};
use tests::wait;

/// Starts a master that serves the formula.
fn master() -> TestMaster {
    // Nobody asks after those who never answer.
    let mut master = TestMaster::prepare("auto_accept: True\ntimeout: 600");
    let formula = Path::new(env!("CARGO_MANIFEST_DIR")).join("../formulas/kubic");
    let roots = format!(
        "file_roots: {{base: [{f}/salt]}}\npillar_roots: {{base: [{f}/pillar]}}\n",
        f = formula.display()
    );
    master.write("etc/master.d/kubic.conf", roots);
    master.start();
    master
}

fn orchestrate(master: &TestMaster, nodes: &str) -> Said {
    let pillar = format!("pillar={{kubic: {{nodes: {nodes}}}}}");
    master.run("run", &["state.orchestrate", "orch.kubic", &pillar])
}

fn refused(said: &Said, expected: &str) {
    assert_eq!(said.code, 1, "{said:?}");
    let all = format!("{}{}", said.out, said.err);
    assert!(all.contains(expected), "{all}");
}

/// The rows that the pillar has of its own, without a control plane.
const NO_EXAMPLES: &str =
    "'00:00:00:11:11:11': {role: worker}, '00:00:00:22:22:22': {role: worker}";

#[test]
fn a_role_without_nodes_is_named() {
    let master = master();
    refused(
        &orchestrate(&master, &format!("{{{NO_EXAMPLES}}}")),
        "one node must be the control_plane, the table has 0",
    );
    refused(
        &orchestrate(&master, "{x: {role: controlplane}}"),
        "x has the role controlplane; known are control_plane and worker",
    );
    assert!(
        master
            .api()
            .get("/runs")
            .as_array()
            .is_some_and(Vec::is_empty)
    );
}

#[test]
fn a_node_that_is_not_accepted_ends_the_run_at_its_first_step() {
    let master = master();
    let _stranger = SimMinion::new("00:00:00:22:22:22", Version::V3, master.ports());
    refused(
        &orchestrate(&master, "{}"),
        "Minion 00:00:00:22:22:22 is not an accepted minion of this master.",
    );
    let run = master.api().get("/runs")[0]["run"]
        .as_str()
        .map(str::to_owned);
    let view = master.api().get(&format!("/runs/{}", run.expect("a run")));
    let ran = |step: &serde_json::Value| step["phase"] != "skipped" && step["phase"] != "pending";
    let steps = view["tree"].as_array().expect("steps");
    let ran: Vec<_> = steps.iter().filter(|step| ran(step)).collect();
    assert_eq!(ran.len(), 1, "{view:#}");
}

#[test]
fn a_second_run_for_one_cluster_names_the_first() {
    let master = master();
    // It is accepted and never answers: the run goes on until it is called off.
    for id in ["00:00:00:11:11:11", "00:00:00:22:22:22"] {
        SimMinion::new(id, Version::V3, master.ports()).sign_in_accepted();
    }
    let run = master.orchestrate("orch.kubic");
    refused(
        &orchestrate(&master, "{}"),
        &format!("run {run} of orch.kubic, started by root"),
    );
    let other = "pillar={kubic: {cluster: another}}";
    let words = ["--async", "state.orchestrate", "orch.kubic", other];
    master.run("run", &words).well();
    wait::until("both runs to be there", || {
        (master.api().get("/runs").as_array()?.len() == 2).then_some(())
    });
}

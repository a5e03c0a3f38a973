//! What a person sees.

use super::*;

fn view() -> RunView {
    serde_json::from_str(include_str!("../../../testdata/run.json")).unwrap()
}

fn frame(width: usize, height: usize) -> Frame {
    Frame {
        now: Timestamp(1_795_249_144_000_000),
        width,
        height,
        palette: Palette::new(false),
        is_ascii: false,
    }
}

#[test]
fn a_run_is_drawn_as_its_golden_file() {
    let drawn = draw(&view(), &frame(80, 40)).join("\n") + "\n";
    let golden = include_str!("../../../testdata/run.tree.txt");
    assert_eq!(drawn, golden, "drawn:\n{drawn}");
}

#[test]
fn no_line_is_wider_and_no_tree_higher_than_the_screen() {
    for width in [1, 10, 37, 80] {
        for height in [1, 3, 5, 9, 40] {
            let drawn = draw(&view(), &frame(width, height));
            assert!(drawn.len() <= height, "{height}: {drawn:#?}");
            assert!(drawn.iter().all(|line| line.chars().count() <= width));
        }
    }
}

#[test]
fn a_dumb_terminal_is_shown_ascii_only() {
    let frame = Frame {
        is_ascii: true,
        ..frame(30, 40)
    };
    let drawn = draw(&view(), &frame).join("\n");
    assert!(drawn.is_ascii(), "{drawn}");
}

#[test]
fn each_targeted_minion_is_drawn_in_exactly_one_group() {
    use model::api::MinionPhase::*;
    let phases = [
        Waiting, Running, Ok, Failed, Rebooted, Lost, Cancelled, NeverSeen,
    ];
    let mut view = view();
    let step = view.tree.get_mut(1).unwrap();
    step.minions.clear();
    for (number, phase) in phases.into_iter().cycle().take(19).enumerate() {
        let id = format!("minion{number}").parse().unwrap();
        step.minions.insert(id, phase);
    }
    step.missing = vec!["nobody".into()];
    assert_eq!(step.counts().targeted(), 20);
    let drawn = draw(&view, &frame(200, 60)).join("\n");
    let numbers = drawn.lines().filter_map(|line| {
        let (count, rest) = line.trim().split_once(' ')?;
        rest.contains(": minion")
            .then(|| count.parse::<usize>().unwrap())
    });
    assert_eq!(numbers.sum::<usize>(), 20, "{drawn}");
    assert!(drawn.contains("nobody"), "{drawn}");
}

#[test]
fn why_a_step_failed_is_wrapped_to_the_screen() {
    let mut view = view();
    let step = view.tree.get_mut(1).unwrap();
    step.phase = StepPhase::Failed;
    let comment = "Run failed on minions: a\nMinion a said many words that are long";
    step.ret = serde_json::from_value(serde_json::json!({"name": "x", "result": false,
        "changes": {}, "comment": comment,
        "__id__": "x", "__sls__": "o", "__run_num__": 0, "start_time": "", "duration": 0.0}))
    .ok();
    let drawn = draw(&view, &frame(30, 60));
    assert!(
        drawn
            .iter()
            .any(|line| line == "      Minion a said many words"),
        "{drawn:#?}"
    );
    assert!(
        drawn.iter().any(|line| line == "      that are long"),
        "{drawn:#?}"
    );
}

#[test]
fn what_runs_stays_when_the_screen_is_small() {
    let drawn = draw(&view(), &frame(80, 8)).join("\n");
    assert!(drawn.contains("install_microos"), "{drawn}");
}

#[test]
fn elapsed_times_have_one_unit_too_many() {
    let at = |millis: u64| elapsed(Timestamp(0), Timestamp(millis * 1000));
    assert_eq!(at(850), "0.8s");
    assert_eq!(at(12_727), "12.7s");
    assert_eq!(at(238_079), "3m 58s");
    assert_eq!(at(3_725_000), "1h 02m");
}

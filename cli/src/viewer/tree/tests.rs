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

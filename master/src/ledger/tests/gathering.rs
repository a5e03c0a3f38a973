//! Who waits for whom before an append.

use super::super::gathering::{Gathering, Pause, pause_before};
use super::*;

/// More than a test takes.
const FOREVER: Duration = Duration::from_secs(3600);

/// Inputs from which on a batch is no small one.
const MANY: usize = 16;

fn sign_in() -> Input {
    Input::Auth(Box::new(crate::auth::Attempt {
        id: id("a"),
        pem: String::new(),
        fingerprint: String::new(),
        version: 3,
        from: "127.0.0.1".into(),
        claim: crate::auth::decide::Claim::default(),
        is_over_max: false,
        is_old_gone: false,
    }))
}

#[test]
fn a_small_batch_waits_if_several_came_together_before() {
    let one = [event("one")];
    assert_eq!(pause_before(&one, 1, false), Pause::None, "it is alone");
    assert_eq!(pause_before(&one, 0, false), Pause::None, "a timer");
    assert_eq!(pause_before(&one, 1, true), Pause::Any);
    assert_eq!(pause_before(&[], 9, true), Pause::None, "questions alone");
    let many = vec![event("many"); MANY];
    assert_eq!(pause_before(&many, 100, true), Pause::None);
}

#[test]
fn sign_ins_wait_for_each_other_and_nothing_waits_for_them() {
    let one = [sign_in()];
    assert_eq!(pause_before(&one, 2, false), Pause::SignIns);
    assert_eq!(pause_before(&one, 1, false), Pause::None, "it is alone");
    let with_an_event = [sign_in(), event("two")];
    assert_eq!(pause_before(&with_an_event, 9, false), Pause::None);
    let many = vec![sign_in(); MANY];
    assert_eq!(pause_before(&many, 100, false), Pause::None);
}

#[test]
fn what_came_before_the_rest_is_not_waited_with() {
    let gathering = Gathering::default();
    gathering.begin();
    let mut looks = 0;
    gathering.rest_for_sign_ins(FOREVER, || {
        looks += 1;
        false
    });
    assert_eq!(looks, 2, "before the rest, and after it");
}

#[test]
fn a_rest_for_sign_ins_ends_when_anything_else_comes() {
    let gathering = Arc::new(Gathering::default());
    let (begins, began) = sync_channel(2);
    let ledger = std::thread::spawn({
        let gathering = Arc::clone(&gathering);
        move || {
            gathering.begin();
            gathering.rest_for_sign_ins(FOREVER, || begins.send(()).is_ok());
        }
    });
    began.recv().unwrap();
    gathering.wake();
    ledger.join().unwrap();
    began.recv().unwrap();
}

#[test]
fn what_is_at_work_is_counted_until_it_is_over() {
    let running = Running::start(Simulation::new().open());
    let one = running.handle.at_work();
    let two = running.handle.clone().at_work();
    assert_eq!(running.handle.gathering.at_work(), 2);
    drop((one, two));
    assert_eq!(running.handle.gathering.at_work(), 0);
}

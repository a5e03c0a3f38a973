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
    assert_eq!(pause_before(&one, false), Pause::None);
    assert_eq!(pause_before(&one, true), Pause::Any);
    assert_eq!(pause_before(&[], true), Pause::None, "questions alone");
    let many = vec![event("many"); MANY];
    assert_eq!(pause_before(&many, true), Pause::None);
}

#[test]
fn a_sign_in_waits_for_whatever_comes_and_nothing_waits_for_it() {
    let one = [sign_in()];
    for were_several in [false, true] {
        assert_eq!(pause_before(&one, were_several), Pause::SignIns);
    }
    let with_an_event = [sign_in(), event("two")];
    assert_eq!(pause_before(&with_an_event, false), Pause::None);
    let many = vec![sign_in(); MANY];
    assert_eq!(pause_before(&many, false), Pause::None);
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

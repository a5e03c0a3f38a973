//! What an operator's acts do to keys.

use super::decide::{Act, Include, on_act, on_found};
use super::*;
use model::MinionId;

fn changed(id: &str, change: KeyChange, pem: &str) -> KeyChanged {
    KeyChanged {
        id: id.parse().unwrap(),
        change,
        pem: pem.into(),
        by: "minion".into(),
    }
}

fn view() -> View {
    let mut view = View::default();
    view.apply(&changed("a", KeyChange::Accepted, "A"));
    view.apply(&changed("p", KeyChange::Pended, "P"));
    view.apply(&changed("r", KeyChange::Rejected, "R"));
    view.apply(&changed("a", KeyChange::Denied, "A2"));
    view
}

fn act(view: &mut View, act: Act, glob: &str, include: Include) -> Vec<String> {
    let changes = on_act(view, act, glob, include, "root");
    changes.iter().for_each(|change| view.apply(change));
    changes
        .iter()
        .map(|c| format!("{} {:?}", c.id, c.change))
        .collect()
}

#[test]
fn accepting_all_takes_the_pending_only() {
    let mut view = view();
    assert_eq!(
        act(&mut view, Act::Accept, "*", Include::default()),
        ["p Accepted"]
    );
    assert_eq!(view.list().minions, ["a", "p"]);
}

#[test]
fn an_accepted_denied_key_takes_the_place_of_the_live_one() {
    let mut view = view();
    let include = Include {
        denied: true,
        ..Include::default()
    };
    act(&mut view, Act::Accept, "a", include);
    let id: MinionId = "a".parse().unwrap();
    assert_eq!(view.get(&id).unwrap().pem, "A2");
    assert_eq!(view.denied(&id), None);
}

#[test]
fn deleting_takes_keys_wherever_they_are() {
    let mut view = view();
    act(&mut view, Act::Delete, "*", Include::default());
    assert_eq!(view.list(), model::api::KeyList::default());
}

#[test]
fn a_file_that_says_what_is_known_changes_nothing() {
    let view = view();
    let id: MinionId = "a".parse().unwrap();
    assert!(on_found(&view, &id, Phase::Accepted, "A").is_none());
    assert!(on_found(&view, &id, Phase::Accepted, "other").is_some());
}

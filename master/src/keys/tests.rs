//! What an operator's acts do to keys.

use super::decide::{Act, Include, on_act, on_denied_file, on_found, on_given};
use super::pattern::{Section, Wanted};
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
    let changes = on_act(view, act, &Wanted::read(glob), include, "root");
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
    assert!(on_found(&view, &id, Phase::Accepted, "A").is_empty());
    let changes = on_found(&view, &id, Phase::Accepted, "other");
    let kinds: Vec<_> = changes.iter().map(|change| change.change).collect();
    assert_eq!(
        kinds,
        [KeyChange::Deleted, KeyChange::Accepted],
        "what the first knew ends"
    );
    assert!(on_denied_file(&view, &id, Some("A2")).is_none());
    let gone = on_denied_file(&view, &id, None).unwrap();
    assert_eq!(gone.change, KeyChange::DeniedDeleted);
    let put = on_denied_file(&view, &"p".parse().unwrap(), Some("P2")).unwrap();
    assert_eq!(put.change, KeyChange::Denied);
}

#[test]
fn keys_are_found_by_list_place_and_fingerprint() {
    let pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----";
    let finger = minion_protocol::crypt::fingerprint(pem);
    let mut view = view();
    view.apply(&changed("q", KeyChange::Pended, pem));
    let ids = |wanted: Vec<Wanted>| {
        let changes = on_act(&view, Act::Delete, &wanted, Include::default(), "root");
        let shown = |change: &KeyChanged| format!("{} {:?}", change.id, change.change);
        changes.iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(ids(Wanted::read("p,q")), ["p Deleted", "q Deleted"]);
    assert_eq!(ids(Wanted::read(&finger)), ["q Deleted"]);
    assert_eq!(
        ids(vec![Wanted::exactly("a", Some(Section::Denied))]),
        ["a DeniedDeleted"],
        "the live key of that id stays"
    );
}

#[test]
fn an_id_with_wildcards_and_commas_means_itself_only() {
    let wanted = Wanted::exactly("web*,[1]", None);
    let matches = |id: &str| wanted.matches(Section::Accepted, &id.parse().unwrap(), "");
    assert!(matches("web*,[1]"));
    assert!(!matches("web01") && !matches("[1]"));
}

#[test]
fn a_key_made_in_advance_replaces_a_live_one_only_by_force() {
    let view = view();
    let given = |id: &str, is_forced| {
        let changes = on_given(&view, &id.parse().unwrap(), "NEW", is_forced, "root");
        changes
            .iter()
            .map(|change| change.change)
            .collect::<Vec<_>>()
    };
    use KeyChange::{Accepted, Deleted};
    assert_eq!(given("new", false), [Accepted]);
    assert_eq!(given("a", false), []);
    assert_eq!(given("a", true), [Deleted, Accepted]);
}

#[test]
fn the_highest_protocol_belongs_to_the_key_not_to_the_id() {
    let mut view = view();
    let id: MinionId = "a".parse().unwrap();
    view.apply(&changed("a", KeyChange::Spoke(3), "A"));
    view.apply(&changed("a", KeyChange::Accepted, "A"));
    assert_eq!(view.get(&id).unwrap().version, 3);
    view.apply(&changed("a", KeyChange::Accepted, "B"));
    assert_eq!(view.get(&id).unwrap().version, 0);
}

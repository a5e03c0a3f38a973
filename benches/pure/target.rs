//! Whom a target means, of ten thousand minions.

use std::collections::HashMap;
use std::sync::LazyLock;

use divan::{Bencher, black_box};
use master::jobs::decide::{Known, resolve};
use master::keys::{self, KeyChange, KeyChanged};
use model::target::{Target, TargetType};
use model::{Grains, Map, MinionId, Value};

const MINIONS: usize = 10_000;

struct Site {
    keys: keys::View,
    grains: HashMap<MinionId, Grains>,
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let mut keys = keys::View::default();
    let mut grains = HashMap::new();
    for number in 0..MINIONS {
        let id: MinionId = format!("web{number:05}.example.org").parse().unwrap();
        keys.apply(&KeyChanged {
            id: id.clone(),
            change: KeyChange::Accepted,
            pem: String::new(),
            by: "root".into(),
        });
        let of = Map::from([
            ("os", Value::str(["SUSE", "Debian"][number % 2])),
            ("mem_total", Value::from(1024 * (1 + number as u64 % 8))),
            (
                "roles",
                Value::List(vec![Value::str("web"), Value::str("edge")]),
            ),
        ]);
        grains.insert(id, Grains(of));
    }
    Site { keys, grains }
});

const CASES: [(&str, TargetType); 7] = [
    ("web00042.example.org", TargetType::Glob),
    ("*", TargetType::Glob),
    ("web*[05].example.org", TargetType::Glob),
    (r"web\d+5\.example\.org", TargetType::Pcre),
    ("os:SUSE", TargetType::Grain),
    ("os:S[A-Z]+", TargetType::GrainPcre),
    (
        "G@os:SUSE and not ( web0* or E@web1.* ) and G@roles:edge",
        TargetType::Compound,
    ),
];

#[divan::bench(args = 0..CASES.len())]
fn one_of_ten_thousand(bencher: Bencher<'_, '_>, case: usize) {
    let (text, tgt_type) = CASES[case];
    let target = Target {
        tgt: Value::str(text),
        tgt_type,
    };
    bench(bencher, &target);
}

/// A list of a thousand ids.
#[divan::bench]
fn list_of_a_thousand(bencher: Bencher<'_, '_>) {
    let ids: Vec<MinionId> = SITE.grains.keys().take(1000).cloned().collect();
    bench(bencher, &Target::list(&ids));
}

fn bench(bencher: Bencher<'_, '_>, target: &Target) {
    let grains = |id: &MinionId| SITE.grains.get(id);
    let known = Known {
        keys: &SITE.keys,
        grains: &grains,
        nodegroups: &Map::new(),
    };
    bencher.bench_local(|| resolve(black_box(target), known, &HashMap::new()).unwrap());
}

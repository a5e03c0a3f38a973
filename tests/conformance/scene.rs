//! The scene: one master with its files, and a real minion of each release that can run here.

use serde_json::Value;
use tests::api::Api;
use tests::real_minion::{RealMinion, installed};
use tests::test_master::TestMaster;
use tests::wait;
use tests::worker::Worker;

use crate::table::{Table, Verdicts};

/// A release of each protocol generation, for every run of the tests: v0, v2, v3.
const USUAL: [&str; 3] = ["3000.9", "3005.5", "3008.5"];

/// Every release that is claimed to work.
const ALL: [&str; 9] = [
    "2019.2.8", "3000.9", "3002.9", "3004.2", "3005.5", "3006.9", "3006.30", "3007.17", "3008.5",
];

/// Names the releases to try: `all`, or some, separated by commas.
const RELEASES_VARIABLE: &str = "BRINE_RELEASES";

/// When a minion's coming up is given up: python on a busy machine of two cores takes most of a
/// minute.
pub(crate) const COMING_UP_SECS: u64 = 600;

const STATE: &str = "
{% set made = grains.made %}
folder:
  file.directory:
    - name: {{ made }}
    - makedirs: True
greeting:
  file.managed:
    - name: {{ made }}/hello
    - source: salt://web/hello.jinja
    - template: jinja
    - require:
      - file: folder
";

const ORCHESTRATION: &str = "
synced:
  salt.function:
    - name: saltutil.sync_all
    - tgt: 'm-*'
told:
  salt.function:
    - name: event.send
    - tgt: 'm-*'
    - arg: [suite/ready]
    - require: [{salt: synced}]
heard:
  salt.wait_for_event:
    - name: suite/ready
    - id_list: [IDS]
    - timeout: 120
    - require: [{salt: told}]
applied:
  salt.state:
    - tgt: 'm-*'
    - sls: [web]
    - require: [{salt: heard}]
";

const MODULE: &str = "def taste():\n    return 'salty'\n\n\n\
                      def much(size):\n    return '0123456789abcdef' * (int(size) // 16)\n";

const BEACON: &str = "import os\n\n\n\
                      def validate(config):\n    return True, 'any'\n\n\n\
                      def beacon(config):\n    \
                      files = [item['file'] for item in config if 'file' in item]\n    \
                      lit = [f for f in files if os.path.exists(f)]\n    \
                      return [{'tag': 'seen', 'word': 'ahoy'} for f in lit]\n";

/// A master and its minions.
pub(crate) struct Scene {
    /// Before the master, so that minions end first.
    pub(crate) minions: Vec<RealMinion>,
    pub(crate) master: TestMaster,
    /// A simulated minion for what needs one.
    pub(crate) lure: Option<Worker>,
}

/// The releases to try.
pub(crate) fn releases() -> Vec<String> {
    let named = std::env::var(RELEASES_VARIABLE).unwrap_or_default();
    let owned = |releases: &[&str]| releases.iter().map(|&release| release.to_owned()).collect();
    match named.as_str() {
        "" => owned(&USUAL),
        "all" => owned(&ALL),
        some => some.split(',').map(|one| one.trim().to_owned()).collect(),
    }
}

/// Says whether this run is of everything.
pub(crate) fn is_whole() -> bool {
    releases() == ALL
}

impl Scene {
    /// Installs, starts the master and the minions. `None` if none of the releases can run here.
    pub(crate) fn set(releases: &[String], table: &mut Table) -> Option<Self> {
        let mut venvs = Vec::new();
        for release in releases {
            let installed = installed(release);
            table.begin(release, installed.as_ref().err().cloned());
            venvs.extend(installed.ok().map(|venv| (release.clone(), venv)));
        }
        if venvs.is_empty() {
            return None;
        }
        let mut master = TestMaster::prepare("timeout: 60");
        master.write("pillar/top.sls", "base:\n  '*':\n    - who\n");
        master.write("pillar/who.sls", "who: {{ grains.id }}\ntaste: salty\n");
        master.write("salt/top.sls", "base:\n  '*':\n    - web\n");
        master.write("salt/web/init.sls", STATE);
        let template = "I am {{ pillar.who }}, and {{ pillar.taste }}.\n";
        master.write("salt/web/hello.jinja", template);
        master.write("salt/_modules/briny.py", MODULE);
        master.write("salt/_beacons/briny.py", BEACON);
        let ids: Vec<_> = venvs
            .iter()
            .map(|(version, _)| format!("m-{version}"))
            .collect();
        let orchestration = ORCHESTRATION.replace("IDS", &ids.join(", "));
        master.write("salt/orch.sls", orchestration);
        master.start();
        let start = |(version, venv): &(String, _)| {
            RealMinion::start(venv, &format!("m-{version}"), master.ports())
        };
        let minions = venvs.iter().map(start).collect();
        Some(Self {
            minions,
            master,
            lure: None,
        })
    }

    /// The minions' ids.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.minions.iter().map(|minion| minion.id.as_str())
    }

    /// Tries something with each minion, all at once; a panic is that minion's failure.
    pub(crate) fn each(&mut self, check: impl Fn(&TestMaster, &mut RealMinion) + Sync) -> Verdicts {
        let (master, check) = (&self.master, &check);
        std::thread::scope(|scope| {
            let tries = self.minions.iter_mut().map(|minion| {
                let id = minion.id.clone();
                let thread = std::thread::Builder::new().name(id.clone());
                let thread = thread.spawn_scoped(scope, move || check(master, minion));
                (id, thread.expect("a thread"))
            });
            let tries: Vec<_> = tries.collect();
            let join = |(id, thread): (String, std::thread::ScopedJoinHandle<'_, ()>)| {
                let verdict = thread.join().map_err(|panic| words_of(panic.as_ref()));
                (id, verdict)
            };
            tries.into_iter().map(join).collect()
        })
    }

    /// As [`Scene::each`], one after the other: for what is too large to be done at once.
    pub(crate) fn one_by_one(
        &mut self,
        check: impl Fn(&TestMaster, &mut RealMinion) + Sync,
    ) -> Verdicts {
        let (mut verdicts, mut done) = (Verdicts::new(), Vec::new());
        for minion in std::mem::take(&mut self.minions) {
            self.minions = vec![minion];
            verdicts.extend(self.each(&check));
            done.append(&mut self.minions);
        }
        self.minions = done;
        verdicts
    }

    /// Runs `salt` with these words; gives what it prints as one JSON document.
    pub(crate) fn salt(&self, words: &[&str]) -> Value {
        salt(&self.master, words)
    }
}

/// The words of a panic.
pub(crate) fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
    let line: String = words.unwrap_or("it broke").chars().take(400).collect();
    line.replace('\n', " ")
}

/// Runs `salt` with these words; gives what it prints as one JSON document.
pub(crate) fn salt(master: &TestMaster, words: &[&str]) -> Value {
    let words = [words, &["--out=json", "--static"]].concat();
    master.run("cmd", &words).well().json()
}

/// Says whether an id is in a place of the list of keys, such as `minions_pre`.
pub(crate) fn is_in(api: &Api, place: &str, id: &str) -> bool {
    let keys = api.get("/keys");
    let ids = keys[place].as_array();
    ids.is_some_and(|ids| ids.iter().any(|known| known == id))
}

/// Waits until a key is in a place.
pub(crate) fn wait_in(api: &Api, place: &str, id: &str) {
    wait::until_within(&format!("{id} in {place}"), COMING_UP_SECS, || {
        is_in(api, place, id).then_some(())
    });
}

/// Waits until a minion answers.
pub(crate) fn wait_answers(master: &TestMaster, id: &str) {
    wait::until_within(&format!("{id} to answer"), COMING_UP_SECS, || {
        let words = [id, "test.ping", "--out=json", "--static", "-t", "5"];
        let said = master.run("cmd", &words);
        let said: Value = serde_json::from_str(&said.out).ok()?;
        (said[id] == true).then_some(())
    });
}

//! The scene: one master with its files, and a real minion of each release that can run here.

use serde_json::Value;
use tests::real_minion::{RealMinion, installed};
use tests::test_master::TestMaster;
use tests::wait;

/// The releases: of Yomi's images, and the two that are maintained.
const RELEASES: [&str; 3] = ["3000.9", "3006.30", "3008.5"];

/// When a minion's coming up is given up: python on a busy machine of two cores takes most of a
/// minute.
const COMING_UP_SECS: u64 = 240;

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
    - tgt: '*'
told:
  salt.function:
    - name: event.send
    - tgt: '*'
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
    - tgt: '*'
    - sls: [web]
    - require: [{salt: heard}]
";

const MODULE: &str = "def taste():\n    return 'salty'\n";

/// A master and its minions.
pub(crate) struct Scene {
    /// Before the master, so that minions end first.
    pub(crate) minions: Vec<RealMinion>,
    pub(crate) master: TestMaster,
}

impl Scene {
    /// Installs, starts the master and the minions. `None` if no release can run here.
    pub(crate) fn set() -> Option<Self> {
        let venvs: Vec<_> = RELEASES
            .into_iter()
            .filter_map(|version| installed(version).map(|venv| (version, venv)))
            .collect();
        if venvs.is_empty() {
            return None;
        }
        let mut master = TestMaster::prepare("timeout: 15");
        master.write("pillar/top.sls", "base:\n  '*':\n    - who\n");
        master.write("pillar/who.sls", "who: {{ grains.id }}\ntaste: salty\n");
        master.write("salt/top.sls", "base:\n  '*':\n    - web\n");
        master.write("salt/web/init.sls", STATE);
        let template = "I am {{ pillar.who }}, and {{ pillar.taste }}.\n";
        master.write("salt/web/hello.jinja", template);
        master.write("salt/_modules/briny.py", MODULE);
        let ids: Vec<_> = venvs
            .iter()
            .map(|(version, _)| format!("m-{version}"))
            .collect();
        master.write(
            "salt/orch.sls",
            ORCHESTRATION.replace("IDS", &ids.join(", ")),
        );
        master.start();
        let start = |(version, venv): &(&str, _)| {
            RealMinion::start(venv, &format!("m-{version}"), master.ports())
        };
        let minions = venvs.iter().map(start).collect();
        Some(Self { minions, master })
    }

    /// The minions' ids.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.minions.iter().map(|minion| minion.id.as_str())
    }

    /// Waits for every minion that waits for us, lets it in, and waits until it listens.
    pub(crate) fn accept_all(&self) {
        let api = self.master.api();
        wait::until_within("all minions to ask", COMING_UP_SECS, || {
            let keys = api.get("/keys");
            let is_in = |place: &str, id: &str| {
                keys[place]
                    .as_array()
                    .is_some_and(|ids| ids.iter().any(|known| known == id))
            };
            let has_asked = |id: &str| is_in("minions_pre", id) || is_in("minions", id);
            self.ids().all(has_asked).then_some(())
        });
        self.master.run("key", &["-y", "-A"]).well();
        self.wait_connected();
    }

    /// Waits until every minion answers: once for itself, and then all at once.
    pub(crate) fn wait_connected(&self) {
        for id in self.ids() {
            wait::until_within(&format!("{id} to answer"), COMING_UP_SECS, || {
                let words = [id, "test.ping", "--out=json", "--static", "-t", "5"];
                let said = self.master.run("cmd", &words);
                let said: Value = serde_json::from_str(&said.out).ok()?;
                (said[id] == true).then_some(())
            });
        }
    }

    /// Runs `salt` with these words; gives what it prints as one JSON document.
    pub(crate) fn salt(&self, words: &[&str]) -> Value {
        let words = [words, &["--out=json", "--static"]].concat();
        self.master.run("cmd", &words).well().json()
    }
}

//! `compensate` and `finally` blocks, secrets and guards: what runs, in which order, and that it
//! runs once wherever the master dies.
//!
//! A world of one minion that answers at once. Each case is played undisturbed, then again with a
//! crash behind each of its records: every job is published exactly once, in the same order.

use std::sync::Arc;

use model::api::RunPhase;
use model::{Cursor, Jid, JobReturn, Map, MinionId, Timestamp, Value};
use orch::{Context, Effect, Fact, Options, Output, Plan, Run, RunRecord, Started, recovery};
use states::low_chunk::LowChunk;

/// One run with its world.
struct World {
    records: Vec<RunRecord>,
    run: Run,
    /// What was published, in order.
    jobs: Vec<(Jid, String)>,
    /// What functions give; the others give a text.
    said: Vec<(&'static str, Value)>,
    /// Functions that fail.
    failing: Vec<&'static str>,
    /// The job after whose publication the run is called off.
    cancelled_at: Option<&'static str>,
    jids: u64,
    /// The record behind which the master dies, once.
    dies_behind: Option<usize>,
}

fn step(fun: &str, id: &str, name: &str, args: &str) -> LowChunk {
    LowChunk {
        state: "salt".into(),
        fun: fun.into(),
        id: id.into(),
        name: name.into(),
        sls: "orch.t".into(),
        args: serde_json::from_str(args).expect("arguments"),
        ..LowChunk::default()
    }
}

fn function(id: &str, more: &str) -> LowChunk {
    let args = format!(r#"{{"tgt": "a"{more}}}"#);
    step("function", id, id, &args)
}

fn undone_by(undo: &str) -> String {
    format!(r#", "compensate": {{"salt.function": [{{"name": "{undo}"}}]}}"#)
}

impl World {
    fn of(low: Vec<LowChunk>) -> Self {
        Self::with(low, Options::default())
    }

    fn with(low: Vec<LowChunk>, options: Options) -> Self {
        let plan = Plan::compile("orch.t", low, Vec::new(), options);
        let started = Started {
            run: "20261121100000000000".parse().expect("a jid"),
            plan: Arc::new(plan.expect("it can be planned")),
            cursor: Cursor(0),
            user: "root".into(),
            pillar: Map::new(),
            at: Timestamp(0),
            parent: None,
        };
        Self {
            records: vec![RunRecord::Started(started.clone())],
            run: Run::start(started),
            jobs: Vec::new(),
            said: Vec::new(),
            failing: Vec::new(),
            cancelled_at: None,
            jids: 0,
            dies_behind: None,
        }
    }

    fn tell(&mut self, fact: &Fact) {
        let run = self.run.clone();
        let output = self.with_context(|context| run.on(fact, context));
        self.take(output);
    }

    fn with_context<T>(&mut self, decide: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let cursor = Cursor(self.records.len() as u64);
        let jids = &mut self.jids;
        let mut next_jid = || {
            *jids += 1;
            format!("202611211000{:08}", *jids).parse().expect("a jid")
        };
        decide(&mut Context {
            now: Timestamp(1000),
            cursor,
            next_jid: &mut next_jid,
        })
    }

    fn take(&mut self, output: Output) {
        for record in output.records {
            self.run.apply(&record).expect("the record can follow");
            self.records.push(record);
        }
        if self.dies_behind.is_some_and(|at| self.records.len() > at) {
            self.dies_behind = None;
            return self.die();
        }
        for effect in output.effects {
            self.act(effect);
        }
    }

    /// The effects of the last batch are lost with the master.
    fn die(&mut self) {
        let run = Run::fold(&self.records).expect("it folds").expect("a run");
        self.run = run.clone();
        let output = self.with_context(|context| recovery::resume(&run, Timestamp(0), context));
        self.take(output);
    }

    fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Publish { jid, job, .. } => self.publish(jid, &job.fun),
            Effect::AdoptJob { jid, job, .. } => {
                if self.jobs.iter().any(|(known, _)| *known == jid) {
                    self.answer(jid, &job.fun);
                } else {
                    self.publish(jid, &job.fun);
                }
            }
            _ => {}
        }
    }

    fn publish(&mut self, jid: Jid, fun: &str) {
        self.jobs.push((jid.clone(), fun.to_owned()));
        self.answer(jid, fun);
    }

    fn answer(&mut self, jid: Jid, fun: &str) {
        let id: MinionId = "a".parse().expect("an id");
        self.tell(&Fact::Published {
            jid: jid.clone(),
            minions: vec![id.clone()],
            missing: Vec::new(),
        });
        if self.cancelled_at == Some(fun) {
            self.tell(&Fact::Cancelled { by: "alice".into() });
        }
        let is_good = !self.failing.contains(&fun);
        let said = self.said.iter().find(|(name, _)| *name == fun);
        let said = said.map_or_else(|| Value::from("token 12.ab"), |(_, said)| said.clone());
        self.tell(&Fact::Returned(JobReturn {
            id,
            jid,
            fun: fun.into(),
            ret: if is_good { said } else { false.into() },
            retcode: i64::from(!is_good).into(),
            success: None,
            out: None,
            load: Map::new(),
        }));
    }

    fn play(&mut self) -> Vec<String> {
        self.tell(&Fact::Begin);
        // A crash behind the very last record leaves nothing to do.
        assert!(self.run.phase().has_ended(), "{:?}", self.run.view());
        self.jobs.iter().map(|(_, fun)| fun.clone()).collect()
    }
}

/// Plays a case undisturbed and with a crash behind each record, and expects these jobs.
fn plays(make: impl Fn() -> World, expected: &[&str], phase: RunPhase) {
    let mut world = make();
    assert_eq!(world.play(), expected);
    assert_eq!(world.run.phase(), phase);
    for at in 1..world.records.len() {
        let mut crashing = make();
        crashing.dies_behind = Some(at);
        assert_eq!(crashing.play(), expected, "crash behind record {at}");
        assert_eq!(crashing.run.phase(), phase, "crash behind record {at}");
    }
}

fn three() -> Vec<LowChunk> {
    let cleaned = r#", "finally": [{"salt.function": [{"name": "clean"}]}]"#;
    vec![
        function("one", &undone_by("undo_one")),
        function("two", &format!("{}{cleaned}", undone_by("undo_two"))),
        function(
            "three",
            &format!(
                r#"{}, "require": [{{"salt": "two"}}]"#,
                undone_by("undo_three")
            ),
        ),
    ]
}

#[test]
fn a_good_run_takes_nothing_back() {
    let jobs = ["one", "two", "three", "clean"];
    plays(|| World::of(three()), &jobs, RunPhase::Succeeded);
}

#[test]
fn a_failed_run_takes_back_what_was_done_the_youngest_first() {
    let make = || World {
        failing: vec!["three"],
        ..World::of(three())
    };
    let jobs = [
        "one",
        "two",
        "three",
        "undo_three",
        "undo_two",
        "undo_one",
        "clean",
    ];
    plays(make, &jobs, RunPhase::Failed);
}

#[test]
fn what_never_ran_is_not_taken_back() {
    let make = || World {
        failing: vec!["two"],
        ..World::of(three())
    };
    let jobs = ["one", "two", "undo_two", "undo_one", "clean"];
    plays(make, &jobs, RunPhase::Failed);
}

#[test]
fn a_cancelled_run_takes_back_what_was_done() {
    let make = || World {
        cancelled_at: Some("two"),
        ..World::of(three())
    };
    let jobs = ["one", "two", "undo_two", "undo_one", "clean"];
    plays(make, &jobs, RunPhase::Cancelled);
}

#[test]
fn a_compensation_that_fails_keeps_none_of_the_others_from_running() {
    let make = || World {
        failing: vec!["three", "undo_two"],
        ..World::of(three())
    };
    let jobs = [
        "one",
        "two",
        "three",
        "undo_three",
        "undo_two",
        "undo_one",
        "clean",
    ];
    plays(make, &jobs, RunPhase::Failed);
}

#[test]
fn a_block_that_is_none_is_refused() {
    for block in [
        r#""compensate": true"#,
        r#""finally": "x""#,
        r#""compensate": {"ping": []}"#,
    ] {
        let low = vec![function("one", &format!(", {block}"))];
        let plan = Plan::compile("orch.t", low, Vec::new(), Options::default());
        assert!(plan.is_err(), "{block}");
    }
}

fn secret(more: &str) -> LowChunk {
    let args = format!(r#"{{"tgt": "a", "function": "make"{more}}}"#);
    step("secret", "token", "token", &args)
}

const REVOKED: &str = r#", "readers": ["b"], "revoke": {"function": "revoke", "arg": ["x"]}"#;

#[test]
fn a_secret_is_revoked_however_the_run_ends() {
    let low = || vec![secret(REVOKED), function("use", "")];
    plays(
        || World::of(low()),
        &["make", "use", "revoke"],
        RunPhase::Succeeded,
    );
    let failing = |fun: &'static str| World {
        failing: vec![fun],
        ..World::of(low())
    };
    plays(
        || failing("use"),
        &["make", "use", "revoke"],
        RunPhase::Failed,
    );
    // The value may have been made before its maker failed.
    plays(
        || failing("make"),
        &["make", "use", "revoke"],
        RunPhase::Failed,
    );
    let cancelled = || World {
        cancelled_at: Some("make"),
        ..World::of(low())
    };
    plays(cancelled, &["make", "revoke"], RunPhase::Cancelled);
}

#[test]
fn no_record_of_a_run_holds_a_secret() {
    let mut world = World::of(vec![secret(REVOKED)]);
    world.play();
    let told = serde_json::to_string(&world.records).expect("JSON");
    assert!(!told.contains("12.ab"), "{told}");
    assert!(told.contains("was made on a for b"), "{told}");
}

#[test]
fn a_secret_says_who_reads_it_and_what_ends_it() {
    let cases = [
        (r#", "readers": ["b"]"#, "'revoke' is missing"),
        (
            r#", "readers": ["b"], "revoke": {}"#,
            "must name a 'function'",
        ),
        (r#", "revoke": false"#, "at least one minion id"),
        (r#", "revoke": false, "readers": ["b*"]"#, "is no minion id"),
    ];
    for (more, expected) in cases {
        let low = vec![secret(more)];
        let plan = Plan::compile("orch.t", low, Vec::new(), Options::default());
        let problem = plan.expect_err(more).to_string();
        assert!(problem.contains(expected), "{more}: {problem}");
    }
    let open = vec![secret(r#", "revoke": false, "readers": "b,c""#)];
    let plan = Plan::compile("orch.t", open, Vec::new(), Options::default());
    assert_eq!(plan.expect("it can be planned").steps.len(), 1);
}

#[test]
fn a_plan_names_its_locks_once() {
    let low = vec![
        function("one", r#", "lock": "kubic""#),
        function("two", r#", "lock": "kubic""#),
    ];
    let plan = Plan::compile("orch.t", low, Vec::new(), Options::default());
    assert_eq!(plan.expect("it can be planned").locks, ["kubic"]);
}

const EMPTY: &str = "NAME=\"sda\" TYPE=\"disk\" SERIAL=\"S1\" FSTYPE=\"\"";
const OLD: &str = "NAME=\"sda\" TYPE=\"disk\" SERIAL=\"S1\" FSTYPE=\"ext4\"\n\
                   carries /etc/kubernetes/kubelet.conf";

/// A guard before an install; `found` is what the node says of its disks.
fn guarded(found: &str, yes_wipe: Option<&str>) -> World {
    let low = vec![
        step(
            "wipe_guard",
            "guard",
            "guard",
            r#"{"tgt": "a", "disks": ["/dev/sda"]}"#,
        ),
        function("install", r#", "require": [{"salt": "guard"}]"#),
    ];
    let options = Options {
        yes_wipe: yes_wipe.map(str::to_owned),
        ..Options::default()
    };
    World {
        said: vec![("cmd.run", found.into())],
        ..World::with(low, options)
    }
}

fn guards_words(world: &mut World) -> String {
    world.play();
    world.run.view().tree[0].note.clone()
}

/// The hash that a refusal names.
fn hash_in(words: &str) -> String {
    let (_, hash) = words.rsplit_once("--yes-wipe=").expect("a hash");
    hash.trim().to_owned()
}

#[test]
fn empty_disks_are_overwritten_and_named() {
    plays(
        || guarded(EMPTY, None),
        &["cmd.run", "install"],
        RunPhase::Succeeded,
    );
    let mut world = guarded(EMPTY, None);
    world.play();
    let told = serde_json::to_string(&world.run.result()).expect("JSON");
    assert!(told.contains("SERIAL=\\\"S1\\\""), "{told}");
}

#[test]
fn a_node_that_carries_a_cluster_is_not_overwritten_without_the_hash() {
    plays(|| guarded(OLD, None), &["cmd.run"], RunPhase::Failed);
    let words = guards_words(&mut guarded(OLD, None));
    for expected in [
        "Nothing is wiped",
        "/etc/kubernetes/kubelet.conf",
        "SERIAL=\"S1\"",
    ] {
        assert!(words.contains(expected), "{words}");
    }
    let hash = hash_in(&words);
    let told = || guarded(OLD, Some(&hash));
    plays(told, &["cmd.run", "install"], RunPhase::Succeeded);
}

#[test]
fn a_hash_of_another_state_is_refused() {
    let hash = hash_in(&guards_words(&mut guarded(OLD, None)));
    let other = format!("{OLD}\ncarries /var/lib/etcd/member");
    plays(
        || guarded(&other, Some(&hash)),
        &["cmd.run"],
        RunPhase::Failed,
    );
    let words = guards_words(&mut guarded(&other, Some(&hash)));
    assert!(
        words.contains(&format!("--yes-wipe={hash} does not fit")),
        "{words}"
    );
    assert_ne!(hash_in(&words), hash);
}

#[test]
fn a_node_that_does_not_say_what_it_has_is_not_overwritten() {
    let make = || World {
        failing: vec!["cmd.run"],
        ..guarded(EMPTY, None)
    };
    plays(make, &["cmd.run"], RunPhase::Failed);
    let words = guards_words(&mut make());
    assert!(
        words.contains("Minion a does not say what is on its disks."),
        "{words}"
    );
}

#[test]
fn a_retry_asks_the_guard_again_and_does_again_what_was_taken_back() {
    let mut world = World {
        failing: vec!["install"],
        ..guarded(EMPTY, None)
    };
    world.play();
    let (from, carried) = world.run.retry(None).expect("it can be retried");
    assert_eq!(from, 1);
    assert!(carried.is_empty(), "the guard looks again");
    let mut world = World {
        failing: vec!["three"],
        ..World::of(three())
    };
    world.play();
    let (from, carried) = world.run.retry(None).expect("it can be retried");
    assert_eq!(from, 2);
    assert!(carried.is_empty(), "one and two were taken back");
}

//! Logs of every release open for ever: the bytes of each kind of record are kept in
//! `testdata/records/`.
//!
//! A file is written once, by `RENEW=1 cargo test -p master kept_bytes`, and never changed: that
//! command leaves those that exist alone. A kind that gets a new field gets a second sample, with a
//! name of its own.

use std::path::{Path, PathBuf};

use model::Grains;
use model::api::{MinionPhase, RunPhase};
use model::target::TargetType;
use storage::disk::{Disk, DiskRead, RealDisk};

use super::*;
use crate::jobs::{JobPublished, MinionEnded};

const JID: &str = "20261121081655861002";

pub(super) fn job() -> JobPublished {
    JobPublished {
        jid: JID.parse().unwrap(),
        fun: "state.apply".into(),
        arg: vec!["web".into(), Value::Map(Map::from([("__kwarg__", true)]))],
        tgt: "web*".into(),
        tgt_type: TargetType::Glob,
        ret: String::new(),
        user: "root".into(),
        extra: Map::from([("metadata", "x")]),
        minions: vec![id("web1")],
        missing: vec!["web2".into()],
        step: None,
        hides_output: false,
        secret: None,
        probes: None,
        asks_boot: false,
    }
}

pub(super) fn event() -> Record {
    Record::Event {
        tag: Tag::new("salt/beacon/web1/load"),
        data: Map::from([
            ("text", Value::str("ä")),
            ("bytes", Value::Bytes(vec![0xff, 0])),
            ("number", Value::Int(-1)),
            ("real", Value::Float(0.5)),
            ("list", Value::List(vec![Value::Nil, Value::Bool(true)])),
        ]),
    }
}

pub(super) fn run_started(run: &Jid, cursor: Cursor) -> Record {
    let plan = serde_json::json!({
        "name": "orch.kubic", "sls": ["orch.kubic"], "steps": [], "sources": [["/a.sls", "00"]],
        "options": {"master_id": "m_master"}, "warnings": [],
    });
    let plan: orch::Plan = serde_json::from_value(plan).unwrap();
    Record::Run {
        run: run.clone(),
        record: orch::RunRecord::Started(orch::Started {
            run: run.clone(),
            plan: Arc::new(plan),
            cursor,
            user: "root".into(),
            pillar: Map::from([("a", 1)]),
            at: Timestamp(1),
            parent: None,
        }),
    }
}

fn secret_made(run: &Jid) -> Record {
    Record::Secret(crate::secrets::SecretRecord::Made(crate::secrets::Made {
        jid: run.clone(),
        run: run.clone(),
        name: "join_params".into(),
        maker: id("web1"),
        readers: vec![id("web2")],
        blob: "ab".repeat(32),
        until: Some(Timestamp(9)),
        plain: vec!["endpoint".into()],
    }))
}

fn enrolled() -> Record {
    use crate::enrolment::{Decided, EnrolmentRecord, Failed, Verdict};
    Record::Enrolment(EnrolmentRecord::Decided(Decided {
        id: id("web1"),
        fingerprint: "aa:bb".into(),
        from: "10.0.0.1".into(),
        verdict: Verdict::Enrolled,
        failed: vec![Failed::new("uuid", "'x' is not listed")],
        claims: vec!["uuid=u-1".into()],
        window: Some(1),
    }))
}

/// The compiler asks for a name for each new kind, and the test below for a sample of it.
fn name(record: &Record) -> &'static str {
    match record {
        Record::Event { .. } => "event",
        Record::KeyChanged(_) => "key_changed",
        Record::Enrolment(_) => "enrolment",
        Record::JobPublished(_) => "job_published",
        Record::JobSent { .. } => "job_sent",
        Record::JobReturned(_) => "job_returned",
        Record::JobRunning { .. } => "job_running",
        Record::JobAbsent { .. } => "job_absent",
        Record::MinionEnded(_) => "minion_ended",
        Record::GrainsChanged { .. } => "grains_changed",
        Record::MinionRefreshed { .. } => "minion_refreshed",
        Record::SignedIn { .. } => "signed_in",
        Record::BootTold(_) => "boot_told",
        Record::MineStored { .. } => "mine_stored",
        Record::MineKept { .. } => "mine_kept",
        Record::MineDeleted { .. } => "mine_deleted",
        Record::Secret(_) => "secret",
        Record::Run { .. } => "run",
        Record::Forgotten { .. } => "forgotten",
        Record::JobSending { .. } => "job_sending",
        Record::JobDoubted { .. } => "job_doubted",
        Record::ClockJumped { .. } => "clock_jumped",
        Record::MasterStarted { .. } => "master_started",
    }
}

fn boot_told(jid: &Jid) -> Record {
    use model::{Boot, BootId};
    Record::BootTold(crate::minions::BootTold {
        jid: jid.clone(),
        id: id("web1"),
        boot: Some(Boot::Id(BootId(
            "0b9f3c51-54d0-4f6e-8f39-5f2f2c3d4e5f".into(),
        ))),
        before: Some(Boot::Since {
            earliest: Timestamp(1),
            latest: Timestamp(2),
        }),
        news: crate::minions::News::Unclear,
    })
}

fn of_minions() -> Vec<(&'static str, Record)> {
    let jid: Jid = JID.parse().unwrap();
    let web1 = id("web1");
    vec![
        ("enrolment", enrolled()),
        (
            "grains_changed",
            Record::GrainsChanged {
                id: web1.clone(),
                grains: Grains(Map::from([("os", "openSUSE")])),
            },
        ),
        (
            "minion_refreshed",
            Record::MinionRefreshed { id: web1.clone() },
        ),
        ("signed_in", Record::SignedIn { id: web1.clone() }),
        ("boot_told", boot_told(&jid)),
        (
            "minion_ended",
            Record::MinionEnded(MinionEnded {
                jid,
                id: web1.clone(),
                phase: MinionPhase::Lost,
                why: "no connection".into(),
            }),
        ),
        (
            "mine_stored",
            Record::MineStored {
                id: web1.clone(),
                data: Map::from([("network.ip_addrs", Value::List(vec!["10.0.0.1".into()]))]),
                clear: true,
            },
        ),
        (
            "mine_kept",
            Record::MineKept {
                id: web1.clone(),
                blobs: [("join".to_owned(), "ab".repeat(32))].into(),
                clear: false,
            },
        ),
        (
            "mine_deleted",
            Record::MineDeleted {
                id: web1,
                fun: Some("join".into()),
            },
        ),
    ]
}

/// The same return with all it says in its load too, as minions send it.
fn of_load(returned: &JobReturn) -> JobReturn {
    let load = Map::from([
        ("cmd", Value::str("_return")),
        ("id", Value::str(returned.id.as_str())),
        ("jid", Value::str(returned.jid.as_str())),
        ("fun", returned.fun.clone()),
        ("return", returned.ret.clone()),
        ("retcode", returned.retcode.clone()),
        ("success", Value::Bool(false)),
        ("out", Value::str("highstate")),
    ]);
    JobReturn {
        load,
        ..returned.clone()
    }
}

#[test]
fn a_return_is_not_said_twice_and_what_differs_is_kept() {
    let samples = of_jobs();
    let short = samples
        .iter()
        .find(|(sample, _)| *sample == "job_returned_short");
    let Some((_, Record::JobReturned(short))) = short else {
        panic!("there is such a sample")
    };
    let text = |record: &Record| String::from_utf8_lossy(&record.encode()).into_owned();
    let record = Record::JobReturned(short.clone());
    assert_eq!(
        text(&record).matches(JID).count(),
        0,
        "a number in its load"
    );
    assert_eq!(text(&record).matches("web1").count(), 1);
    let mut other = short.clone();
    other.ret = Value::Nil;
    (other.success, other.out) = (None, None);
    other.id = id("web2");
    let record = Record::JobReturned(other);
    assert_eq!(Record::decode(&record.encode()).unwrap(), record);
}

fn of_jobs() -> Vec<(&'static str, Record)> {
    let jid: Jid = JID.parse().unwrap();
    let web1 = id("web1");
    let returned = JobReturn {
        id: web1.clone(),
        jid: jid.clone(),
        fun: "state.apply".into(),
        ret: Value::Map(Map::from([("a", true)])),
        retcode: 2.into(),
        success: Some(false.into()),
        out: Some("highstate".into()),
        load: Map::from([("cmd", "_return")]),
    };
    let again = vec![web1.clone()];
    vec![
        ("job_published", Record::JobPublished(job())),
        (
            "job_sent",
            Record::JobSent {
                jid: jid.clone(),
                again,
                unheard: vec![id("web2")],
            },
        ),
        (
            "job_returned_short",
            Record::JobReturned(Box::new(of_load(&returned))),
        ),
        (
            "job_returned_terse",
            Record::JobReturned(Box::new(of_load(&returned))),
        ),
        ("job_returned", Record::JobReturned(Box::new(returned))),
        (
            "job_running",
            Record::JobRunning {
                jid: jid.clone(),
                id: web1.clone(),
            },
        ),
        (
            "job_doubted",
            Record::JobDoubted {
                jid: jid.clone(),
                id: web1.clone(),
                said: "Minion web1 started".into(),
            },
        ),
        ("job_absent", Record::JobAbsent { jid, id: web1 }),
    ]
}

fn of_the_master() -> Vec<(&'static str, Record)> {
    let run: Jid = JID.parse().unwrap();
    let finished = orch::RunRecord::Finished {
        phase: RunPhase::Succeeded,
        at: Timestamp(7),
    };
    let before = Timestamp(1_795_249_015_000_000);
    vec![
        ("event", event()),
        ("key_changed", accepted("web1")),
        ("run", run_started(&run, Cursor(7))),
        (
            "run_finished",
            Record::Run {
                run: run.clone(),
                record: finished,
            },
        ),
        ("forgotten", Record::Forgotten { before }),
        ("secret", secret_made(&run)),
        (
            "job_sending",
            Record::JobSending {
                jid: run.clone(),
                again: vec![id("web1")],
            },
        ),
        ("clock_jumped", Record::ClockJumped { by_ms: -7 }),
        (
            "master_started",
            Record::MasterStarted {
                version: "0.1.0".into(),
                resumed: vec![run],
            },
        ),
    ]
}

fn samples() -> Vec<(&'static str, Record)> {
    [of_minions(), of_jobs(), of_the_master()].concat()
}

fn path(sample: &str) -> PathBuf {
    let records = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/records");
    records.join(format!("{sample}.msgpack"))
}

#[test]
fn the_kept_bytes_of_every_record_are_read_for_ever() {
    for (sample, record) in samples() {
        let path = path(sample);
        let mut bytes = RealDisk.read(&path).unwrap();
        if bytes.is_none() && std::env::var_os("RENEW").is_some() {
            RealDisk
                .make_directory(path.parent().unwrap(), 0o755)
                .unwrap();
            RealDisk.write(&path, &record.encode(), 0o644).unwrap();
            bytes = Some(record.encode());
        }
        let bytes = bytes.unwrap_or_else(|| panic!("{sample}: RENEW=1 writes its bytes"));
        assert_eq!(Record::decode(&bytes).unwrap(), record, "{sample}");
    }
}

#[test]
fn every_kind_of_record_has_its_bytes_kept() {
    let samples = samples();
    for (sample, record) in &samples {
        assert!(sample.starts_with(name(record)), "{sample}");
    }
    let mut kinds: Vec<_> = samples.iter().map(|(_, record)| name(record)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), 23, "as many as `name` has arms: {kinds:?}");
    let listed = RealDisk.list(path("event").parent().unwrap()).unwrap();
    assert!(listed.unwrap().len() >= samples.len());
}

//! Decides who reads a secret, and what becomes of one that was made.

use std::collections::BTreeSet;

use model::{Jid, JobReturn, MinionId, Timestamp};

use super::view::{Reading, Secret};
use super::{Made, Reason, SecretRecord, View};
use crate::jobs::JobPublished;
use crate::ledger::Record;

/// A secret that may be handed to the one who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The job that made it.
    pub jid: Jid,
    /// The name.
    pub name: String,
    /// Who made it.
    pub maker: MinionId,
    /// The blob that holds it.
    pub blob: String,
}

/// Makes the record of a secret that is in its blob.
pub fn on_made(
    job: &JobPublished,
    ret: &JobReturn,
    blob: String,
    now: Timestamp,
) -> Option<Record> {
    let (request, step) = (job.secret.as_ref()?, job.step.as_ref()?);
    let until = request.lifetime_ms.map(|millis| now.plus_millis(millis));
    Some(Record::Secret(SecretRecord::Made(Made {
        jid: job.jid.clone(),
        run: step.run.clone(),
        name: request.name.clone(),
        maker: ret.id.clone(),
        readers: request.readers.clone(),
        blob,
        until,
        plain: request.plain.clone(),
    })))
}

/// Says whether a return holds a secret that must be sealed before it can be recorded.
pub fn is_secret(job: &JobPublished, ret: &JobReturn) -> bool {
    job.secret.is_some() && job.step.is_some() && !ret.is_failure() && ret.ret.is_truthy()
}

/// Decides on a question of a minion for these secrets, the youngest first. The record stands
/// before the answer: nobody reads without a trace.
pub fn on_asked(
    view: &View,
    reader: &MinionId,
    jids: &[Jid],
    now: Timestamp,
) -> (Vec<Record>, Vec<Grant>) {
    let (mut records, mut grants) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for secret in jids.iter().filter_map(|jid| view.get(jid)) {
        let Made {
            jid,
            name,
            maker,
            blob,
            ..
        } = &secret.made;
        // Of several under one name the youngest counts.
        if !seen.insert((maker, name)) {
            continue;
        }
        let reader = reader.clone();
        match refusal(secret, &reader, now) {
            None => {
                grants.push(Grant {
                    jid: jid.clone(),
                    name: name.clone(),
                    maker: maker.clone(),
                    blob: blob.clone(),
                });
                let jid = jid.clone();
                records.push(Record::Secret(SecretRecord::Opened { jid, reader }));
            }
            Some(reason) if !secret.refused.contains(&(reader.clone(), reason)) => {
                let (jid, id) = (jid.clone(), reader);
                let record = SecretRecord::Refused { jid, id, reason };
                records.push(Record::Secret(record));
            }
            Some(_) => {}
        }
    }
    (records, grants)
}

fn refusal(secret: &Secret, reader: &MinionId, now: Timestamp) -> Option<Reason> {
    if !secret.made.readers.contains(reader) {
        return Some(Reason::NoReader);
    }
    if secret.made.until.is_some_and(|until| now >= until) {
        return Some(Reason::Over);
    }
    let has_read = secret.readings.get(reader) == Some(&Reading::Delivered);
    has_read.then_some(Reason::ReadAlready)
}

/// Decides on answers that were handed to their reader's connection.
pub fn on_delivered(view: &View, reader: &MinionId, jids: &[Jid]) -> Vec<Record> {
    let is_open = |jid: &&Jid| {
        view.get(jid)
            .is_some_and(|secret| secret.readings.get(reader) == Some(&Reading::Opened))
    };
    let delivered = |jid: &Jid| {
        Record::Secret(SecretRecord::Delivered {
            jid: jid.clone(),
            reader: reader.clone(),
        })
    };
    jids.iter().filter(is_open).map(delivered).collect()
}

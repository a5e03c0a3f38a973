//! `_return`: a minion says what a job gave.

use std::sync::Arc;

use minion_protocol::Reply;
use minion_protocol::load::returns::{ReturnJid, ReturnLoad};
use model::{Jid, JobReturn, Value};

use super::large;
use crate::ledger::{Answer, Input, LedgerError};
use crate::mine;
use crate::shared::Shared;

/// Takes a return. The minion is answered once it is durable; if it cannot be made durable, the
/// minion is told that something broke and tries again.
pub(crate) async fn take(shared: &Arc<Shared>, load: Box<ReturnLoad>) -> Reply {
    let (input, clear) = input_of(shared, *load);
    let Some(input) = large::put(shared, input).await else {
        return Reply::Broken;
    };
    match shared.ledger.decide(input).await {
        Ok(Answer::MustSeal { ret, run, plain }) => {
            let clear = clear.unwrap_or_else(|| ret.ret.clone());
            // Boxed: other returns need no room for it.
            Box::pin(seal(shared, ret, clear, (run, plain))).await
        }
        other => recorded(other.is_ok()),
    }
}

/// Makes what is decided on of what a minion sent; with what it returned in the clear, where
/// something was taken out of it.
fn input_of(shared: &Shared, load: ReturnLoad) -> (Input, Option<Value>) {
    let jid = match load.jid {
        ReturnJid::Known(jid) => jid,
        ReturnJid::Requested => {
            let (id, mut load) = (load.id, load.load);
            shared.redactor.redact_map(&mut load);
            return (Input::SelfStarted { id, load }, None);
        }
    };
    let mut ret = JobReturn {
        id: load.id,
        jid,
        fun: load.fun,
        ret: load.ret,
        retcode: load.retcode,
        success: load.success,
        out: load.out,
        load: load.load,
    };
    let clear = shared.redactor.redact_return(&mut ret);
    (Input::Return(Box::new(ret)), clear)
}

/// Seals a secret in a blob, then has its return recorded. What a crash leaves of it is a blob that
/// nothing refers to: the minion was not answered and returns again.
async fn seal(
    shared: &Arc<Shared>,
    ret: Box<JobReturn>,
    clear: Value,
    (run, plain): (Jid, Vec<String>),
) -> Reply {
    shared.redactor.learn(&run, &clear, &plain);
    let working = Arc::clone(shared);
    let put = move || working.sealer.put(working.blobs.as_ref(), &clear);
    let blob = match tokio::task::spawn_blocking(put).await {
        Ok(Ok(blob)) => blob,
        Ok(Err(error)) => {
            tracing::error!(%error, minion = %ret.id, "a secret was not stored");
            return Reply::Broken;
        }
        Err(_) => return Reply::Broken,
    };
    let sealed = Input::SealedReturn {
        ret,
        blob: blob.clone(),
    };
    let decided = shared.ledger.decide(sealed).await;
    if let Err(LedgerError::NotRecorded(_)) = &decided {
        let blobs = Arc::clone(&shared.blobs);
        let remove = move || mine::sealed::remove(blobs.as_ref(), [blob]);
        // What cannot be removed now is at the next start.
        let _ = tokio::task::spawn_blocking(remove).await;
    }
    recorded(decided.is_ok())
}

/// The answer to what leaves a record and gives nothing.
pub(super) fn recorded(is_recorded: bool) -> Reply {
    if is_recorded {
        Reply::Value(Value::Nil)
    } else {
        Reply::Broken
    }
}

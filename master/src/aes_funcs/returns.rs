//! `_return`: a minion says what a job gave.

use std::sync::Arc;

use minion_protocol::Reply;
use minion_protocol::load::returns::{ReturnJid, ReturnLoad};
use model::{JobReturn, Value};

use crate::ledger::Input;
use crate::shared::Shared;

/// Takes a return. The minion is answered once it is durable; if it cannot be made durable, the
/// minion is told that something broke and tries again.
pub(crate) async fn take(shared: &Arc<Shared>, load: ReturnLoad) -> Reply {
    let jid = match load.jid {
        ReturnJid::Known(jid) => jid,
        ReturnJid::Requested => {
            let requested = Input::SelfStarted {
                id: load.id,
                load: load.load,
            };
            return recorded(shared.ledger.decide(requested).await.is_ok());
        }
    };
    let ret = JobReturn {
        id: load.id,
        jid,
        fun: load.fun,
        ret: load.ret,
        retcode: load.retcode,
        success: load.success,
        out: load.out,
        load: load.load,
    };
    recorded(
        shared
            .ledger
            .decide(Input::Return(Box::new(ret)))
            .await
            .is_ok(),
    )
}

/// The answer to what leaves a record and gives nothing.
pub(super) fn recorded(is_recorded: bool) -> Reply {
    if is_recorded {
        Reply::Value(Value::Nil)
    } else {
        Reply::Broken
    }
}

//! `enrol.*`: windows, who waits and why, and what was claimed. Not Salt's; `brine enrol` calls it.

use std::sync::Arc;

use model::api::EnrolmentView;
use model::{Map, Value};

use super::WheelError;
use crate::enrolment::decide::Act;
use crate::enrolment::{EnrolmentRecord, settings};
use crate::ledger::{Answer, Input};
use crate::runners::Arguments;
use crate::shared::Shared;

/// How long a window is open, and for how many, if nobody says.
const OPEN_SECS: u64 = 1800;
const OPEN_COUNT: u64 = 1;

pub(super) async fn call(
    shared: &Arc<Shared>,
    function: &str,
    arguments: Arguments,
    user: &str,
) -> Result<Value, WheelError> {
    let number = |name| arguments.named(name).and_then(Value::as_u64);
    let act = match function {
        "list" => return list(shared).await,
        "open" => Act::Open {
            for_secs: number("seconds").unwrap_or(OPEN_SECS),
            count: number("count").unwrap_or(OPEN_COUNT),
            ids: named_text(&arguments, "ids").unwrap_or_else(|| "*".to_owned()),
            is_for_rebuilds: arguments.named("rebuild").is_some_and(Value::is_truthy),
        },
        "close" => Act::Close {
            window: number("window"),
        },
        "release" => Act::Release {
            claim: match arguments.text(0, "claim") {
                Some(claim) => claim,
                None => arguments.required(0, "claim")?,
            },
        },
        _ => return Err(WheelError::Unknown(format!("enrol.{function}"))),
    };
    let by = user.to_owned();
    match shared.ledger.decide(Input::Enrolment { act, by }).await? {
        Answer::Enrolment(records) => Ok(told(&records)),
        Answer::Refused(problem) => Err(WheelError::Failed(problem)),
        other => Err(WheelError::Failed(format!("the ledger answered {other:?}"))),
    }
}

fn named_text(arguments: &Arguments, name: &str) -> Option<String> {
    arguments.named(name).map(Value::to_text)
}

fn told(records: &[EnrolmentRecord]) -> Value {
    let one = |record: &EnrolmentRecord| match record {
        EnrolmentRecord::Opened(window) => Value::from(window.window),
        EnrolmentRecord::Closed { window, .. } => Value::from(*window),
        EnrolmentRecord::Released { claim, .. } => Value::str(claim),
        EnrolmentRecord::Decided(decided) => Value::str(decided.id.as_str()),
    };
    records.iter().map(one).collect()
}

/// Gives everything that is known of enrolment.
async fn list(shared: &Arc<Shared>) -> Result<Value, WheelError> {
    let now = shared.world.clock.now();
    let mut view = shared
        .ledger
        .ask(move |views| EnrolmentView {
            windows: views.enrolment.show_windows(now),
            waiting: views.enrolment.show_waiting(),
            alarms: views.enrolment.show_alarms(),
            claims: views.enrolment.show_claims(),
            ..EnrolmentView::default()
        })
        .await?;
    let opts = &shared.opts;
    view.mode.clone_from(&opts.enrolment);
    view.clauses = settings::clauses(opts);
    view.warnings = settings::warnings(opts, &shared.world);
    view.counters = shared.counters.shown();
    let shown = serde_json::to_value(view).and_then(serde_json::from_value::<Map>);
    shown
        .map(Value::Map)
        .map_err(|error| WheelError::Failed(error.to_string()))
}

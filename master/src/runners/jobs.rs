//! `jobs.*`: what was asked, who answered.

use std::sync::Arc;

use model::api::JobView;
use model::{Jid, Map, Value};

use super::{Arguments, RunnerError};
use crate::jobs::Job;
use crate::shared::Shared;

pub(super) async fn call(
    shared: &Arc<Shared>,
    function: &str,
    arguments: Arguments,
) -> Result<Value, RunnerError> {
    match function {
        "active" => active(shared).await,
        "list_jobs" => list_jobs(shared, &arguments).await,
        "last_run" => last_run(shared).await,
        "list_job" | "print_job" => {
            let job = find(shared, &arguments).await?;
            let shown = describe(&job);
            if function == "list_job" {
                return Ok(Value::Map(shown));
            }
            Ok(Value::Map(Map::from([(job.summary.jid.as_str(), shown)])))
        }
        "lookup_jid" => {
            let job = find(shared, &arguments).await?;
            let of = |(id, ret): (&model::MinionId, &model::JobReturn)| {
                (id.to_string(), ret.ret.clone())
            };
            Ok(Value::Map(job.returns.iter().map(of).collect()))
        }
        "exit_success" => {
            let job = find(shared, &arguments).await?;
            let of = |(id, ret): (&model::MinionId, &model::JobReturn)| {
                (id.to_string(), !ret.is_failure())
            };
            Ok(Value::Map(job.returns.iter().map(of).collect()))
        }
        _ => Err(arguments.unknown()),
    }
}

async fn find(shared: &Arc<Shared>, arguments: &Arguments) -> Result<JobView, RunnerError> {
    let jid = arguments.required(0, "jid")?;
    let jid: Jid = jid
        .parse()
        .map_err(|error: model::InvalidJid| arguments.problem(&error.to_string()))?;
    let job = shared.job(&jid).await?;
    job.ok_or_else(|| RunnerError::Failed(shared.unknown_job(&jid)))
}

fn summary(job: &Job) -> Map {
    let asked = &job.published;
    Map::from([
        ("Function", asked.fun.clone()),
        ("Arguments", Value::List(asked.arg.clone())),
        ("Target", asked.tgt.clone()),
        ("Target-type", Value::str(asked.tgt_type.as_str())),
        ("User", Value::str(&asked.user)),
        ("StartTime", Value::Str(start_time(&asked.jid))),
    ])
}

/// Writes a jid as Salt shows it: `2026, Nov 21 08:16:55.861002`.
fn start_time(jid: &Jid) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = jid.as_str();
    let month = text[4..6]
        .parse::<usize>()
        .ok()
        .and_then(|m| MONTHS.get(m.wrapping_sub(1)));
    format!(
        "{}, {} {} {}:{}:{}.{}",
        &text[..4],
        month.unwrap_or(&"???"),
        &text[6..8],
        &text[8..10],
        &text[10..12],
        &text[12..14],
        &text[14..20]
    )
}

async fn list_jobs(shared: &Arc<Shared>, arguments: &Arguments) -> Result<Value, RunnerError> {
    let wanted = arguments
        .named("search_function")
        .map(|f| model::Glob::new(&f.to_text()));
    let jobs = shared.ledger.ask(move |views| {
        let is_shown = |job: &&Job| {
            let is_wanted = wanted
                .as_ref()
                .is_none_or(|glob| glob.matches(&job.published.fun.to_text()));
            !job.published.is_question() && is_wanted
        };
        let shown = views.jobs.iter().filter(is_shown);
        shown
            .map(|job| (job.published.jid.to_string(), summary(job)))
            .collect::<Map>()
    });
    Ok(Value::Map(jobs.await?))
}

async fn last_run(shared: &Arc<Shared>) -> Result<Value, RunnerError> {
    let last = shared.ledger.ask(|views| {
        let mut asked = views
            .jobs
            .iter()
            .rev()
            .filter(|job| !job.published.is_question());
        asked.next().map(|job| job.published.jid.clone())
    });
    let Some(jid) = last.await? else {
        return Ok(Value::Bool(false));
    };
    let Some(job) = shared.job(&jid).await? else {
        return Ok(Value::Bool(false));
    };
    Ok(Value::Map(Map::from([(jid.as_str(), describe(&job))])))
}

async fn active(shared: &Arc<Shared>) -> Result<Value, RunnerError> {
    let jobs = shared.ledger.ask(|views| {
        let open = views.jobs.open().filter(|job| !job.published.is_question());
        open.map(|job| {
            let mut shown = summary(job);
            let running: Value = job.pending().map(|id| Value::str(id.as_str())).collect();
            let returned: Value = job
                .returns
                .keys()
                .map(|id| Value::str(id.as_str()))
                .collect();
            shown.insert("Running", running);
            shown.insert("Returned", returned);
            (job.published.jid.to_string(), shown)
        })
        .collect::<Map>()
    });
    Ok(Value::Map(jobs.await?))
}

fn describe(job: &JobView) -> Map {
    let asked = &job.summary;
    let minions: Value = job
        .minions
        .keys()
        .map(|id| Value::str(id.as_str()))
        .collect();
    let result: Map = job
        .returns
        .iter()
        .map(|(id, ret)| {
            let mut shown = Map::from([
                ("return", ret.ret.clone()),
                ("retcode", ret.retcode.clone()),
                ("success", ret.success.clone().unwrap_or_default()),
            ]);
            if let Some(out) = &ret.out {
                shown.insert("out", out);
            }
            (id.to_string(), shown)
        })
        .collect();
    Map::from([
        ("jid", Value::str(asked.jid.as_str())),
        ("Function", asked.fun.clone()),
        ("Arguments", Value::List(asked.arg.clone())),
        ("Target", asked.tgt.clone()),
        ("Target-type", Value::str(&asked.tgt_type)),
        ("User", Value::str(&asked.user)),
        ("StartTime", Value::Str(start_time(&asked.jid))),
        ("Minions", minions),
        ("Result", Value::Map(result)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jid_is_shown_as_a_time() {
        let jid = "20261121081655861002".parse().unwrap();
        assert_eq!(start_time(&jid), "2026, Nov 21 08:16:55.861002");
    }
}

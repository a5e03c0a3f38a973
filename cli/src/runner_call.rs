//! A runner other than an orchestration: start it, follow its events, print what it returns.

use model::lowstate::{Client as Which, LowChunk};
use model::{Map, Value};

use model::api::RunStarted;

use crate::arguments::Arguments;
use crate::client::{Client, Error, Item};
use crate::exit_code;
use crate::flags::Printer;
use crate::program::{tell_back, tell_lost, user};
use crate::terminal::Terminal;

/// Makes the request for a runner.
pub(crate) fn chunk(fun: &str, arguments: Arguments) -> LowChunk {
    LowChunk {
        client: Which::RunnerAsync,
        tgt: Value::Nil,
        tgt_type: "glob".into(),
        fun: fun.to_owned(),
        arg: arguments.arg,
        kwarg: arguments.kwarg,
        ret: String::new(),
        user: user(),
    }
}

/// Waits for the return of a started runner; gives the data of its `ret` event.
pub(crate) async fn wait(
    client: &Client,
    started: &RunStarted,
    printer: &mut Printer,
    terminal: &mut Terminal,
) -> Result<Map, Error> {
    let prefix = format!("salt/run/{}/", started.run);
    let mut stream = client.events(Some(started.cursor), vec![format!("{prefix}*")]);
    loop {
        match stream.next().await? {
            Item::Next(event) => {
                let suffix = event.tag.as_str().strip_prefix(&prefix).unwrap_or_default();
                match suffix {
                    "ret" => return Ok(event.data),
                    "new" | "args" => {}
                    progress => show_progress(progress, event.data, printer, terminal),
                }
            }
            Item::Lost(error) => tell_lost(&error, terminal),
            Item::Back => tell_back(terminal),
            Item::End => {}
        }
    }
}

/// Shows what a runner reports on its way.
fn show_progress(suffix: &str, data: Map, printer: &mut Printer, terminal: &mut Terminal) {
    let wanted = data
        .get("outputter")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let event = Map::from([("suffix", Value::str(suffix)), ("event", Value::Map(data))]);
    printer.show(&Value::Map(event), wanted.as_deref(), 0, terminal);
}

/// Prints the return of a runner by the outputter that it names, and gives the exit code.
pub(crate) fn show_return(ret: &Value, printer: &mut Printer, terminal: &mut Terminal) {
    let outputter = ret.get("outputter").and_then(Value::as_str);
    let is_envelope = ret.as_map().is_some_and(|map| map.len() == 2);
    match (ret.get("data"), outputter) {
        (Some(data), Some(outputter)) if is_envelope => {
            printer.show(data, Some(outputter), 0, terminal);
        }
        _ => printer.show(ret, outputter, 0, terminal),
    }
}

/// Gives the exit code of a runner's `ret` event, as Salt's `salt-run` looks for it.
pub(crate) fn exit_code_of(event: &Map) -> u8 {
    let ret = event.get("return");
    let code = event
        .get("retcode")
        .or_else(|| ret?.get("retcode"))
        .or_else(|| ret?.get("data")?.get("retcode"));
    let code = code.and_then(Value::as_i64).unwrap_or_default();
    exit_code::from_retcode(code)
}

//! The renderer `py`: a Python program runs the file and gives what its `run()` returns.
//!
//! Only where the option `python_renderer` names that program. It is started without a shell for
//! each file, talks in lines of JSON over its standard input and output, asks back for functions
//! (`__salt__`), and is stopped when it takes too long or says too much. Standard output belongs to
//! the talk; what the file prints goes to standard error and from there to the log.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Map, Value};
use serde_json::{Value as Json, json};
use states::context::{Context, Functions};

use crate::programs::Group;

/// How long one file may take, functions it calls included.
const TIME: Duration = Duration::from_secs(60);
/// Longest line it may say: more would not fit into a message to a minion.
const LINE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// How much of what it prints goes to the log.
const PRINTED_BYTES_MAX: u64 = 64 * 1024;

/// What the program runs: reads the file and its surroundings, runs it, and talks.
const HELPER: &str = include_str!("python_helper.py");

/// The program.
pub(crate) struct Python {
    program: String,
}

impl Python {
    pub(crate) fn new(program: &str) -> Self {
        Self {
            program: program.to_owned(),
        }
    }

    /// Runs a file and gives what its `run()` returns.
    pub(crate) fn run(&self, text: &str, context: &Context) -> Result<Value, String> {
        let begin = json!({
            "text": text,
            "path": context.template,
            "pillar": encode(&context.pillar),
            "grains": encode(&context.grains),
            "opts": encode(&Value::Map(context.opts.clone())),
            "extra": encode(&Value::Map(context.extra.clone())),
            "sls": context.sls,
            "env": context.saltenv,
            "functions": context.functions.names(),
        });
        let mut child = Command::new(&self.program)
            .args(["-c", HELPER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", self.program))?;
        let group = Group(child.id());
        let printed = child.stderr.take();
        thread::spawn(move || print_to_log(printed));
        let functions = Arc::clone(&context.functions);
        let (ended, end) = mpsc::channel();
        let talking = thread::spawn(move || {
            // Nobody listens any more once the time is over.
            let _ = ended.send(talk(&mut child, &begin, functions.as_ref()));
            let _ = child.wait();
        });
        let answer = end.recv_timeout(TIME).unwrap_or_else(|_| {
            let seconds = TIME.as_secs();
            Err(format!(
                "it ran longer than {seconds} seconds and was stopped"
            ))
        });
        group.kill();
        drop(talking);
        answer
    }
}

fn print_to_log(printed: Option<impl Read>) {
    let mut text = Vec::new();
    if let Some(mut printed) = printed {
        // What comes behind the limit is read and dropped, so that nobody waits for it.
        let _ = (&mut printed)
            .take(PRINTED_BYTES_MAX)
            .read_to_end(&mut text);
        let _ = std::io::copy(&mut printed, &mut std::io::sink());
    }
    if !text.is_empty() {
        let text = String::from_utf8_lossy(&text);
        tracing::info!(
            printed = text.trim_end(),
            "a file of the renderer py prints"
        );
    }
}

/// Tells the program what to run, answers its calls, and gives what it ends with.
fn talk(child: &mut Child, begin: &Json, functions: &dyn Functions) -> Result<Value, String> {
    let pipes = child.stdin.take().zip(child.stdout.take());
    let (mut stdin, stdout) = pipes.ok_or("it has no pipes")?;
    let mut stdout = BufReader::new(stdout);
    say(&mut stdin, begin)?;
    loop {
        let mut line = Vec::new();
        let heard = (&mut stdout)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line);
        heard.map_err(|error| error.to_string())?;
        if line.last() != Some(&b'\n') {
            return Err(match line.is_empty() {
                true => "it ended without an answer; the master's log shows what it printed".into(),
                false => "it says more than 32 MiB, or not all of it".to_owned(),
            });
        }
        let said: Json = serde_json::from_slice(&line).map_err(|error| error.to_string())?;
        if let Some(error) = said.get("error").and_then(Json::as_str) {
            return Err(error.to_owned());
        }
        if let Some(data) = said.get("return") {
            return decode(data);
        }
        let name = said
            .get("call")
            .and_then(Json::as_str)
            .ok_or("it says nothing known")?;
        say(&mut stdin, &called(functions, name, &said))?;
    }
}

fn say(stdin: &mut ChildStdin, message: &Json) -> Result<(), String> {
    let mut line = message.to_string();
    line.push('\n');
    stdin
        .write_all(line.as_bytes())
        .and_then(|()| stdin.flush())
        .map_err(|error| format!("it does not listen: {error}"))
}

fn called(functions: &dyn Functions, name: &str, said: &Json) -> Json {
    let part = |name: &str| decode(said.get(name).unwrap_or(&Json::Null));
    let answer = match (part("args"), part("kwargs")) {
        (Ok(Value::List(args)), Ok(Value::Map(kwargs))) => functions
            .call(name, args, kwargs)
            .map_err(|error| error.to_string()),
        _ => Err("the arguments cannot be read".to_owned()),
    };
    match answer {
        Ok(value) => json!({ "value": encode(&value) }),
        Err(error) => json!({ "error": error }),
    }
}

/// JSON knows neither keys that are no text nor bytes: lists, maps and bytes say what they are.
fn encode(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Bool(bool) => json!(bool),
        Value::Int(int) => match i64::try_from(*int) {
            Ok(int) => json!(int),
            Err(_) => json!(["i", int.to_string()]),
        },
        Value::Float(float) if float.is_finite() => json!(float),
        Value::Float(float) => json!(["f", float.to_string()]),
        Value::Str(text) => json!(text),
        Value::Bytes(bytes) | Value::Ext(_, bytes) => json!(["b", STANDARD.encode(bytes)]),
        Value::List(list) => {
            let mut items = vec![json!("l")];
            items.extend(list.iter().map(encode));
            Json::Array(items)
        }
        Value::Map(map) => {
            let mut items = vec![json!("m")];
            items.extend(
                map.iter()
                    .map(|(key, value)| json!([encode(key), encode(value)])),
            );
            Json::Array(items)
        }
    }
}

fn decode(json: &Json) -> Result<Value, String> {
    let wrong = || "it says something that cannot be read".to_owned();
    Ok(match json {
        Json::Null => Value::Nil,
        Json::Bool(bool) => Value::Bool(*bool),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Value::from(int),
            None => Value::Float(number.as_f64().ok_or_else(wrong)?),
        },
        Json::String(text) => Value::str(text.as_str()),
        Json::Object(_) => return Err(wrong()),
        Json::Array(items) => {
            let (kind, items) = items.split_first().ok_or_else(wrong)?;
            let text = || items.first().and_then(Json::as_str).ok_or_else(wrong);
            match kind.as_str() {
                Some("l") => Value::List(items.iter().map(decode).collect::<Result<_, _>>()?),
                Some("b") => Value::Bytes(STANDARD.decode(text()?).map_err(|_| wrong())?),
                Some("i") => Value::Int(text()?.parse().map_err(|_| wrong())?),
                Some("f") => Value::Float(text()?.parse().map_err(|_| wrong())?),
                Some("m") => {
                    let mut map = Map::new();
                    for pair in items {
                        let pair = pair.as_array().filter(|pair| pair.len() == 2);
                        let pair = pair.ok_or_else(wrong)?;
                        map.insert(decode(&pair[0])?, decode(&pair[1])?);
                    }
                    Value::Map(map)
                }
                _ => return Err(wrong()),
            }
        }
    })
}

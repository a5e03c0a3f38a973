//! `state.event`: the event stream, as Salt's runner of that name prints it.

use fancy_regex::Regex;
use model::{Glob, Value};

use crate::arguments::Arguments;
use crate::client::{Client, Error, Item};
use crate::exit_code;
use crate::outputters::{Layout, write_json};
use crate::program::{tell_back, tell_lost};
use crate::terminal::Terminal;

/// What to print, and for how long.
#[derive(Debug)]
pub(crate) struct Watch {
    pattern: String,
    count: i64,
    is_quiet: bool,
    is_pretty: bool,
}

impl Watch {
    /// Reads the runner's arguments: tagmatch, count, quiet, sock_dir, pretty, node.
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let get = |place: usize, name: &str| {
            let named = arguments.kwarg.get(name);
            named.or_else(|| arguments.arg.get(place))
        };
        Self {
            pattern: get(0, "tagmatch").map_or_else(|| "*".into(), Value::to_text),
            count: get(1, "count").and_then(Value::as_i64).unwrap_or(-1),
            is_quiet: get(2, "quiet").is_some_and(Value::is_truthy),
            is_pretty: get(4, "pretty").is_some_and(Value::is_truthy),
        }
    }

    /// Prints matching events until the count is reached, the reader leaves, or Ctrl-C.
    pub(crate) async fn run(&self, client: &Client, terminal: &mut Terminal) -> Result<u8, Error> {
        let head = client.health().await?.head;
        let glob = Glob::new(&self.pattern);
        // Salt takes a glob or a regular expression; only a plain glob can be left to the master.
        let regex = Regex::new(&format!(r"\A(?:{})\z", self.pattern)).ok();
        let is_plain = !self.pattern.contains(|c| "^$+.(){}|\\[]".contains(c));
        let tags = if is_plain {
            vec![self.pattern.clone()]
        } else {
            Vec::new()
        };
        let mut stream = client.events(head, tags);
        let mut left = self.count;
        let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            let item = tokio::select! {
                item = stream.next() => item?,
                _ = &mut interrupt => return Ok(exit_code::INTERRUPTED),
            };
            let event = match item {
                Item::Next(event) => event,
                Item::Lost(error) => {
                    tell_lost(&error, terminal);
                    continue;
                }
                Item::Back => {
                    tell_back(terminal);
                    continue;
                }
                Item::End => return Ok(exit_code::OK),
            };
            let tag = event.tag.as_str();
            let matches_regex =
                || matches!(&regex, Some(regex) if regex.is_match(tag).unwrap_or(false));
            if !glob.matches(tag) && !matches_regex() {
                continue;
            }
            if !self.is_quiet {
                terminal.line(&self.line(tag, Value::Map(event.data)));
            }
            left -= i64::from(left > 0);
            if left == 0 || terminal.is_closed() {
                return Ok(exit_code::OK);
            }
        }
    }

    fn line(&self, tag: &str, data: Value) -> String {
        let layout = Layout {
            indent: self.is_pretty.then_some(4),
            is_sorted: self.is_pretty,
        };
        format!("{tag}\t{}", write_json(&data, layout))
    }
}

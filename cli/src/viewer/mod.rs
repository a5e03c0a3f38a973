//! The live view of a run: a tree that redraws in place, or one line per change where nobody looks
//! on.
//!
//! Only a viewer: the run lives in the master. Ctrl-C detaches, a broken connection is taken up
//! again, and the same run may have any number of viewers.

mod changes;
mod tree;

use std::time::Duration;

use model::Timestamp;
use model::api::RunView;

use crate::client::{Client, Error, Item};
use crate::outputters::Palette;
use crate::program::{tell_back, tell_lost};
use crate::terminal::Terminal;

pub(crate) use tree::{Frame, counted, elapsed, mark, typically};

/// How often elapsed times are drawn anew.
const TICK: Duration = Duration::from_secs(1);

/// How to show a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A tree, redrawn in place.
    Tree,
    /// One line per change, to standard output.
    Lines,
    /// One line per change, to standard error: the output is for data.
    Aside,
    /// Each view as one line of JSON.
    Json,
    /// Nothing.
    Silent,
}

/// How following a run ended.
#[derive(Debug)]
pub(crate) enum Followed {
    /// The run ended.
    ToTheEnd,
    /// The person pressed Ctrl-C; the run goes on.
    Detached,
    /// Whoever read the output went away; the run goes on.
    Closed,
}

/// Shows a run until it ends or the person leaves.
pub(crate) async fn follow(
    client: &Client,
    run: &str,
    mode: Mode,
    palette: Palette,
    terminal: &mut Terminal,
) -> Result<Followed, Error> {
    let mut stream = client.watch(run);
    let mut screen = Screen::new(mode, palette);
    let mut tick = tokio::time::interval(TICK);
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            biased;
            _ = &mut interrupt => {
                screen.leave(terminal);
                return Ok(Followed::Detached);
            }
            item = stream.next() => match item? {
                Item::Next(view) => screen.show(view, terminal),
                Item::Lost(error) => {
                    screen.leave(terminal);
                    tell_lost(&error, terminal);
                }
                Item::Back => tell_back(terminal),
                Item::End => {
                    screen.leave(terminal);
                    return Ok(Followed::ToTheEnd);
                }
            },
            _ = tick.tick() => screen.redraw(terminal),
        }
        if terminal.is_closed() {
            return Ok(Followed::Closed);
        }
        // A stream that was cut right after the last change would only end with a timeout.
        if screen
            .last
            .as_ref()
            .is_some_and(|view| view.summary.phase.has_ended())
        {
            screen.leave(terminal);
            return Ok(Followed::ToTheEnd);
        }
    }
}

/// What is on the screen now.
struct Screen {
    mode: Mode,
    palette: Palette,
    last: Option<Box<RunView>>,
    rows: usize,
}

impl Screen {
    fn new(mode: Mode, palette: Palette) -> Self {
        Self {
            mode,
            palette,
            last: None,
            rows: 0,
        }
    }

    fn show(&mut self, view: Box<RunView>, terminal: &mut Terminal) {
        match self.mode {
            Mode::Tree => {}
            Mode::Lines | Mode::Aside => {
                for line in changes::between(self.last.as_deref(), &view) {
                    if self.mode == Mode::Aside {
                        terminal.complain(&line);
                    } else {
                        terminal.line(&line);
                    }
                }
            }
            Mode::Json => {
                if let Ok(json) = serde_json::to_string(&view) {
                    terminal.line(&json);
                }
            }
            Mode::Silent => {}
        }
        self.last = Some(view);
        self.redraw(terminal);
    }

    /// Draws the tree over the last one.
    fn redraw(&mut self, terminal: &mut Terminal) {
        let (Mode::Tree, Some(view)) = (self.mode, &self.last) else {
            return;
        };
        let frame = Frame {
            now: now(),
            width: terminal.width(),
            height: terminal.height().saturating_sub(1).max(1),
            palette: self.palette,
            is_ascii: terminal.is_ascii(),
        };
        let lines = tree::draw(view, &frame);
        let mut text = String::new();
        if self.rows > 0 {
            text.push_str(&format!("\x1b[{}A", self.rows));
        }
        text.push_str("\r\x1b[J");
        for line in &lines {
            text.push_str(line);
            text.push('\n');
        }
        self.rows = lines.len();
        terminal.print(&text);
    }

    /// Leaves what was drawn on the screen and goes on below it.
    fn leave(&mut self, terminal: &mut Terminal) {
        self.redraw(terminal);
        self.rows = 0;
    }
}

/// Gives the time, for elapsed times on the screen.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let micros = since.map_or(0, |since| since.as_micros());
    Timestamp(u64::try_from(micros).unwrap_or(u64::MAX))
}

//! Where the programs print and read: the real terminal, or a buffer in tests.
//!
//! A reader that went away (`salt ... | head`) is no error; printing stops quietly and the caller
//! may ask [`Terminal::is_closed`].

use std::io::{BufRead, IsTerminal, Write};

use crate::outputters::Palette;

/// Width that is assumed where none can be asked: what Salt wraps its own warnings to.
const WIDTH_DEFAULT: usize = 80;

/// The ends of a program: what it prints to, complains to and asks.
pub struct Terminal {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    input: Box<dyn BufRead + Send>,
    is_interactive: bool,
    allows_color: bool,
    is_ascii: bool,
    is_closed: bool,
}

/// Says whether the locale asks for ASCII. Where none is set, UTF-8 is taken for granted.
fn has_plain_locale() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let mut set = set.filter_map(|name| std::env::var(name).ok());
    let locale = set.find(|value| !value.is_empty());
    locale.is_some_and(|locale| matches!(locale.as_str(), "C" | "POSIX"))
}

impl Terminal {
    /// Opens the process's own standard streams.
    pub fn real() -> Self {
        let is_interactive = std::io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            out: Box::new(std::io::stdout()),
            err: Box::new(std::io::stderr()),
            input: Box::new(std::io::BufReader::new(std::io::stdin())),
            is_interactive: is_interactive && !is_dumb,
            allows_color: is_interactive && !no_color && !is_dumb,
            is_ascii: is_dumb || has_plain_locale(),
            is_closed: false,
        }
    }

    /// Makes one over given streams; never interactive, never coloured by itself.
    pub fn over(
        out: impl Write + Send + 'static,
        err: impl Write + Send + 'static,
        input: impl BufRead + Send + 'static,
    ) -> Self {
        Self {
            out: Box::new(out),
            err: Box::new(err),
            input: Box::new(input),
            is_interactive: false,
            allows_color: false,
            is_ascii: false,
            is_closed: false,
        }
    }

    /// Says whether a person looks on: the output can be redrawn in place.
    pub(crate) fn is_interactive(&self) -> bool {
        self.is_interactive
    }

    /// Says whether only ASCII can be relied on: a dumb terminal, or a locale without UTF-8.
    pub(crate) fn is_ascii(&self) -> bool {
        self.is_ascii
    }

    /// Says whether whoever read the output went away.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Gives the colours to use after `--force-color` and `--no-color`.
    pub(crate) fn palette(&self, is_forced: bool, is_refused: bool) -> Palette {
        Palette::new(is_forced || (self.allows_color && !is_refused))
    }

    /// Gives the width in columns.
    pub(crate) fn width(&self) -> usize {
        if !self.is_interactive {
            return WIDTH_DEFAULT;
        }
        match rustix::termios::tcgetwinsize(std::io::stdout()) {
            Ok(size) if size.ws_col > 0 => size.ws_col.into(),
            _ => WIDTH_DEFAULT,
        }
    }

    /// Gives the height in rows.
    pub(crate) fn height(&self) -> usize {
        match rustix::termios::tcgetwinsize(std::io::stdout()) {
            Ok(size) if size.ws_row > 0 => size.ws_row.into(),
            _ => 24,
        }
    }

    /// Prints text as it is and shows it at once.
    pub(crate) fn print(&mut self, text: &str) {
        let written = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
        self.is_closed |= written.is_err();
    }

    /// Prints one line.
    pub(crate) fn line(&mut self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    /// Prints one line to the standard error stream.
    pub(crate) fn complain(&mut self, text: &str) {
        // Nobody is left to tell if even this fails.
        let _ = self.err.write_all(format!("{text}\n").as_bytes());
        let _ = self.err.flush();
    }

    /// Asks a question; `None` at the end of the input.
    pub(crate) fn ask(&mut self, question: &str) -> Option<String> {
        self.print(question);
        self.next_input_line()
    }

    /// Reads one line without its end; `None` at the end of the input.
    pub(crate) fn next_input_line(&mut self) -> Option<String> {
        let mut answer = String::new();
        match self.input.read_line(&mut answer) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(answer.trim_end_matches(['\r', '\n']).to_owned()),
        }
    }
}

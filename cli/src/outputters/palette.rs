//! Salt's colours.

/// The escape sequences of Salt's default theme, or nothing at all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    is_on: bool,
}

/// The colours that Salt's outputters use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Color {
    /// Failure.
    Red,
    /// Failure in headings.
    LightRed,
    /// Success.
    Green,
    /// Headings of accepted keys.
    LightGreen,
    /// Text that is no text.
    Yellow,
    /// Constants, and states that would change.
    LightYellow,
    /// Rejected keys.
    Blue,
    /// Headings of rejected keys.
    LightBlue,
    /// Denied keys.
    Magenta,
    /// Headings of denied keys.
    LightMagenta,
    /// Names, and changes.
    Cyan,
}

impl Palette {
    /// Makes the palette; off, every colour is empty.
    pub(crate) fn new(is_on: bool) -> Self {
        Self { is_on }
    }

    /// Gives the sequence that starts a colour.
    pub(crate) fn start(self, color: Color) -> &'static str {
        if !self.is_on {
            return "";
        }
        match color {
            Color::Red => "\x1b[0;31m",
            Color::LightRed => "\x1b[0;1;31m",
            Color::Green => "\x1b[0;32m",
            Color::LightGreen => "\x1b[0;1;32m",
            Color::Yellow => "\x1b[0;33m",
            Color::LightYellow => "\x1b[0;1;33m",
            Color::Blue => "\x1b[0;34m",
            Color::LightBlue => "\x1b[0;1;34m",
            Color::Magenta => "\x1b[0;35m",
            Color::LightMagenta => "\x1b[0;1;35m",
            Color::Cyan => "\x1b[0;36m",
        }
    }

    /// Gives the sequence that ends any colour.
    pub(crate) fn end(self) -> &'static str {
        if self.is_on { "\x1b[0;0m" } else { "" }
    }

    /// Wraps a text in a colour.
    pub(crate) fn paint(self, color: Color, text: &str) -> String {
        format!("{}{text}{}", self.start(color), self.end())
    }
}

//! Python's text functions, where Salt's output depends on their exact rules.

/// Characters that end a line for Python's `str.splitlines`, `\r\n` apart.
fn ends_line(character: char) -> bool {
    matches!(
        character,
        '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Splits as `str.splitlines()`: no empty piece after a last line end, none for an empty text.
pub(crate) fn splitlines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let Some(end) = rest.find(ends_line) else {
            lines.push(rest);
            break;
        };
        lines.push(rest.get(..end).unwrap_or_default());
        let tail = rest.get(end..).unwrap_or_default();
        let break_bytes = if tail.starts_with("\r\n") {
            2
        } else {
            tail.chars().next().map_or(1, char::len_utf8)
        };
        rest = tail.get(break_bytes..).unwrap_or_default();
    }
    lines
}

/// Replaces ESC by `?`, so that what a minion sends cannot steer the terminal.
pub(crate) fn without_escapes(text: &str) -> String {
    text.replace('\x1b', "?")
}

/// Fills paragraphs as `textwrap.TextWrapper(width, initial_indent, subsequent_indent).fill`.
pub(crate) fn fill(text: &str, width: usize, indent: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let is_first = line.is_empty();
        let length = line.chars().count() + usize::from(!is_first) + word.chars().count();
        if !is_first && indent.len() + length > width {
            lines.push(format!("{indent}{line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(format!("{indent}{line}"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_python_ends_them() {
        assert_eq!(splitlines(""), Vec::<&str>::new());
        assert_eq!(splitlines("a\r\nb\rc\n"), ["a", "b", "c"]);
        assert_eq!(splitlines("a\n\nb\u{2028}c"), ["a", "", "b", "c"]);
    }

    #[test]
    fn words_wrap_before_the_width() {
        assert_eq!(fill("aa bb cc", 7, "  "), "  aa bb\n  cc");
    }
}

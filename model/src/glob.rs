//! Shell globs as Python's `fnmatch` reads them.

/// A compiled glob: `*`, `?`, `[seq]`, `[!seq]`; no braces, no path semantics; case counts.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    regex: Option<fancy_regex::Regex>,
}

impl Glob {
    /// Compiles a glob. A text without wildcards, or one that Python itself could not compile,
    /// matches itself.
    pub fn new(text: &str) -> Self {
        let has_wildcard = text.contains(['*', '?', '[']);
        let regex = if has_wildcard {
            fancy_regex::Regex::new(&translate(text)).ok()
        } else {
            None
        };
        Self {
            text: text.to_owned(),
            regex,
        }
    }

    /// Gives the text it was made of.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Says whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        match &self.regex {
            Some(regex) => regex.is_match(text).unwrap_or(false),
            None => self.text == text,
        }
    }
}

fn translate(glob: &str) -> String {
    let characters: Vec<char> = glob.chars().collect();
    let mut out = String::from("(?s)^");
    let mut at = 0;
    while at < characters.len() {
        match characters[at] {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            '[' => match class_end(&characters, at) {
                Some(end) => {
                    push_class(&characters[at + 1..end], &mut out);
                    at = end;
                }
                None => out.push_str("\\["),
            },
            other => out.push_str(&fancy_regex::escape(&other.to_string())),
        }
        at += 1;
    }
    out.push('$');
    // `$` also matches before a final line feed in Python's re, but fnmatch uses \Z: so does `$`
    // here.
    out
}

/// Finds the `]` that closes the class opened at `start`; a `]` in first place is a member.
fn class_end(characters: &[char], start: usize) -> Option<usize> {
    let mut at = start + 1;
    if characters.get(at) == Some(&'!') {
        at += 1;
    }
    if characters.get(at) == Some(&']') {
        at += 1;
    }
    (at..characters.len()).find(|&index| characters[index] == ']')
}

fn push_class(members: &[char], out: &mut String) {
    let (is_negated, members) = match members.split_first() {
        Some(('!', rest)) => (true, rest),
        _ => (false, members),
    };
    out.push('[');
    if is_negated {
        out.push('^');
    }
    for &member in members {
        if matches!(member, '\\' | '[' | ']' | '^' | '&' | '~') {
            out.push('\\');
        }
        out.push(member);
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_matches_the_same() {
        let cases = [
            ("*", "anything", true),
            ("web?", "web1", true),
            ("web?", "web12", false),
            ("web[0-9]", "web5", true),
            ("web[!0-9]", "web5", false),
            ("a.c", "abc", false),
            ("00:00:00:11:11:11", "00:00:00:11:11:11", true),
            ("salt/minion/*/start", "salt/minion/a/b/start", true),
            ("[", "[", true),
            ("a{b,c}", "ab", false),
        ];
        for (glob, text, expected) in cases {
            assert_eq!(Glob::new(glob).matches(text), expected, "{glob} {text}");
        }
    }
}

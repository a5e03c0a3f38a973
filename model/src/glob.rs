//! Shell globs as Python's `fnmatch` reads them.

/// A compiled glob: `*`, `?`, `[seq]`, `[!seq]`; no braces, no path semantics; case counts.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    way: Way,
}

/// How a text is compared with a glob. Compiling a regex costs more than many comparisons, and most
/// globs are made for one; so only classes need one.
#[derive(Debug, Clone)]
enum Way {
    /// Nothing in it is special.
    Same,
    /// `*` and `?` alone.
    Wildcards,
    /// It has classes.
    Regex(Box<fancy_regex::Regex>),
}

impl Glob {
    /// Compiles a glob. A text without wildcards, or one that Python itself could not compile,
    /// matches itself.
    pub fn new(text: &str) -> Self {
        let way = if text.contains('[') {
            let regex = fancy_regex::Regex::new(&translate(text));
            regex.map_or(Way::Same, |regex| Way::Regex(Box::new(regex)))
        } else if text.contains(['*', '?']) {
            Way::Wildcards
        } else {
            Way::Same
        };
        Self {
            text: text.to_owned(),
            way,
        }
    }

    /// Gives the text it was made of.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Gives the one text that matches, if it has no wildcard.
    pub fn literal(&self) -> Option<&str> {
        matches!(self.way, Way::Same).then_some(self.text.as_str())
    }

    /// Says whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        match &self.way {
            Way::Same => self.text == text,
            Way::Wildcards => matches_wildcards(&self.text, text),
            Way::Regex(regex) => regex.is_match(text).unwrap_or(false),
        }
    }
}

/// Compares with a glob of `*` and `?`. When a character does not fit, the last `*` takes one more:
/// no earlier one needs to be tried again, so the time is at most the product of both lengths.
fn matches_wildcards(glob: &str, text: &str) -> bool {
    let (mut wanted, mut rest) = (glob.chars(), text.chars());
    let mut last_star = None;
    loop {
        let here = (wanted.clone(), rest.clone());
        match (wanted.next(), rest.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                rest = here.1;
                last_star = Some((wanted.clone(), rest.clone()));
            }
            (Some('?'), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => {
                let Some((after_star, taken)) = &mut last_star else {
                    return false;
                };
                if taken.next().is_none() {
                    return false;
                }
                (wanted, rest) = (after_star.clone(), taken.clone());
            }
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
            ("*", "", true),
            ("?", "", false),
            ("?", "ä", true),
            ("**a*", "bab", true),
            ("*ab*ac", "abababac", true),
            ("*ab*ac", "abababad", false),
            ("a*", "b", false),
            ("*\n", "a\n", true),
            ("*", "a\nb\n", true),
            ("a?c*[0-9]", "abc/7", true),
        ];
        for (glob, text, expected) in cases {
            assert_eq!(Glob::new(glob).matches(text), expected, "{glob} {text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_regex_says_the_same(glob in "[ab*?\n]{0,8}", text in "[ab\n]{0,12}") {
            let regex = fancy_regex::Regex::new(&translate(&glob)).expect("a regex");
            let expected = regex.is_match(&text).expect("short texts");
            proptest::prop_assert_eq!(Glob::new(&glob).matches(&text), expected);
        }
    }
}

//! The few options that a client needs from the master's config files.
//!
//! Reads `DIR/master`, then `DIR/master.d/*.conf` in alphabetical order, later ones winning, as
//! Salt does. Only lines `name: value` that start at the left edge count: enough for the plain
//! options a client needs, without a second reader for everything a master may be told. A file that
//! is one JSON object, as programs write them, is read as that. A file that cannot be read counts
//! as absent: the master, not its client, complains about its config.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The plain top-level options of a config directory.
#[derive(Debug, Default)]
pub(crate) struct MasterFile {
    values: HashMap<String, String>,
}

impl MasterFile {
    /// Reads a config directory.
    pub(crate) fn read(config_dir: &Path) -> Self {
        let mut file = Self::default();
        let mut paths = vec![config_dir.join("master")];
        paths.extend(included(&config_dir.join("master.d")));
        for path in paths {
            if let Ok(text) = std::fs::read_to_string(&path) {
                file.absorb(&text);
            }
        }
        file
    }

    /// Gives an option as it is written, without quotes.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Gives an option that is a boolean.
    pub(crate) fn get_bool(&self, name: &str) -> Option<bool> {
        match self.get(name)?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    /// Gives an option that is a number of seconds.
    pub(crate) fn get_seconds(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    fn absorb(&mut self, text: &str) {
        if text.trim_start().starts_with('{')
            && let Ok(options) = serde_json::from_str::<serde_json::Map<_, _>>(text)
        {
            let options = options.into_iter();
            let plain = options.filter_map(|(name, value)| Some((name, plain_json(value)?)));
            return self.values.extend(plain);
        }
        for line in text.lines() {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let is_name = name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let value = plain_value(value);
            if is_name && !name.is_empty() && !value.is_empty() {
                self.values.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

fn included(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "conf"))
        .collect();
    paths.sort();
    paths
}

/// Writes a value as a line of YAML would have it; `None` if it is no plain one.
fn plain_json(value: serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text),
        value @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_)) => {
            Some(value.to_string())
        }
        _ => None,
    }
}

/// Takes quotes and a comment off a value.
fn plain_value(value: &str) -> &str {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some((inner, _)) = value
            .strip_prefix(quote)
            .and_then(|rest| rest.split_once(quote))
        {
            return inner;
        }
    }
    if value.starts_with('#') {
        return "";
    }
    value
        .split_once(" #")
        .map_or(value, |(before, _)| before)
        .trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_file_wins_and_nested_options_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("master.d")).unwrap();
        let main = "# sock_dir: /no\nsock_dir: /a # here\nfile_roots:\n  sock_dir: /b\n\
                    state_verbose: 'False'\nroot_dir: \"/r # s\"\ntimeout: 7\n";
        std::fs::write(dir.path().join("master"), main).unwrap();
        std::fs::write(dir.path().join("master.d/b.conf"), "sock_dir: /c").unwrap();
        std::fs::write(dir.path().join("master.d/a.conf"), "sock_dir: /d").unwrap();
        std::fs::write(dir.path().join("master.d/z.txt"), "sock_dir: /e").unwrap();
        let file = MasterFile::read(dir.path());
        assert_eq!(file.get("sock_dir"), Some("/c"));
        assert_eq!(file.get("root_dir"), Some("/r # s"));
        assert_eq!(file.get_bool("state_verbose"), Some(false));
        assert_eq!(file.get_seconds("timeout"), Some(7));
    }

    #[test]
    fn one_object_of_json_is_a_config_too() {
        let dir = tempfile::tempdir().unwrap();
        let main = r#"{"sock_dir": "/a: b", "timeout": 7, "state_verbose": false, "x": {}}"#;
        std::fs::write(dir.path().join("master"), main).unwrap();
        let file = MasterFile::read(dir.path());
        assert_eq!(file.get("sock_dir"), Some("/a: b"));
        assert_eq!(file.get_bool("state_verbose"), Some(false));
        assert_eq!(file.get_seconds("timeout"), Some(7));
        assert_eq!(file.get("x"), None);
    }
}

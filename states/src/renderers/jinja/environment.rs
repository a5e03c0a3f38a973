//! How templates are written and read: delimiters, whitespace rules, strictness. Salt takes them
//! from `jinja_env`, `jinja_sls_env` and a `#jinja2:` line at the head of a file.

use model::{Map, Value};

/// Jinja's environment options, as far as they change what a template means.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Options {
    pub(super) block: (String, String),
    pub(super) variable: (String, String),
    pub(super) comment: (String, String),
    pub(super) line_statement_prefix: Option<String>,
    pub(super) line_comment_prefix: Option<String>,
    pub(super) trims_blocks: bool,
    pub(super) lstrips_blocks: bool,
    pub(super) keeps_trailing_newline: bool,
    pub(super) allows_undefined: bool,
}

impl Default for Options {
    fn default() -> Self {
        let pair = |begin: &str, end: &str| (begin.to_owned(), end.to_owned());
        Self {
            block: pair("{%", "%}"),
            variable: pair("{{", "}}"),
            comment: pair("{#", "#}"),
            line_statement_prefix: None,
            line_comment_prefix: None,
            trims_blocks: false,
            lstrips_blocks: false,
            keeps_trailing_newline: false,
            allows_undefined: false,
        }
    }
}

impl Options {
    /// Reads the options of the master or minion that renders; SLS files have a table of their own.
    pub(super) fn from_opts(opts: &Map, is_sls: bool) -> Self {
        let mut options = Self::default();
        let is_on = |name: &str| opts.get(name).is_some_and(Value::is_truthy);
        options.trims_blocks = is_on("jinja_trim_blocks");
        options.lstrips_blocks = is_on("jinja_lstrip_blocks");
        options.allows_undefined = is_on("allow_undefined");
        let table = if is_sls { "jinja_sls_env" } else { "jinja_env" };
        if let Some(table) = opts.get(table).and_then(Value::as_map) {
            options.apply(table);
        }
        options
    }

    fn apply(&mut self, table: &Map) {
        for (name, value) in table.iter() {
            let text = || {
                value
                    .as_str()
                    .filter(|text| !text.is_empty())
                    .map(str::to_owned)
            };
            let Some(name) = name.as_str() else { continue };
            match (name.to_lowercase().as_str(), text()) {
                ("trim_blocks", _) => self.trims_blocks = value.is_truthy(),
                ("lstrip_blocks", _) => self.lstrips_blocks = value.is_truthy(),
                ("keep_trailing_newline", _) => self.keeps_trailing_newline = value.is_truthy(),
                ("line_statement_prefix", prefix) => self.line_statement_prefix = prefix,
                ("line_comment_prefix", prefix) => self.line_comment_prefix = prefix,
                ("block_start_string", Some(text)) => self.block.0 = text,
                ("block_end_string", Some(text)) => self.block.1 = text,
                ("variable_start_string", Some(text)) => self.variable.0 = text,
                ("variable_end_string", Some(text)) => self.variable.1 = text,
                ("comment_start_string", Some(text)) => self.comment.0 = text,
                ("comment_end_string", Some(text)) => self.comment.1 = text,
                _ => {}
            }
        }
    }

    /// Applies and cuts out a `#jinja2: {...}` line at the head of a file (behind a `#!` line). A
    /// line that holds no JSON object stays where it is.
    pub(super) fn take_header(&mut self, text: &str) -> Option<String> {
        let first_end = text.find('\n').map_or(text.len(), |end| end + 1);
        let has_shebang = text.starts_with("#!") && !text.starts_with("#!/");
        let start = if has_shebang { first_end } else { 0 };
        let rest = &text[start..];
        let end = rest.find('\n').map_or(rest.len(), |end| end + 1);
        let json = rest[..end].strip_prefix("#jinja2:")?;
        let table: Map = serde_json::from_str(json).ok()?;
        self.apply(&table);
        Some(format!("{}{}", &text[..start], &rest[end..]))
    }
}

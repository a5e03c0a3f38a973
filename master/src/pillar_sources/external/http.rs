//! `http_yaml` and `http_json`: what a web server says.
//!
//! `%s` in the address is the minion's id; with `with_grains`, `<name>` is a grain. As in Salt, a
//! server that does not answer or says no is told in the log, and the pillar goes without it;
//! an answer that cannot be read is an error of the pillar.

use std::sync::Arc;
use std::time::Duration;

use model::{Grains, Map, Value};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pillar::{PillarSource, SourceRequest};
use states::renderers::load_yaml;

use super::{Parts, bind, map, text};
use crate::http_client::{self, Page};

/// What Python's `urllib.parse.quote` leaves as it is.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'_')
    .remove(b'.')
    .remove(b'-')
    .remove(b'~')
    .remove(b'/');

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Yaml,
    Json,
}

struct Http {
    form: Form,
    page: Page,
    has_grains: bool,
    namespace: Option<String>,
    time: Duration,
}

pub(super) fn yaml(arguments: &Value, parts: &Parts) -> Result<Arc<dyn PillarSource>, String> {
    let names = [
        "url",
        "with_grains",
        "header_dict",
        "auth",
        "username",
        "password",
    ];
    let [url, with_grains, headers, auth, username, password] = bind(arguments, names)?;
    let all = [url, with_grains, headers, auth, username, password, None];
    http(Form::Yaml, all, parts)
}

pub(super) fn json(arguments: &Value, parts: &Parts) -> Result<Arc<dyn PillarSource>, String> {
    let names = [
        "url",
        "with_grains",
        "header_dict",
        "auth",
        "username",
        "password",
        "namespace",
    ];
    http(Form::Json, bind(arguments, names)?, parts)
}

fn http(
    form: Form,
    [
        url,
        with_grains,
        headers,
        auth,
        username,
        password,
        namespace,
    ]: [Option<Value>; 7],
    parts: &Parts,
) -> Result<Arc<dyn PillarSource>, String> {
    if auth.is_some() {
        return Err("auth is not supported; give username and password".to_owned());
    }
    let headers = match headers {
        None => Vec::new(),
        Some(Value::Map(headers)) => headers
            .iter()
            .map(|(name, value)| (name.to_text(), value.to_text()))
            .collect(),
        Some(other) => return Err(format!("header_dict must be a map, not {}", other.repr())),
    };
    let login = match (username, password) {
        (Some(user), Some(password)) => Some((user.to_text(), password.to_text())),
        (None, None) => None,
        _ => return Err("username and password go together".to_owned()),
    };
    let page = Page {
        url: text(url, "url")?,
        headers,
        login,
        trust: parts.trust.clone(),
        ..Page::default()
    };
    Ok(Arc::new(Http {
        form,
        page,
        has_grains: with_grains.is_some_and(|value| value.is_truthy()),
        namespace: namespace
            .filter(Value::is_truthy)
            .map(|name| name.to_text()),
        time: parts.time,
    }))
}

fn quoted(text: &str) -> String {
    utf8_percent_encode(text, QUOTED).to_string()
}

/// Puts grains into an address; the error is the name of the first that the minion does not have.
fn with_grains(url: &str, grains: &Grains) -> Result<String, String> {
    let mut made = String::new();
    let mut rest = url;
    while let Some((before, behind)) = rest.split_once('<')
        && let Some((name, behind)) = behind.split_once('>')
    {
        let value = grains.get(name).filter(|value| value.is_truthy());
        let value = value.ok_or_else(|| name.to_owned())?;
        made.push_str(before);
        made.push_str(&quoted(&value.to_text()));
        rest = behind;
    }
    made.push_str(rest);
    Ok(made)
}

impl PillarSource for Http {
    fn name(&self) -> &str {
        match self.form {
            Form::Yaml => "http_yaml",
            Form::Json => "http_json",
        }
    }

    fn pillar(&self, request: SourceRequest<'_>) -> Result<Map, String> {
        let minion_id = request.id.as_str();
        let mut page = self.page.clone();
        page.url = page.url.replace("%s", &quoted(minion_id));
        if self.has_grains {
            page.url = match with_grains(&page.url, request.grains) {
                Ok(url) => url,
                Err(grain) => {
                    tracing::error!(minion_id, grain, "the minion lacks a grain of an address");
                    return Ok(Map::new());
                }
            };
        }
        let body = match http_client::get(page, self.time) {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(minion_id, %error, "an external pillar gives no data");
                return Ok(Map::new());
            }
        };
        let text = String::from_utf8(body).map_err(|error| error.to_string())?;
        let data = match self.form {
            Form::Yaml => load_yaml(&text).map_err(|error| error.to_string())?,
            Form::Json => serde_json::from_str(&text).map_err(|error| error.to_string())?,
        };
        match &self.namespace {
            Some(name) => Ok(Map::from([(name.as_str(), data)])),
            None => map(data),
        }
    }
}

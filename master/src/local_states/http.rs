//! `http.query`: a server is asked, and its answer is looked at.

use std::time::Duration;

use fancy_regex::Regex;
use model::{Map, Value};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Given, Machine, Outcome, Said};
use crate::http_client::{self, Page, Trust};

/// Longest time of a query that says no `timeout`, in seconds: that of Salt's client.
const TIME_SECONDS: u64 = 20;
/// Longest time of any query, in seconds.
const TIME_SECONDS_MAX: u64 = 600;

/// What a form leaves as it is.
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'_')
    .remove(b'.')
    .remove(b'-')
    .remove(b'~');

pub(super) fn query(machine: &Machine, with: &Given<'_>) -> Outcome {
    let (wanted_text, wanted_status) = (with.get("match"), with.get("status"));
    if wanted_text.is_none() && wanted_status.is_none() {
        let why = " Either match text (match) or a status code (status) is required.";
        let mut said = Said::failed(why);
        said.more.insert("data", Map::new());
        return Ok(said);
    }
    let data = if with.is_test() {
        Map::new()
    } else {
        asked(machine, with)?
    };
    let mut said = Said::default();
    if let Some(wanted) = wanted_text {
        look_for_text(wanted, &data, with, &mut said)?;
    }
    if let Some(wanted) = wanted_status {
        look_for_status(wanted, &data, with, &mut said)?;
    }
    said.comment = said.comment.trim().to_owned();
    if with.is_test() {
        said.result = None;
        said.comment.push_str(" (TEST MODE)");
    }
    said.more.insert("data", data);
    Ok(said)
}

/// Asks; gives what Salt's function of that name gives.
fn asked(machine: &Machine, with: &Given<'_>) -> Result<Map, String> {
    let page = page(machine, with)?;
    let seconds = match with.get("timeout") {
        None => TIME_SECONDS,
        Some(time) => time
            .as_u64()
            .ok_or("'timeout' must be a number of seconds")?
            .min(TIME_SECONDS_MAX),
    };
    let reply = match http_client::ask(page, Duration::from_secs(seconds)) {
        Ok(reply) => reply,
        Err(error) => {
            let none = ("status", Value::from(0));
            return Ok(Map::from([none, ("error", error.into())]));
        }
    };
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    let status = Value::from(i64::from(reply.status));
    if reply.is_success() {
        return Ok(Map::from([
            ("body", Value::str(&text)),
            ("status", status),
            ("text", text.into()),
        ]));
    }
    let error = format!("HTTP {}: {}", reply.status, reply.reason);
    Ok(Map::from([
        ("status", status),
        ("error", error.into()),
        ("body", text.into()),
    ]))
}

fn page(machine: &Machine, with: &Given<'_>) -> Result<Page, String> {
    let mut page = Page {
        url: with.name(),
        method: with.text("method").unwrap_or_default().to_uppercase(),
        trust: trust(machine, with),
        ..Page::default()
    };
    if let Some(params) = with.get("params") {
        let params = form(params).ok_or("'params' must be a dictionary")?;
        let mark = if page.url.contains('?') { '&' } else { '?' };
        page.url.push(mark);
        page.url.push_str(&params);
    }
    if let (Some(user), Some(password)) = (with.text("username"), with.text("password")) {
        page.login = Some((user, password));
    }
    page.headers.push(("User-agent".into(), "Brine".into()));
    if let Some(Value::Map(headers)) = with.get("header_dict") {
        let pairs = headers.iter();
        let pairs = pairs.map(|(name, value)| (name.to_text(), value.to_text()));
        page.headers.extend(pairs);
    }
    if let Some(Value::List(lines)) = with.get("header_list") {
        for line in lines.iter().map(Value::to_text) {
            if let Some((name, value)) = line.split_once(':') {
                page.headers.push((name.trim().into(), value.trim().into()));
            }
        }
    }
    if let Some(data) = with.get("data") {
        let is_text = data.as_str().is_some();
        let text = if is_text { None } else { form(data) };
        page.body = text.unwrap_or_else(|| data.to_text()).into_bytes();
        let is_typed = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
        if page.method == "POST" && !page.headers.iter().any(is_typed) {
            let kind = "application/x-www-form-urlencoded";
            page.headers.push(("Content-Type".into(), kind.into()));
        }
    }
    Ok(page)
}

fn trust(machine: &Machine, with: &Given<'_>) -> Trust {
    if !with.flag("verify_ssl", true) {
        return Trust::Anybody;
    }
    let own = with.text("ca_bundle");
    Trust::of(own.as_ref().or(machine.ca_bundle.as_ref()))
}

/// Writes a dictionary as a form does.
fn form(data: &Value) -> Option<String> {
    let quoted = |value: &Value| {
        let quoted = utf8_percent_encode(&value.to_text(), FORM).to_string();
        quoted.replace("%20", "+")
    };
    let pairs = data.as_map()?.iter();
    let pairs = pairs.map(|(name, value)| format!("{}={}", quoted(name), quoted(value)));
    Some(pairs.collect::<Vec<_>>().join("&"))
}

fn is_match(pattern: &str, text: &str) -> Result<bool, String> {
    let regex = Regex::new(pattern).map_err(|error| format!("'{pattern}': {error}"))?;
    regex.is_match(text).map_err(|error| error.to_string())
}

fn look_for_text(
    wanted: &Value,
    data: &Map,
    with: &Given<'_>,
    said: &mut Said,
) -> Result<(), String> {
    let wanted = wanted.to_text();
    let text = data.get("text").map(Value::to_text).unwrap_or_default();
    let (what, is_found) = match with.text("match_type").as_deref() {
        None | Some("string") => ("text", text.contains(&wanted)),
        Some("pcre") => ("pattern", is_match(&wanted, &text)?),
        Some(other) => return Err(format!("match_type must be string or pcre, not {other}")),
    };
    let how = if is_found { "was" } else { "was not" };
    said.result = Some(is_found);
    let comment = format!(" Match {what} \"{wanted}\" {how} found.");
    said.comment.push_str(&comment);
    Ok(())
}

/// The status decides where the text did not say no.
fn look_for_status(
    wanted: &Value,
    data: &Map,
    with: &Given<'_>,
    said: &mut Said,
) -> Result<(), String> {
    let status = data.get("status").map(Value::to_text).unwrap_or_default();
    let (found, comment) = match (with.text("status_type").as_deref(), wanted) {
        (Some("list"), Value::List(all)) => {
            match all.iter().map(Value::to_text).find(|one| *one == status) {
                Some(one) => (true, format!(" Status {one} was found.")),
                None => (
                    false,
                    format!(" Statuses {} were not found.", wanted.repr()),
                ),
            }
        }
        (Some("pcre"), _) => {
            let wanted = wanted.to_text();
            let is_found = is_match(&wanted, &status)?;
            let how = if is_found { "was" } else { "was not" };
            (
                is_found,
                format!(" Status pattern \"{wanted}\" {how} found."),
            )
        }
        (None | Some("string"), _) => {
            let wanted = wanted.to_text();
            let is_found = wanted == status;
            let how = if is_found { "was" } else { "was not" };
            (is_found, format!(" Status {wanted} {how} found."))
        }
        (Some("list"), _) => return Err("status_type: list needs a list of status".to_owned()),
        (Some(other), _) => {
            return Err(format!(
                "status_type must be string, list or pcre, not {other}"
            ));
        }
    };
    said.comment.push_str(&comment);
    if found {
        said.result.get_or_insert(true);
    } else {
        said.result = Some(false);
    }
    Ok(())
}

//! The pipe: which renderers a text goes through, and what flows between them.

use model::{Map, Value};

use super::{gpg, jinja, json, yaml};
use crate::context::{Context, Outside};
use crate::error::{Error, ErrorKind};
use crate::file_client::FileClient;

/// What flows from one renderer to the next.
enum Stream {
    Text(String),
    Data(Value),
}

/// Renders a text to data. The pipe is named by a first line `#!a|b`, else by `default_pipe`.
///
/// An empty document is an empty map, as in Salt. A pipe that ends in text gives the text.
pub fn render(
    text: &str,
    default_pipe: &str,
    context: &Context,
    files: &dyn FileClient,
) -> Result<Value, Error> {
    if text.trim().is_empty() {
        return Ok(Map::new().into());
    }
    let mut stream = Stream::Text(text.to_owned());
    for stage in stages(text, default_pipe) {
        stream = run(stage, stream, context, files).map_err(|error| placed(error, context))?;
    }
    Ok(match stream {
        Stream::Text(text) => Value::Str(text),
        Stream::Data(value) => value,
    })
}

/// Runs only the text part of the pipe (`jinja`); what would read the text as data is left out.
pub fn render_text(
    text: &str,
    default_pipe: &str,
    context: &Context,
    files: &dyn FileClient,
) -> Result<String, Error> {
    let mut text = text.to_owned();
    for stage in stages(&text.clone(), default_pipe) {
        if matches!(stage.name, "yaml" | "json" | "yamlex" | "text") {
            break;
        }
        match run(stage, Stream::Text(text), context, files).map_err(|e| placed(e, context))? {
            Stream::Text(rendered) => text = rendered,
            Stream::Data(value) => return Ok(value.to_text()),
        }
    }
    Ok(text)
}

fn placed(error: Error, context: &Context) -> Error {
    let error = error.in_sls(&context.saltenv, &context.sls);
    if context.template.is_empty() {
        error
    } else {
        error.in_file(&context.template)
    }
}

/// A renderer and the rest of its word in the pipe.
#[derive(Clone, Copy)]
struct Stage<'a> {
    name: &'a str,
    argument: &'a str,
}

fn stages<'a>(text: &'a str, default_pipe: &'a str) -> Vec<Stage<'a>> {
    let first = text.lines().next().unwrap_or_default();
    let pipe = match first.strip_prefix("#!") {
        Some(named) if !named.starts_with('/') => named.trim(),
        _ => default_pipe,
    };
    // Names from the days before pipes.
    let pipe = match pipe {
        "yaml_jinja" => "jinja|yaml",
        "json_jinja" => "jinja|json",
        other => other,
    };
    pipe.split('|')
        .map(|word| {
            let word = word.trim();
            let (name, argument) = word.split_once(' ').unwrap_or((word, ""));
            Stage {
                name,
                argument: argument.trim(),
            }
        })
        .collect()
}

fn run(
    stage: Stage<'_>,
    stream: Stream,
    context: &Context,
    files: &dyn FileClient,
) -> Result<Stream, Error> {
    let refuse = |reason: String| Err(Error::new(ErrorKind::Renderer, reason));
    let text = match stream {
        Stream::Text(text) => text,
        Stream::Data(value) if stage.name == "gpg" => {
            return gpg::decrypt_all(value, context).map(Stream::Data);
        }
        Stream::Data(_) => {
            let name = stage.name;
            return refuse(format!(
                "the renderer {name} stands behind one that gives data"
            ));
        }
    };
    match stage.name {
        "jinja" if matches!(stage.argument, "" | "-s") => {
            jinja::render(&text, context, files).map(Stream::Text)
        }
        "jinja" => refuse(format!("Unknown renderer option: {}", stage.argument)),
        "yaml" => yaml::load_yaml(&text).map(or_empty).map(Stream::Data),
        "json" => json::render(&text).map(Stream::Data),
        "text" => Ok(Stream::Data(Value::Str(text))),
        "gpg" => gpg::decrypt_text(&text, context).map(Stream::Text),
        "py" => python(&text, context).map(Stream::Data),
        other => refuse(format!("The renderer \"{other}\" is not available")),
    }
}

/// Hands a Python file to the caller, if the caller runs such files.
fn python(text: &str, context: &Context) -> Result<Value, Error> {
    let request = Outside::Python { text, context };
    match context.functions.outside(request) {
        Some(Ok(value)) => Ok(or_empty(value)),
        Some(Err(error)) => Err(Error::new(ErrorKind::Renderer, error.to_string())),
        None => Err(Error::new(
            ErrorKind::Renderer,
            "the renderer py would run the file as Python inside the master; it is not allowed \
            here. \
             Write the file as jinja|yaml, or as data of an external pillar",
        )),
    }
}

/// No data counts as an empty map.
fn or_empty(value: Value) -> Value {
    if value.is_truthy() {
        value
    } else {
        Map::new().into()
    }
}

#[cfg(test)]
mod tests;

//! Jinja2 as Salt's environment makes it, with Python's values.
//!
//! Text becomes tokens ([`lexer`]), tokens a tree ([`parser`], [`expressions`], [`salt_tags`]), and
//! the [`interpreter`] runs it over [`value::Py`]. A render has a thread of its own with a stack of
//! a known size, a count of steps and caps on text and lists ([`limits`]): a template can be wrong,
//! slow or hostile, and the caller gets an error.

mod ast;
mod attributes;
mod calls;
mod compare;
mod context;
mod dict;
mod environment;
mod escapes;
mod evaluate;
mod expressions;
mod fault;
mod filters;
mod format;
mod imports;
mod interpreter;
mod lexer;
mod limits;
mod loops;
mod methods;
mod number_text;
mod object;
mod object_call;
mod operators;
mod parser;
mod percent;
mod salt_tags;
mod scope;
mod statements;
mod tests;
mod text;
mod value;

use std::rc::Rc;

use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::file_client::FileClient;

use environment::Options;
use interpreter::Interpreter;
use scope::Scope;

/// Renders a text. The trailing line break stays, as Salt keeps it.
pub(super) fn render(
    text: &str,
    context: &Context,
    files: &dyn FileClient,
) -> Result<String, Error> {
    std::thread::scope(|threads| {
        let render = std::thread::Builder::new()
            .name("render".to_owned())
            .stack_size(limits::STACK)
            .spawn_scoped(threads, || render_here(text, context, files))
            .map_err(|error| {
                Error::new(ErrorKind::Limit, format!("no thread to render on: {error}"))
            })?;
        render.join().unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Template,
                "Jinja error: the template engine failed on this template; please report it",
            ))
        })
    })
}

fn render_here(text: &str, context: &Context, files: &dyn FileClient) -> Result<String, Error> {
    limits::start();
    let mut options = Options::from_opts(&context.opts, !context.sls.is_empty());
    let cut = options.take_header(text);
    let source = cut.as_deref().unwrap_or(text);
    let globals: Rc<Scope> = Rc::default();
    context::fill(&globals, context);
    let scope: Rc<Scope> = Rc::default();
    context::fill(&scope, context);
    let name = if context.template.is_empty() {
        "<template>"
    } else {
        &context.template
    };
    let result = imports::compile(name, source, &options).and_then(|template| {
        let mut interpreter = Interpreter::new(context, files, options, globals.clone());
        let site = Interpreter::site(&template, &scope);
        let mut out = String::new();
        let result = interpreter.run_template(&site, &mut out);
        site.root.clear();
        result.map(|()| out)
    });
    scope.clear();
    globals.clear();
    let mut out = result.map_err(|fault| fault.into_error())?;
    // Jinja takes the last line break away; Salt puts it back.
    if text.ends_with('\n') {
        out.push('\n');
    }
    Ok(out)
}

#[cfg(test)]
mod engine_tests;

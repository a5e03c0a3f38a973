//! Jinja2 as Salt's environment makes it, with Python's values.
//!
//! Text becomes tokens ([`lexer`]), tokens a tree ([`parser`], [`expressions`], [`salt_tags`]), and
//! the [`interpreter`] runs it over [`value::Py`]. A render has a thread with a stack of a known
//! size for itself, a count of steps and caps on text and lists ([`limits`]): a template can be
//! wrong, slow or hostile, and the caller gets an error.

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

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::thread::{Builder, ScopedJoinHandle};

use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::file_client::FileClient;

use environment::Options;
use interpreter::Interpreter;
use scope::Scope;

/// Does work that renders more than once, on a thread that all of its renders share; here, where no
/// such thread can be had.
pub(super) fn together<T: Send>(work: impl Fn() -> T + Sync) -> T {
    if limits::has_room() {
        return work();
    }
    std::thread::scope(|threads| {
        let shared = || {
            limits::set_room(true);
            work()
        };
        match with_room(threads, shared) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => work(),
        }
    })
}

/// Starts a thread with the stack that a render may need.
fn with_room<'s, T: Send + 's>(
    threads: &'s std::thread::Scope<'s, '_>,
    work: impl FnOnce() -> T + Send + 's,
) -> io::Result<ScopedJoinHandle<'s, T>> {
    Builder::new()
        .name("render".to_owned())
        .stack_size(limits::STACK)
        .spawn_scoped(threads, work)
}

/// Renders a text. The trailing line break stays, as Salt keeps it.
pub(super) fn render(
    text: &str,
    context: &Context,
    files: &dyn FileClient,
) -> Result<String, Error> {
    let work = || render_here(text, context, files);
    let rendered = if limits::has_room() {
        // What renders inside of this render needs a stack and a count of steps of its own. So do
        // those that come after one that panicked: it may have left anything behind on its thread.
        limits::set_room(false);
        let rendered = catch_unwind(AssertUnwindSafe(work));
        limits::set_room(rendered.is_ok());
        rendered
    } else {
        std::thread::scope(|threads| with_room(threads, work).map(ScopedJoinHandle::join)).map_err(
            |error| Error::new(ErrorKind::Limit, format!("no thread to render on: {error}")),
        )?
    };
    rendered.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::Template,
            "Jinja error: the template engine failed on this template; please report it",
        ))
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
        let scopes = (globals.clone(), scope.clone());
        let mut interpreter = Interpreter::new(context, files, options, scopes);
        let site = Interpreter::site(&template, &scope);
        let mut out = String::new();
        let result = interpreter.run_template(&site, &mut out);
        site.root.clear();
        result.map(|()| out)
    });
    let mut out = result.map_err(|fault| fault.into_error())?;
    // Jinja takes the last line break away; Salt puts it back.
    if text.ends_with('\n') {
        out.push('\n');
    }
    Ok(out)
}

#[cfg(test)]
mod engine_tests;

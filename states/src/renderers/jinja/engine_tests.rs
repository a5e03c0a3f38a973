//! What no template can do.

use std::rc::Rc;
use std::sync::Arc;

use model::{Map, Value};

use super::environment::Options;
use super::interpreter::Interpreter;
use super::value::Py;
use super::{context, imports, limits, render, together};
use crate::context::{Context, FunctionError, Functions};
use crate::error::ErrorKind;
use crate::file_client::MemoryFiles;

fn outcome(text: &str) -> Result<String, ErrorKind> {
    render(text, &Context::empty(), &MemoryFiles::new()).map_err(|error| {
        assert!(!error.message().contains("please report"), "{error}");
        error.kind()
    })
}

#[test]
fn no_template_takes_the_process_down() {
    let bombs = [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(x='aaaaaaaaaaaaaaaa') %}\
         {% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x='aaaaaaaaaaaaaaaa') %}\
         {% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}\
         {% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{{ 'a' * 10**12 }}",
        "{{ [1] * 10**12 }}",
        "{{ 'x'|center(10**12) }}",
        "{{ 'x'.ljust(10**12) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ 'a\nb'|indent(10**12) }}",
        "{{ (['x' * 100000] * 100000)|join('y') }}",
        "{{ ('x' * 100000).replace('x', 'y' * 100000) }}",
        "{% set ns = namespace(x=[]) %}\
         {% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set l = [] %}{% do l.append(l) %}{{ l }}",
        "{% set l = [] %}{% do l.append(l) %}{{ l|json }}",
    ];
    for bomb in bombs {
        assert_eq!(outcome(bomb), Err(ErrorKind::Limit), "{bomb}");
    }
    assert_eq!(outcome(&"{% if 1 %}".repeat(5000)), Err(ErrorKind::Limit));
    let nest = format!("{{{{ {}1{} }}}}", "(".repeat(50_000), ")".repeat(50_000));
    assert_eq!(outcome(&nest), Err(ErrorKind::Limit));
    assert_eq!(
        outcome(&format!("{{{{ {}1 }}}}", "-".repeat(50_000))),
        Err(ErrorKind::Limit)
    );
}

/// A function whose own render runs until it is stopped.
struct Endless;

impl Functions for Endless {
    fn call(&self, _: &str, _: Vec<Value>, _: Map) -> Result<Value, FunctionError> {
        let text = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
        assert!(
            !limits::has_room(),
            "this thread belongs to the render outside"
        );
        Ok(Value::Bool(outcome(text) == Err(ErrorKind::Limit)))
    }

    fn names(&self) -> Vec<String> {
        vec!["test.endless".to_owned()]
    }
}

#[test]
fn renders_that_share_a_thread_disturb_each_other_in_nothing() {
    let context = Context {
        functions: Arc::new(Endless),
        ..Context::empty()
    };
    let endless = "{{ salt['test.endless']() }} {{ range(99)|length }}";
    let texts = || {
        assert!(limits::has_room());
        let alone = std::thread::current().id();
        let first = outcome("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}");
        let second = render(endless, &context, &MemoryFiles::new()).map_err(|e| e.kind());
        let third = outcome("{% for a in range(9999) %}{{ a }}{% endfor %}").map(|_| ());
        assert!(limits::has_room());
        // What is together already starts no other thread.
        let is_same = together(|| std::thread::current().id() == alone);
        (first, second, third, is_same)
    };
    let (first, second, third, is_same) = together(texts);
    assert_eq!(first, Err(ErrorKind::Limit));
    assert_eq!(second, Ok("True 99".to_owned()));
    assert_eq!(third, Ok(()));
    assert!(is_same);
    assert!(!limits::has_room());
}

#[test]
fn a_render_that_panics_leaves_its_thread_to_no_other() {
    /// A function that is broken.
    struct Broken;
    impl Functions for Broken {
        fn call(&self, _: &str, _: Vec<Value>, _: Map) -> Result<Value, FunctionError> {
            panic!("as a test wants it")
        }
        fn names(&self) -> Vec<String> {
            vec!["test.broken".to_owned()]
        }
    }
    let context = Context {
        functions: Arc::new(Broken),
        ..Context::empty()
    };
    together(|| {
        let broken = render("{{ salt['test.broken']() }}", &context, &MemoryFiles::new());
        let error = broken.expect_err("it panics");
        assert!(error.message().contains("please report"), "{error}");
        assert!(!limits::has_room());
        assert_eq!(outcome("{{ 1 + 1 }}"), Ok("2".to_owned()));
    });
}

#[test]
fn files_without_a_context_share_the_large_variables_and_the_template_has_its_own() {
    let files = MemoryFiles::new()
        .with("a", "{% do opts.update({'x': 1}) %}{{ opts.x }}")
        .with("b", "{{ opts.x }}")
        .with("c", "{{ opts.x is defined }}");
    let text = "{% import 'a' as a %}{% import 'b' as b %}{{ a }}{{ b }} \
        {{ opts.x is defined }} {% include 'c' %} {% include 'c' without context %}";
    let rendered = render(text, &Context::empty(), &files);
    assert_eq!(
        rendered.map_err(|e| e.to_string()),
        Ok("11 False False True".to_owned())
    );
}

#[test]
fn what_a_template_made_is_freed_with_its_render() {
    let context = Context::empty();
    let files = MemoryFiles::new().with("m", "{% macro m() %}{{ grains }}{% endmacro %}");
    let text = "{% import 'm' as m %}{{ m.m() }}{% macro n() %}{{ n }}{% endmacro %}\
        {% block b %}{% set s = self %}{% macro n() %}{% endmacro %}{% endblock %}";
    let template = imports::compile("t", text, &Options::default()).expect("compiles");
    let (globals, scope) = (Rc::default(), Rc::default());
    context::fill(&globals, &context);
    limits::start();
    let mut interpreter = Interpreter::new(
        &context,
        &files,
        Options::default(),
        (globals.clone(), scope),
    );
    let site = Interpreter::site(&template, &interpreter.scope);
    interpreter
        .run_template(&site, &mut String::new())
        .expect("runs");
    let grains = match globals.get("grains") {
        Some(Py::Dict(grains)) => Rc::downgrade(&grains),
        _ => panic!("the macro has asked for the grains"),
    };
    let outermost = Rc::downgrade(&site.root);
    site.root.clear();
    drop((interpreter, globals, site));
    assert!(
        grains.upgrade().is_none(),
        "the imported file is still there"
    );
    assert!(outermost.upgrade().is_none(), "the template is still there");
}

#[test]
fn a_nest_a_hundred_thousand_deep_is_freed() {
    let text = "{% set ns = namespace(x=[]) %}\
        {% for i in range(99999) %}{% set ns.x = [ns.x] %}{% endfor %}ok";
    assert_eq!(outcome(text), Ok("ok".to_owned()));
}

#[test]
fn a_template_stays_inside_its_roots() {
    let include = |name: &str| outcome(&format!("{{% include '{name}' %}}"));
    assert_eq!(include("../../etc/passwd"), Err(ErrorKind::File));
    assert_eq!(include("a/../../x"), Err(ErrorKind::File));
    assert!(outcome("{{ ''.__class__ }}").is_err());
}

/// Texts that are broken at random places end in a text or an error, never in a panic.
/// `FUZZ_ROUNDS` makes it longer.
#[test]
fn broken_templates_are_only_errors() {
    let corpus = [
        include_str!("../../../testdata/render/flow.cases"),
        include_str!("../../../testdata/render/methods.lines"),
        include_str!("../../../testdata/render/filters.lines"),
        include_str!("../../../testdata/render/values.lines"),
        include_str!("../../../testdata/render/yaml-scalars.lines"),
        include_str!("../../../testdata/render/yaml-documents.cases"),
    ];
    let lines: Vec<&str> = corpus.iter().flat_map(|text| text.lines()).collect();
    let pieces: Vec<char> = "{}%#|()[]'\"\\.:,-+*~=<> \t\n09eaé&!".chars().collect();
    let rounds = std::env::var("FUZZ_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    for _ in 0..rounds.unwrap_or(1500) {
        let mut text: Vec<char> = Vec::new();
        for _ in 0..=random(3) {
            text.extend(lines[random(lines.len())].chars());
            text.push('\n');
        }
        text.extend(std::iter::repeat_n('\n', 5));
        for _ in 0..=random(4) {
            let at = random(text.len());
            match random(3) {
                0 => text.insert(at, pieces[random(pieces.len())]),
                1 => {
                    text.remove(at);
                }
                _ => text[at] = pieces[random(pieces.len())],
            }
        }
        let text: String = text.into_iter().collect();
        let _ = outcome(&text);
        let _ = crate::renderers::load_yaml(&text);
    }
}

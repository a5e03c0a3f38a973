//! What no template can do.

use super::render;
use crate::context::Context;
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

//! What holds for every pipe.

use std::sync::Arc;

use super::*;
use crate::context::StaticFunctions;
use crate::file_client::MemoryFiles;

fn rendered(text: &str) -> String {
    match render(text, "jinja|yaml", &Context::empty(), &MemoryFiles::new()) {
        Ok(value) => value.repr(),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn the_first_line_names_the_pipe() {
    assert_eq!(rendered("#!yaml\na: '{{ 1 }}'\n"), "{'a': '{{ 1 }}'}");
    assert_eq!(rendered("#!jinja|json\n{\"a\": {{ 1 + 1 }}}\n"), "{'a': 2}");
    assert_eq!(rendered("a: {{ 1 + 1 }}\n"), "{'a': 2}");
    assert!(rendered("#!py\nimport os\n").contains("not allowed"));
    assert!(rendered("#!mako\n").contains("is not available"));
}

#[test]
fn an_empty_file_is_an_empty_map() {
    assert_eq!(rendered(""), "{}");
    assert_eq!(rendered("{% if false %}a: 1{% endif %}\n"), "{}");
}

#[test]
fn a_pillar_of_yomis_kind_renders() {
    let files = MemoryFiles::new().with(
        "_storage.sls.single",
        "{% set n = 1 %}disks:\n  - {{ disk }}:\n      n: {{ n }}\n",
    );
    let text = "{% set mode = 'single' %}\n{% set disk = '/dev/vda' %}\n\
        {% if grains['cpuarch'] in ('x86_64', 'aarch64') %}\narch: {{ grains['cpuarch'] }}\n\
        {% elif not mode %}\n{{ raise('no mode') }}\n{% endif %}\n\
        {% include \"_storage.sls.%s\" % mode %}\n\
        efi: {{ salt['pillar.get']('efi', False) }}\n{% set c = 1 %}{% set c = c + 1 %}\
        count: {{ c }}\nkind: {{ 'a' if mode == 'lvm' else 'b' }}\nevents: no\n\
        users:\n  - key: \"abc\\\n      def\"\n";
    let mut context = Context::empty().for_sls("installer", "installer.sls");
    context.grains = Map::from([("cpuarch", Value::str("x86_64"))]).into();
    context.functions = Arc::new(StaticFunctions::new([(
        "pillar.get".to_owned(),
        Value::Bool(true),
    )]));
    let value = render(text, "jinja|yaml", &context, &files).expect("renders");
    assert_eq!(
        value.repr(),
        "{'arch': 'x86_64', 'disks': [{'/dev/vda': {'n': 1}}], 'efi': True, 'count': 2, \
         'kind': 'b', 'events': False, 'users': [{'key': 'abcdef'}]}"
    );
}

#[test]
fn an_undefined_variable_is_shown_in_its_line() {
    let context = Context::empty().for_sls("x", "x.sls");
    let text = "a: 1\nb: {{ foo }}\n";
    let error = render(text, "jinja|yaml", &context, &MemoryFiles::new()).unwrap_err();
    assert!(
        error.to_string().starts_with(
            "Rendering SLS 'base:x' failed: Jinja variable 'foo' is undefined; line 2\n\n---\na: \
            1\n\
             b: {{ foo }}    <======================\n---"
        ),
        "{error}"
    );
}

//! Files of the renderer `py`, with the python3 of this machine.

use model::Value;

use crate::pillar_sources::tests::{configured, grains, id};

const TOP: (&str, &str) = ("top.sls", "base: {'*': [a]}\n");

fn pillar(options: &str, sls: &str) -> Value {
    let options = format!("pillar_safe_render_error: false\n{options}");
    let (_dir, pillars) = configured(&options, &[TOP, ("a.sls", sls)]);
    pillars
        .compile(&id("web1"), &grains("{os: SUSE, 1: {x: [1.5]}}"))
        .into()
}

fn error(options: &str, sls: &str) -> String {
    pillar(options, sls)
        .get("_errors")
        .map(Value::repr)
        .unwrap_or_default()
}

const ALLOWED: &str = "python_renderer: python3\n";

#[test]
fn a_python_file_gives_what_run_returns() {
    let sls = "#!py\nimport os\n\ndef run():\n    print('to the log')\n    return {\n        \
        'os': __grains__['os'], 'again': __salt__['grains.get']('os'), 'sls': __sls__,\n        \
        'env': __env__, 'number': {1: (2, 2 ** 70)}, 'bytes': b'\\xff',\n        \
        'float': __grains__[1]['x'],\n        \
        'id': grains['id'], 'other': salt['match.glob']('web*'), 'role': opts['__role']}\n";
    let made = pillar(ALLOWED, sls);
    let expected = "{os: SUSE, again: SUSE, sls: a, env: base, \
        number: {1: [2, 1180591620717411303424]}, bytes: !!binary /w==, float: [1.5], id: web1, \
        other: true, role: master}";
    assert_eq!(made, states::renderers::load_yaml(expected).unwrap());
}

#[test]
fn python_is_refused_unless_the_option_names_it() {
    let sls = "#!py\ndef run():\n    return {}\n";
    assert!(
        error("", sls).contains("it is not allowed here"),
        "{}",
        error("", sls)
    );
    let missing = error("python_renderer: /no/such/python\n", sls);
    assert!(
        missing.contains("cannot start /no/such/python"),
        "{missing}"
    );
    let other = error(ALLOWED, "#!pydsl\nstate('x')\n");
    assert!(other.contains("pydsl"), "{other}");
}

#[test]
fn what_python_does_wrong_is_told_with_the_line() {
    let told = error(ALLOWED, "#!py\ndef run():\n    return {}['no']\n");
    assert!(told.contains("KeyError: 'no' (a.sls, line 3)"), "{told}");
    let told = error(ALLOWED, "#!py\nx = (\n");
    assert!(told.contains("SyntaxError"), "{told}");
    let told = error(ALLOWED, "#!py\nx = 1\n");
    assert!(told.contains("no function run()"), "{told}");
    let told = error(ALLOWED, "#!py\nimport os\ndef run():\n    os._exit(1)\n");
    assert!(told.contains("ended without an answer"), "{told}");
    let told = error(
        ALLOWED,
        "#!py\ndef run():\n    return __salt__['no.such']()\n",
    );
    assert!(told.contains("'no.such' is not available"), "{told}");
}

"""The orchestrations that both masters run: one for each argument, or each value that matters.

Each case: name, SLS text, and optionally the words behind `state.orchestrate NAME` and why the two
may differ. `FILES` are the states that minions apply, and nested orchestrations.
"""

FILES = {
    "good": "good:\n  test.succeed_with_changes: []\n",
    "same": "same:\n  test.succeed_without_changes: []\n",
    "bad": "bad:\n  test.fail_without_changes: []\n",
    "half": "half:\n  test.configurable_test_state:\n    - changes: False\n"
    "    - result: {{ grains['id'] == 'alpha' }}\n    - comment: half\n",
    "pill": "pill:\n  test.show_notification:\n    - text: {{ pillar.get('word', 'none') }}\n",
    "two": "good:\n  test.succeed_with_changes: []\nsame:\n  test.succeed_without_changes: []\n",
    "mytop": "base:\n  '*': [same]\n",
    "top": "base:\n  '*': [good]\n",
    "inner": "inner:\n  salt.function:\n    - name: test.echo\n    - tgt: alpha\n"
    "    - arg: [{{ pillar.get('word', 'none') }}]\n",
    "inner_bad": "inner:\n  salt.state: [{tgt: alpha}, {sls: bad}]\n",
    "broken": "a:\n  salt.function: [{name: test.ping}, {tgt: '*'}, {require: [{salt: nobody}]}]\n",
}

LOST = "a silent minion is a failure, and its reason is told; salt.function forgives it by default"
BATCH = "with batch Salt drops the jid and the exit code of each minion, so a failed one counts as good"
EARLY = "refused before the first step, with a message; Salt fails when the step's turn comes"


def state(*lines):
    return "s:\n  salt.state:\n" + "".join(f"    - {line}\n" for line in lines)


def function(*lines):
    return "f:\n  salt.function:\n" + "".join(f"    - {line}\n" for line in lines)


def test(name, fun, *lines):
    body = "".join(f"    - {line}\n" for line in lines) or "    []\n"
    return f"{name}:\n  test.{fun}:\n{body}"


def plain(fun, name, *steps):
    """Steps of one state function on the master, one after the other: a, b, c ..."""
    text = ""
    for letter, lines in zip("abcdefgh", steps):
        text += f"{letter}:\n  {fun}:\n    - name: {name}\n"
        text += "".join(f"    - {line}\n" for line in lines)
    return text


def conditional(*lines):
    return function("name: test.ping", "tgt: alpha", *lines)


# A folder of each master's own.
HERE = "{{ opts['root_dir'] }}/made"
# A web server that says "hello" under /hello, 404 elsewhere, and gives back what it is sent.
WEB = "http://127.0.0.1:{{ opts['web_port'] }}"

PING = ("name: test.ping", "tgt: '*'")

CASES = [
    # salt.state
    ("state.sls", state("tgt: '*'", "sls: good")),
    ("state.sls list", state("tgt: '*'", "sls: [good, same]")),
    ("state.sls without changes", state("tgt: '*'", "sls: same")),
    ("state.sls fails", state("tgt: '*'", "sls: bad")),
    ("state.sls fails on one", state("tgt: '*'", "sls: half")),
    ("state.sls unknown on minions", state("tgt: '*'", "sls: nowhere")),
    ("state.highstate", state("tgt: '*'", "highstate: True")),
    ("state.top", state("tgt: '*'", "top: mytop.sls")),
    ("state.pillar", state("tgt: '*'", "sls: pill", "pillar: {word: given}")),
    ("state.pillarenv", state("tgt: '*'", "sls: pill", "pillarenv: base")),
    ("state.saltenv", state("tgt: '*'", "sls: good", "saltenv: base")),
    ("state.exclude", state("tgt: '*'", "sls: two", "exclude: [{id: good}]")),
    ("state.test", state("tgt: '*'", "sls: good", "test: True")),
    ("state.concurrent", state("tgt: '*'", "sls: good", "concurrent: True")),
    ("state.concurrent wrong", state("tgt: '*'", "sls: good", "concurrent: maybe"), [], EARLY),
    ("state.queue", state("tgt: '*'", "sls: good", "queue: True")),
    ("state.fail_minions", state("tgt: '*'", "sls: half", "fail_minions: [beta]")),
    ("state.fail_minions text", state("tgt: '*'", "sls: half", "fail_minions: 'beta, x'")),
    ("state.allow_fail", state("tgt: '*'", "sls: half", "allow_fail: 1")),
    ("state.allow_fail wrong", state("tgt: '*'", "sls: half", "allow_fail: some"), [], EARLY),
    ("state.batch", state("tgt: '*'", "sls: good", "batch: 1"), [], BATCH),
    ("state.batch percent", state("tgt: '*'", "sls: good", "batch: '50%'"), [], BATCH),
    ("state.subset", state("tgt: alpha", "sls: good", "subset: 1")),
    ("state.timeout", state("tgt: '*'", "sls: good", "timeout: 20")),
    ("state.ret", state("tgt: '*'", "sls: good", "ret: ''")),
    ("state.expect_minions", state("tgt: nobody", "sls: good", "expect_minions: True")),
    ("state.expect_minions False", state("tgt: nobody", "sls: good", "expect_minions: False")),
    ("state nobody", state("tgt: nobody", "sls: good")),
    ("state nothing to do", state("tgt: '*'"), [], EARLY),
    ("state.tgt_type list", state("tgt: [alpha, beta]", "tgt_type: list", "sls: good")),
    ("state.tgt_type grain", state("tgt: 'role:web'", "tgt_type: grain", "sls: good")),
    ("state.tgt_type pillar", state("tgt: 'side:left'", "tgt_type: pillar", "sls: good")),
    ("state.tgt_type compound", state("tgt: 'G@role:web and alpha'", "tgt_type: compound", "sls: good")),
    ("state.tgt_type pcre", state("tgt: 'al.*'", "tgt_type: pcre", "sls: good")),
    # salt.function
    ("function", function(*PING)),
    ("function.arg", function("name: test.arg", "tgt: alpha", "arg: [1, two, {a: b}]")),
    ("function.arg text", function("name: test.arg", "tgt: alpha", "arg: one two"), [],
     "the warning is one of the plan, told before the run, not a key of the result"),
    ("function.kwarg", function("name: test.kwarg", "tgt: alpha", "kwarg: {a: 1, b: [2]}")),
    ("function fails", function("name: test.false", "tgt: '*'")),
    ("function.fail_minions", function("name: test.false", "tgt: '*'", "fail_minions: [alpha, beta]")),
    ("function retcode", function("name: cmd.run", "tgt: alpha", "arg: ['exit 3']")),
    ("function unknown", function("name: no.such", "tgt: alpha")),
    ("function nobody", function("name: test.ping", "tgt: nobody")),
    ("function missing listed", function("name: test.ping", "tgt: [alpha, gone]", "tgt_type: list"), [], LOST),
    ("function.batch", function(*PING, "batch: 1"), [], BATCH),
    ("function.batch fails", function("name: cmd.run", "tgt: '*'", "arg: ['exit 3']", "batch: 1"), [], BATCH),
    ("function.subset", function("name: test.ping", "tgt: alpha", "subset: 1")),
    ("function.ret", function(*PING, "ret: ''")),
    ("function.timeout", function(*PING, "timeout: 20")),
    ("function.expect_minions", function(*PING, "expect_minions: True")),
    # salt.runner, salt.wheel, salt.parallel_runners
    ("runner", "r:\n  salt.runner:\n    - name: test.arg\n    - arg: [1]\n", [],
     "Brine has no runner of that name and says so; Salt's prints its arguments"),
    ("runner cache", "r:\n  salt.runner:\n    - name: manage.up\n"),
    ("runner unknown", "r:\n  salt.runner:\n    - name: no.such\n", [],
     "the text of the error is Brine's own"),
    ("runner orchestrate", "r:\n  salt.runner:\n    - name: state.orchestrate\n    - mods: inner\n"
     "    - pillar: {word: deep}\n"),
    ("runner orchestrate fails", "r:\n  salt.runner:\n    - name: state.orch\n    - mods: inner_bad\n"),
    ("runner orchestrate unknown", "r:\n  salt.runner:\n    - name: state.sls\n    - mods: nowhere\n"),
    ("parallel_runners", "p:\n  salt.parallel_runners:\n    - runners:\n"
     "        one: [{name: state.orchestrate}, {kwarg: {mods: inner}}]\n"
     "        two: [{name: state.orchestrate}, {kwarg: {mods: inner}}]\n", [],
     "Salt fails here with a traceback of its own; Brine runs both"),
    ("wheel", "w:\n  salt.wheel:\n    - name: key.list\n    - match: accepted\n"),
    # salt.wait_for_event
    ("wait_for_event timeout", "w:\n  salt.wait_for_event:\n    - name: never/*\n    - id_list: [x]\n"
     "    - timeout: 2\n", [], "Brine names the ids that were not seen"),
    ("wait_for_event missing id_list", "w:\n  salt.wait_for_event:\n    - name: never/*\n", [], EARLY),
    ("wait_for_event after the fact", "fire:\n  salt.runner:\n    - name: event.send\n"
     "    - tag: my/done\n    - data: {id: x}\nw:\n  salt.wait_for_event:\n    - name: my/*\n"
     "    - id_list: [x]\n    - timeout: 4\n    - require: [{salt: fire}]\n", [],
     "Brine reads the log from where the required step began; Salt hears only what comes later"),
    # requisites and the rest
    ("require fails", test("a", "fail_without_changes") + test("b", "nop", "require: [{test: a}]")),
    ("require_any", test("a", "fail_without_changes") + test("c", "succeed_without_changes")
     + test("b", "nop", "require_any: [{test: a}, {test: c}]")),
    ("onfail", test("a", "fail_without_changes") + test("b", "nop", "onfail: [{test: a}]")),
    ("onfail_any", test("a", "fail_without_changes") + test("c", "nop")
     + test("b", "nop", "onfail_any: [{test: a}, {test: c}]")),
    ("onchanges", test("a", "succeed_with_changes") + test("b", "nop", "onchanges: [{test: a}]")
     + test("c", "nop", "onchanges: [{test: b}]")),
    ("watch", test("a", "succeed_with_changes")
     + test("b", "succeed_without_changes", "watch: [{test: a}]"), [],
     "Salt counts the call of mod_watch in __run_num__"),
    ("prereq", test("b", "succeed_without_changes", "prereq: [{test: a}]")
     + test("a", "succeed_with_changes")),
    ("prereq without changes", test("b", "succeed_with_changes", "prereq: [{test: a}]")
     + test("a", "succeed_without_changes")),
    ("prereq of salt.state", "b:\n  salt.function: [{name: test.ping}, {tgt: alpha}, "
     "{prereq: [{salt: s}]}]\n" + state("tgt: alpha", "sls: good")),
    ("prereq fails", test("b", "fail_without_changes", "prereq: [{test: a}]")
     + test("a", "succeed_with_changes"), [], "the foreseen result carries its time"),
    ("listen", test("b", "succeed_without_changes", "listen: [{test: a}]")
     + test("a", "succeed_with_changes"), [],
     "the listener of test.* does not list its requisites (Salt's list is empty)"),
    ("listen_in", test("b", "succeed_without_changes")
     + test("a", "succeed_with_changes", "listen_in: [{test: b}]"), [],
     "the listener of test.* does not list its requisites (Salt's list is empty)"),
    ("order", test("a", "nop", "order: last") + test("b", "nop") + test("c", "nop", "order: 1")),
    ("failhard", test("a", "fail_without_changes", "failhard: True") + test("b", "nop")),
    ("parallel", function(*PING, "parallel: True") + test("b", "nop"), [],
     "the result does not say __parallel__"),
    ("retry", test("a", "fail_without_changes", "retry: {attempts: 2, interval: 1}"), [],
     "Salt counts every try in __run_num__"),
    ("names", "n:\n  test.nop:\n    - names: [x, y]\n"),
    ("test=True", state("tgt: '*'", "sls: good") + function(*PING)
     + "r:\n  salt.runner:\n    - name: manage.up\n", ["test=True"]),
    ("pillar=", test("{{ pillar['word'] }}", "nop"), ['pillar={"word": "given"}']),
    ("exclude=", test("a", "nop") + test("b", "nop"), ["exclude=[{'id': 'b'}]"]),
    ("unknown SLS", None, [], "told as an error, as there is no run"),
    ("unknown requisite", FILES["broken"], [], EARLY),
    ("unknown state", "a:\n  no.such: []\n", [], EARLY),
    # states of the master's own machine
    ("cmd.run", plain("cmd.run", "echo out; echo err >&2", (), ("cwd: /",), ("env: [{A: b}]",))),
    ("cmd.run env", plain("cmd.run", "'echo $A $PWD'", ("env: [{A: b}]", "cwd: /tmp"))),
    ("cmd.run fails", plain("cmd.run", "exit 3", ())),
    ("cmd.run success_retcodes", plain("cmd.run", "exit 3", ("success_retcodes: [3]",))),
    ("cmd.run timeout", plain("cmd.run", "sleep 20", ("timeout: 2",))),
    ("cmd.run no cwd", plain("cmd.run", "pwd", ("cwd: /no/such",))),
    ("cmd.run test", plain("cmd.run", "exit 3", ()), ["test=True"]),
    ("cmd.run onchanges", plain("cmd.run", "'true'", ()) + test("z", "nop", "onchanges: [{cmd: a}]")),
    ("cmd.run retry", plain("cmd.run", "exit 3", ("retry: {attempts: 2, interval: 1}",)), [],
     "Salt counts every try in __run_num__"),
    ("cmd.run require", plain("cmd.run", "exit 3", ()) + test("z", "nop", "require: [{cmd: a}]")),
    ("file.managed", plain("file.managed", HERE + "/a/f", ("contents: x",),
                           ("contents: [x, y]", "makedirs: True", "mode: 640"),
                           ("contents: [x, y]", "makedirs: True", "mode: '0640'"),
                           ("contents: [x, z]",), ("mode: 600", "replace: False"))),
    ("file.managed source", plain("file.managed", HERE + "/b/f", (
        "source: salt://same.sls", "makedirs: True"), ("source: salt://good.sls", "show_changes: False"),
        ("source: salt://no/such",), ("source: [salt://no/such, salt://same.sls]",))),
    ("file.managed empty", plain("file.managed", HERE + "/b/empty", ("makedirs: True",), (),
                                 ("create: False",), ("contents: ''", "allow_empty: False"))),
    ("file.managed create", plain("file.managed", HERE + "/b/none", ("create: False", "contents: x"))),
    ("file.managed directory", plain("file.managed", HERE, ("contents: x",))),
    ("file.managed nobody", plain("file.managed", HERE + "/b/g", ("contents: x", "user: no-such-user",
                                                                 "group: no-such-group"))),
    ("file.managed relative", plain("file.managed", "some/where", ("contents: x",))),
    ("file.managed test", plain("file.managed", HERE + "/b/f", ("contents: new", "mode: 600"))
     + plain("file.managed", HERE + "/b/other", ("contents: new",)).replace("a:", "z:", 1), ["test=True"]),
    ("file.directory", plain("file.directory", HERE + "/c/d", (), ("makedirs: True", "mode: 750"),
                             ("mode: 750",), ("mode: '0700'",))),
    ("file.directory test", plain("file.directory", HERE + "/c/d", ("mode: 755",))
     + plain("file.directory", HERE + "/c/e", ()).replace("a:", "z:", 1), ["test=True"]),
    ("file.directory is a file", plain("file.directory", HERE + "/b/f", ())),
    ("file.touch", plain("file.touch", HERE + "/e/f", (), ("makedirs: True",), ())),
    ("file.exists", plain("file.exists", HERE + "/e/f", ()) + plain(
        "file.exists", HERE + "/e/none", ()).replace("a:", "z:", 1)),
    ("file.missing", plain("file.missing", HERE + "/e/f", ()) + plain(
        "file.missing", HERE + "/e/none", ()).replace("a:", "z:", 1)),
    ("file.symlink", plain("file.symlink", HERE + "/l/x", ("target: /tmp",), ("target: /tmp", "makedirs: True"),
                           ("target: /tmp",), ("target: /var",))),
    ("file.symlink in the way", plain("file.symlink", HERE + "/e/f", ("target: /tmp",),
                                      ("target: /tmp", "force: True"))),
    ("file.symlink test", plain("file.symlink", HERE + "/l/x", ("target: /var",), ("target: /tmp",)),
     ["test=True"]),
    ("file.append", plain("file.append", HERE + "/g/f", ("text: one",), ("text: [one, two  words]", "makedirs: True"),
                          ("text: [one, two words]",), ("text: [three]",))),
    ("file.append nothing", plain("file.append", HERE + "/h", ()), [], "Salt appends the word None"),
    ("file.append test", plain("file.append", HERE + "/g/f", ("text: four",), ("text: one",)), ["test=True"]),
    ("file.absent test", plain("file.absent", HERE + "/g", ()), ["test=True"]),
    ("file.absent", plain("file.absent", HERE + "/g/f", (), ()) + plain(
        "file.absent", HERE + "/g", ()).replace("a:", "z:", 1)),
    ("file.absent root", plain("file.absent", "/", ())),
    ("http.query", plain("http.query", WEB + "/hello", ("status: 200",), ("match: ell",),
                         ("match: '^h.l'", "match_type: pcre", "status: '2..'", "status_type: pcre"),
                         ("status: [200, 201]", "status_type: list"), ("match: nothing", "status: 200"))),
    ("http.query fails", plain("http.query", WEB + "/none", ("status: 200",), ("status: 404",), ())),
    ("http.query sends", plain("http.query", WEB + "/echo", (
        "method: POST", "data: a=b", "match: 'POST a=b'"),
        ("params: {q: 'x y'}", "match: 'q=x'"), ("method: PUT", "data: body", "status: 200"))),
    ("http.query refused", plain("http.query", "http://127.0.0.1:1/", ("status: 200",)), [],
     "the text of the error is Brine's own"),
    ("http.query test", plain("http.query", WEB + "/hello", ("status: 200",)), ["test=True"]),
    # conditions
    ("onlyif", conditional("onlyif: 'true'")),
    ("onlyif false", conditional("onlyif: ['true', 'false']")),
    ("unless", conditional("unless: ['true', 'true']")),
    ("unless false", conditional("unless: ['true', 'false']")),
    ("creates", conditional("creates: /etc/passwd")),
    ("creates list", conditional("creates: [/etc/passwd, /no/such]")),
    ("onlyif and unless", conditional("onlyif: 'true'", "unless: 'true'")),
    ("onlyif function", conditional("onlyif: [{fun: test.false}]")),
    ("onlyif function with arguments", conditional("onlyif: [{fun: match.glob, args: ['no*']}]")),
    ("unless function get_return", conditional(
        "unless: [{fun: cmd.run_all, cmd: echo x, get_return: stdout}]")),
    ("onlyif cmd.run", conditional("onlyif: [{fun: cmd.run, cmd: 'echo x; exit 2'}]")),
    ("onlyif test", conditional("onlyif: 'false'"), ["test=True"]),
    ("onlyif require", conditional("onlyif: 'false'") + test("z", "nop", "require: [{salt: f}]")),
    ("onlyif retry", conditional("onlyif: 'false'", "retry: {attempts: 2, interval: 1}")),
    ("onlyif of cmd.run", plain("cmd.run", "'true'", ("onlyif: test -f passwd", "cwd: /etc"))),
    ("onlyif bad", conditional("onlyif: 7"), [], EARLY),
    ("check_cmd", conditional("check_cmd: ['true', 'true']")),
    ("check_cmd fails", conditional("check_cmd: ['true', 'false']")),
    ("check_cmd overrules", function("name: test.false", "tgt: alpha", "check_cmd: 'true'")),
    ("check_cmd of a passed one", conditional("onlyif: 'false'", "check_cmd: 'true'")),
]

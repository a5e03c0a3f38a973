#!/usr/bin/env python3
"""Records what Salt itself makes of the render corpus.

    python -m venv VENV && VENV/bin/pip install salt==3006.30
    PYTHONHASHSEED=0 VENV/bin/python states/testdata/render/record.py [DIRECTORY]

Reads every `*.lines` and `*.cases` file of DIRECTORY (default: the one this script is in) together with
`context.json`, renders each case with Salt's own functions, and writes `NAME.expected.json` beside it.
`states/src/renderers/corpus_tests.rs` compares this project's renderers with these files; it needs no Salt.

A `.lines` file has one template a line; empty lines and lines that begin with `##` are skipped.
A `.cases` file has cases that begin with `=== NAME`; `--- file PATH` begins a further file of the case,
`--- context` a JSON object that is laid over the context. Files named `yaml*` are read as YAML
documents, all others as Jinja, and those named `sls*` go through both.
"""

import collections
import json
import os
import pathlib
import re
import resource
import sys
import tempfile

import jinja2.exceptions
import salt.utils.templates as templates
import salt.utils.yamlloader as yamlloader
from salt.exceptions import SaltRenderError

HERE = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)


def cases_of(path):
    """Gives name, text, files and context of each case."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".lines":
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip() and not line.startswith("##"):
                yield f"{number}: {line}", line, {}, {}
        return
    for block in re.split(r"^=== ", text, flags=re.M)[1:]:
        name, _, rest = block.partition("\n")
        parts = re.split(r"^--- (.*)\n", rest, flags=re.M)
        files, context = {}, {}
        for head, body in zip(parts[1::2], parts[2::2]):
            if head == "context":
                context = json.loads(body)
            else:
                files[head.partition(" ")[2]] = body
        yield name, parts[0], files, context


class Client:
    """Hands out files that are in the cache already."""

    def __init__(self, opts):
        self.opts = opts

    def get_file(self, path, *_args, **_kwargs):
        path = path[len("salt://"):]
        full = os.path.join(self.opts["cachedir"], "files", "base", path)
        return full if os.path.isfile(full) else False


class Module:
    pass


def salt_functions(answers):
    """The dict that Salt's jinja renderer makes, with canned answers."""
    functions = {name: (lambda *_a, _v=value, **_k: _v) for name, value in answers.items()}
    for name in list(functions):
        module, function = name.split(".", 1)
        functions.setdefault(module, Module())
        setattr(functions[module], function, functions[name])
    return templates.AliasedLoader(functions)


def render_jinja(text, files, context):
    with tempfile.TemporaryDirectory() as cache:
        for name, body in files.items():
            full = os.path.join(cache, "files", "base", name)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8", newline="") as out:
                out.write(body)
        opts = dict(context.get("opts", {}))
        opts.update({"cachedir": cache, "file_roots": {}, "file_client": "remote"})
        sls = context.get("sls", "")
        given = {
            "salt": salt_functions(context.get("functions", {})),
            "grains": context.get("grains", {}),
            "pillar": context.get("pillar", {}),
            "opts": opts,
            "saltenv": "base",
            "sls": sls,
            "fileclient": Client(opts),
        }
        given.update(context.get("extra", {}))
        template = context.get("template", "")
        given.update(templates.generate_sls_context("/roots/" + template if template else "", sls))
        return templates.render_jinja_tmpl(text, given, None)


def plain(data):
    if isinstance(data, dict):
        return {plain_key(key): plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [plain(item) for item in data]
    if isinstance(data, set):
        return sorted((plain(item) for item in data), key=repr)
    return data


def plain_key(key):
    return tuple(key) if isinstance(key, (list, tuple)) else key


def load_yaml(text):
    def loader(stream):
        return yamlloader.SaltYamlSafeLoader(stream, dictclass=collections.OrderedDict)

    return plain(yamlloader.load(text, Loader=loader))


def problem(error):
    message = str(error)
    found = {"error": message.split("\n")[0].split("; line ")[0]}
    line = getattr(error, "line_num", None)
    if not line:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        if mark is not None and getattr(error, "problem", None):
            found["error"] = error.problem
    if not line and isinstance(error, SaltRenderError):
        inner = re.search(r"\((\d+)\):", message)
        line = int(inner.group(1)) if inner else None
    if line:
        found["line"] = line
    return found


def outcome(path, text, files, context):
    try:
        if path.name.startswith("yaml"):
            return {"data": repr(load_yaml(text))}
        rendered = render_jinja(text, files, context)
        if path.name.startswith("sls"):
            # The renderer makes an empty map of no data.
            return {"data": repr(load_yaml(rendered) or {})}
        return {"text": rendered}
    except RecursionError:
        return {"error": "RecursionError"}
    except Exception as error:  # every failure is an outcome
        return problem(error)


def main():
    shared = json.loads((HERE / "context.json").read_text(encoding="utf-8"))
    total = 0
    for path in sorted(HERE.iterdir()):
        if path.suffix not in (".lines", ".cases"):
            continue
        recorded = {}
        for name, text, files, extra in cases_of(path):
            context = {**json.loads(json.dumps(shared)), **extra}
            files = {**shared.get("files", {}), **files}
            recorded[name] = outcome(path, text, files, context)
            total += 1
        out = path.with_suffix(path.suffix + ".expected.json")
        out.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"recorded {total} cases")


if __name__ == "__main__":
    import logging

    logging.disable(logging.CRITICAL)
    # A generated case may ask for gigabytes: then Python fails, as a master short of memory would.
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    main()

#!/usr/bin/env python3
"""Records what Salt compiles each tree of testdata/compile to.

    python3 -m venv venv && venv/bin/pip install salt==3006.30
    venv/bin/python states/testdata/record_compile.py [TREE ...]

The variable TREES names another folder of trees, here and for the test.

A tree is a folder of SLS files, the root of environment `base`. Its `case.json`, if there is one,
may say:

    sls     the SLS to compile; ["main"] if nothing is said
    top     true: compile what the tree's top.sls matches, for the minion "web01"
    envs    further environments and their folders, {"dev": "env-dev"}
    opts    options that differ from Salt's defaults
    grains, pillar

Written beside it, in the order in which Salt works: expected.errors.json (the list that Salt returns;
then there is nothing else), expected.high.json (state.show_sls), expected.low.json (what would run).
"""

import json
import logging
import os
import pathlib
import shutil
import sys
import tempfile

import salt.config
import salt.state

HERE = pathlib.Path(os.environ.get("TREES") or pathlib.Path(__file__).resolve().parent / "compile")


def options(tree, case, scratch):
    roots = {"base": [str(tree)]}
    for env, folder in case.get("envs", {}).items():
        roots[env] = [str(tree / folder)]
    opts = salt.config.DEFAULT_MINION_OPTS.copy()
    opts.update(
        id="web01",
        file_client="local",
        local_state=False,
        file_roots=roots,
        pillar_roots={"base": []},
        root_dir=str(scratch),
        cachedir=str(scratch / "cache"),
        extension_modules=str(scratch / "ext"),
        conf_file=str(scratch / "minion"),
        grains={"id": "web01", "os": "SUSE", **case.get("grains", {})},
        pillar=case.get("pillar", {}),
        fileserver_backend=["roots"],
        fileserver_followsymlinks=True,
        state_top="salt://top.sls",
        test=False,
    )
    opts.update(case.get("opts", {}))
    return opts


def record(tree):
    case_file = tree / "case.json"
    case = json.loads(case_file.read_text()) if case_file.exists() else {}
    scratch = pathlib.Path(tempfile.mkdtemp())
    (scratch / "cache").mkdir()
    try:
        return compile_tree(tree, case, scratch)
    finally:
        shutil.rmtree(scratch)


def compile_tree(tree, case, scratch):
    opts = options(tree, case, scratch)
    saltenv = opts.get("saltenv") or "base"
    with salt.state.HighState(opts, initial_pillar=opts["pillar"]) as state:
        state.push_active()
        # The fileserver keeps lists for some seconds; each tree has a cache of its own.
        found = {}
        if case.get("top"):
            top = state.get_top()
            errors = state.verify_tops(top)
            matches = {} if errors else dict(state.top_matches(top))
            found["matches"] = matches
        else:
            errors, matches = [], {saltenv: case.get("sls", ["main"])}
        if not errors:
            high, errors = state.render_highstate(matches)
        if errors:
            return {**found, "errors": errors}
        found["high"] = json.loads(json.dumps(high, default=str))
        high, errors = state.state.reconcile_extend(high)
        errors += state.state.verify_high(high)
        if errors:
            return {**found, "errors": errors}
        high, errors = state.state.requisite_in(high)
        high = state.state.apply_exclude(high)
        if errors:
            return {**found, "errors": errors}
        low = state.state.compile_high_data(high)
        if isinstance(low, tuple):  # 3008 gives errors beside it
            low, errors = low
            if errors:
                return {**found, "errors": errors}
        found["low"] = low
        return found


def write(tree, found):
    for name in ("matches", "errors", "high", "low"):
        path = tree / f"expected.{name}.json"
        if name in found:
            path.write_text(json.dumps(found[name], indent=1, default=str, ensure_ascii=False) + "\n")
        elif path.exists():
            path.unlink()


def main():
    logging.disable(logging.CRITICAL)
    wanted = sys.argv[1:]
    for tree in sorted(path for path in HERE.iterdir() if path.is_dir()):
        if wanted and tree.name not in wanted:
            continue
        try:
            found = record(tree)
            if any("Traceback (most" in error for error in found.get("errors", [])):
                raise RuntimeError("a traceback among its errors")
            write(tree, found)
        except Exception as error:  # Salt's own traceback: we must be better, not the same.
            print(f"{tree.name}: Salt itself stops with {type(error).__name__}: {error}")
            write(tree, {})


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Records the pillar that Salt makes of each tree in this folder.

    python3 -m venv venv && venv/bin/pip install salt==3006.30
    venv/bin/python pillar/testdata/record_pillar.py [TREE ...]

The variable TREES names another folder of trees, here and for the test.

A tree is a folder of pillar SLS, the root of environment `base`. Its `case.json`, if there is one, may
say: envs ({"dev": "env-dev"}), opts (that differ from the master's defaults), grains, id, saltenv,
pillarenv, overrides. Written beside it: expected.json, the whole pillar, `_errors` included. Nothing is
written where Salt itself stops with a traceback.
"""

import json
import logging
import os
import pathlib
import shutil
import sys
import tempfile

import salt.config
import salt.pillar

HERE = pathlib.Path(os.environ.get("TREES") or pathlib.Path(__file__).resolve().parent)


def record(tree, scratch):
    case_file = tree / "case.json"
    case = json.loads(case_file.read_text()) if case_file.exists() else {}
    roots = {"base": [str(tree)]}
    for env, folder in case.get("envs", {}).items():
        roots[env] = [str(tree / folder)]
    opts = salt.config.DEFAULT_MASTER_OPTS.copy()
    opts.update(
        __role="master",
        id="master",
        file_client="local",
        file_roots={"base": []},
        pillar_roots=roots,
        root_dir=str(scratch),
        cachedir=str(scratch / "cache"),
        extension_modules=str(scratch / "ext"),
        conf_file=str(scratch / "master"),
        fileserver_backend=["roots"],
        grains={},
    )
    opts.update(case.get("opts", {}))
    minion = case.get("id", "web01")
    grains = {"id": minion, "os": "SUSE", **case.get("grains", {})}
    pillar = salt.pillar.Pillar(
        opts,
        grains,
        minion,
        case.get("saltenv"),
        pillar_override=case.get("overrides"),
        pillarenv=case.get("pillarenv"),
    )
    return pillar.compile_pillar()


def main():
    logging.disable(logging.CRITICAL)
    wanted = sys.argv[1:]
    for tree in sorted(path for path in HERE.iterdir() if path.is_dir()):
        if wanted and tree.name not in wanted:
            continue
        expected = tree / "expected.json"
        expected.unlink(missing_ok=True)
        scratch = pathlib.Path(tempfile.mkdtemp())
        (scratch / "cache").mkdir()
        try:
            text = json.dumps(record(tree, scratch), indent=1, default=str, ensure_ascii=False)
            expected.write_text(text + "\n")
        except Exception as error:  # Salt's own traceback: we must be better, not the same.
            print(f"{tree.name}: Salt itself stops with {type(error).__name__}: {error}")
        finally:
            shutil.rmtree(scratch)


if __name__ == "__main__":
    main()

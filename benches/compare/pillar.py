#!/usr/bin/env python3
"""Measures how fast pillars are compiled, beside Salt, in one run: a ratio of CPU seconds.

    python3 benches/compare/pillar.py VENV [--minions 1000]

VENV is a virtualenv with Salt (`python3 -m venv VENV && VENV/bin/pip install salt==3006.30`). Both sides compile
the tree beside this file (an unattended installer's pillar: a top file with grains, an import, macros, an include, loops) for minions
with different ids and grains, one after the other in one process; three of the pillars are compared first.

Salt's seconds are those of its loop alone, without the start of Python; ours are those of the whole process.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE / "pillar"


def grains(number):
    """The same grains as in pillar/examples/many_pillars.rs."""
    return {
        "id": f"node{number:04}",
        "number": number,
        "efi": number % 3 != 0,
        "memory": 2048 + number % 7 * 1024,
        "cpuarch": "aarch64" if number % 5 == 0 else "x86_64",
        "role": "master" if number % 10 == 0 else "worker",
        "os": "SUSE",
    }


def compile_with_salt(minions, shown):
    """Runs inside of the virtualenv; prints the seconds of CPU and the pillars that were asked for."""
    import logging

    logging.disable(logging.CRITICAL)
    import salt.config
    import salt.pillar
    import salt.version

    with tempfile.TemporaryDirectory() as scratch:
        opts = salt.config.DEFAULT_MASTER_OPTS.copy()
        opts.update(
            __role="master", id="master", file_client="local", file_roots={"base": []}, pillar_roots={"base": [str(TREE)]},
            root_dir=scratch, cachedir=scratch + "/cache", extension_modules=scratch + "/ext", conf_file=scratch + "/master",
            fileserver_backend=["roots"], grains={},
        )
        os.mkdir(opts["cachedir"])
        pillars = {}
        started = time.process_time()
        for number in range(minions):
            found = grains(number)
            data = salt.pillar.Pillar(opts, found, found["id"], None).compile_pillar()
            assert "_errors" not in data, data["_errors"]
            if number in shown:
                pillars[number] = data
        seconds = time.process_time() - started
    print(json.dumps({"seconds": seconds, "release": salt.version.__version__, "pillars": pillars}))


def compile_with_ours(program, minions, shown):
    pillars = {}
    for number in shown:
        out = subprocess.run([program, TREE, str(minions), str(number)], check=True, capture_output=True)
        pillars[str(number)] = json.loads(out.stdout)
    before = os.times()
    subprocess.run([program, TREE, str(minions)], check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system, pillars


def build():
    command = ["cargo", "build", "--release", "-q", "-p", "pillar", "--example", "many_pillars", "--message-format", "json"]
    out = subprocess.run(command, cwd=HERE, check=True, stdout=subprocess.PIPE, text=True).stdout
    built = [json.loads(line) for line in out.splitlines()]
    return next(one["executable"] for one in reversed(built) if one.get("executable"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("venv", type=pathlib.Path)
    parser.add_argument("--minions", type=int, default=1000)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    shown = [0, given.minions // 2, given.minions - 1]
    if given.inside:
        return compile_with_salt(given.minions, shown)
    program = build()
    ours, our_pillars = compile_with_ours(program, given.minions, shown)
    command = [given.venv / "bin/python", __file__, given.venv, "--minions", str(given.minions), "--inside"]
    salts = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    if salts["pillars"] != our_pillars:
        sys.exit("the pillars differ; nothing was measured")
    print(f"{given.minions} pillars, the same on both sides ({len(shown)} compared)")
    print(f"Salt {salts['release']}: {salts['seconds']:.2f} s of CPU")
    print(f"Brine: {ours:.2f} s of CPU")
    print(f"ratio: {salts['seconds'] / ours:.0f}")
    return None


if __name__ == "__main__":
    main()

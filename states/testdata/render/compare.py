#!/usr/bin/env python3
"""Compares this project's renderers with Salt's on generated cases: one command.

    python3 states/testdata/render/compare.py --seed 7 --count 4000 VENV [VENV ...]

Each VENV is a virtualenv with a release of Salt (`python3 -m venv VENV && VENV/bin/pip install salt==3006.30`).
The cases are made by `generate.py`, rendered by Salt through `record.py`, then by `cargo test -p states`.
What differs is printed; the exit code is that of the comparison.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import generate

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--keep", type=pathlib.Path, help="leave the cases in this folder")
    parser.add_argument("venv", type=pathlib.Path, nargs="+")
    given = parser.parse_args()
    scratch = given.keep or pathlib.Path(tempfile.mkdtemp())
    failed = False
    for venv in given.venv:
        folder = (scratch / venv.name).resolve()
        generate.write(folder, given.seed, given.count)
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        subprocess.run([venv / "bin/python", HERE / "record.py", folder], check=True, env=environment)
        print(f"{venv.name}, seed {given.seed}:", flush=True)
        command = ["cargo", "test", "-q", "-p", "states", "--lib", "a_corpus_of_elsewhere", "--", "--ignored", "--nocapture"]
        done = subprocess.run(command, cwd=HERE, env={**os.environ, "RENDER_CORPUS": str(folder)})
        failed |= done.returncode != 0
    if not given.keep:
        shutil.rmtree(scratch)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Runs Brine and python's salt-master in turn on the same work, and writes the figures side by side.

    cargo build --release
    python3 benches/compare/compare.py                # all of it: about 8 minutes on 2 quiet cores
    python3 benches/compare/compare.py --quick        # a tenth of the work, to see that it runs
    python3 benches/compare/compare.py --only event   # one row; --list names them

What counts is CPU seconds of the master's processes per operation: wall time depends on what else
the machine does. `brine swarm` is the load for all masters alike. The limits beside the figures
(RSA operations, fsync, loopback) are measured in the same run. Needs Linux, `openssl`, nothing but
the standard library, and a network (or pip's cache) for the first installation of the python
masters. Results are written after each row, so that a run that is cut off leaves what it has.
"""

import argparse
import json
import pathlib
import signal
import subprocess
import sys
import time

from suite import goals, processes
from suite.machine import Machine
from suite.master import REPOSITORY
from suite.plot import plot
from suite.rows import Stage
from suite.table import document

HERE = pathlib.Path(__file__).resolve().parent
RELEASES = ["3006.30", "3008.5"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brine", type=pathlib.Path, default=REPOSITORY / "target/release/brine")
    parser.add_argument("--release", action="append", help="a python master to compare with; can be repeated; none: no other")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--only", action="append", default=[], metavar="ROW", help="this row alone; can be repeated")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    parser.add_argument("--minions", type=pathlib.Path, default=REPOSITORY / "target/minions",
                        help="where installed releases are kept")
    parser.add_argument("--results", type=pathlib.Path, default=REPOSITORY / "target/compare",
                        help="the directory for results.json, results.md and results.svg")
    return parser.parse_args()


def masters(given):
    """Gives each master's name and its python; ours has none."""
    found = [("Brine", None)]
    for release in given.release or RELEASES:
        if release == "none":
            continue
        words = [given.brine, "lab", "--install-only", "--minion", release, "--minions", given.minions]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"salt {release} cannot be installed: {done.stderr.strip()}")
        found.append((f"salt-master {release}", pathlib.Path(done.stdout.strip()) / "bin/python"))
    return found


def commit():
    words = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"]
    return subprocess.run(words, capture_output=True, text=True).stdout.strip() or "unknown"


def save(given, machine, names, book, began):
    """Writes what is known so far; `began` is when, and at which commit."""
    minutes = (time.monotonic() - began[0]) / 60
    how = "--quick: a tenth of the work, too little to judge by" if given.quick else "whole"
    title = (
        "Brine beside python's salt-master",
        f"Made by `benches/compare/compare.py` ({how}) at commit {began[1]}, in {minutes:.0f} minutes.",
    )
    given.results.mkdir(parents=True, exist_ok=True)
    text = document(title, machine, names, book)
    data = {"commit": began[1], "quick": given.quick, "machine": vars(machine), "figures": book.figures, "notes": book.notes}
    (given.results / "results.json").write_text(json.dumps(data, indent=1))
    (given.results / "results.md").write_text(text)
    (given.results / "results.svg").write_text(plot(names, book))
    return text


def main():
    given = options()
    if given.list:
        print("\n".join(f"{row.key:22} {row.title} ({row.unit})" for row in goals.ROWS))
        return
    unknown = set(given.only) - set(goals.BY_KEY)
    if unknown:
        raise SystemExit(f"no such row: {', '.join(sorted(unknown))}; --list names them")
    if not given.brine.is_file():
        raise SystemExit(f"{given.brine} is not there: cargo build --release")
    # An end asked for is an end with clean-up, as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    processes.raise_descriptors()
    # The tree may move on while this runs.
    began = (time.monotonic(), commit())
    machine = Machine(given.quick)
    say(machine.lines())
    found = masters(given)
    names = [name for name, _ in found]
    book = goals.Book()
    try:
        for name, python in found:
            say(f"{name}:")
            stage = Stage(name, given.brine.resolve(), python, given.quick, book, say, machine)
            for _ in stage.play(set(given.only)):
                save(given, machine, names, book, began)
    except KeyboardInterrupt:
        say("cut off; what was measured is kept")
    print(save(given, machine, names, book, began))


if __name__ == "__main__":
    main()

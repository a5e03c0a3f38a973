#!/usr/bin/env python3
"""Runs the same orchestrations against the same minions under Salt's master and under Brine.

    tests/differential/run.py --salt VENV --brine target/debug/brine [--only WORD] [--write]

VENV is a virtual environment with the whole of Salt (salt-master, salt-run, salt-minion). Two
minions, alpha and beta, are started for each master in turn, all on loopback. What `salt-run`
returns and its exit code are compared after jids, times and the order of sets were made alike.
--write puts the table into docs/compatibility-orchestration.md and Salt's answers beside this file.
"""

import argparse
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from cases import CASES, FILES

HERE = pathlib.Path(__file__).resolve().parent
MARKS = ("<!-- table -->\n", "<!-- end of table -->\n")


def free_ports():
    held = [socket.socket() for _ in range(2)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Web(http.server.BaseHTTPRequestHandler):
    """The web server that steps of `http.query` ask."""

    def answer(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        known = {"/hello": "hello", "/echo": f"{self.command} {sent} {self.path}"}
        body = known.get(self.path.partition("?")[0])
        text = (body or "nothing here").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


class Stage:
    """A master and two minions in a folder of their own."""

    def __init__(self, kind, options):
        self.kind, self.options = kind, options
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"diff-{kind}-"))
        self.running = []
        publish, ret = free_ports()
        self.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
        threading.Thread(target=self.web.serve_forever, daemon=True).start()
        for folder in ("etc", "salt", "pillar", "root"):
            (self.dir / folder).mkdir()
        self.write("etc/master", f"""
interface: 127.0.0.1
publish_port: {publish}
ret_port: {ret}
root_dir: {self.dir}/root
template_commands: True
web_port: {self.web.server_port}
id: diff
auto_accept: True
timeout: 8
gather_job_timeout: 15
file_roots: {{base: [{self.dir}/salt]}}
pillar_roots: {{base: [{self.dir}/pillar]}}
log_file: {self.dir}/master.log
log_level_logfile: info
{"worker_threads: 3" if kind == "salt" else ""}
""")
        self.write("pillar/top.sls", "base:\n  alpha: [left]\n  beta: [right]\n")
        for side in ("left", "right"):
            self.write(f"pillar/{side}.sls", f"side: {side}\n")
        for name, text in FILES.items():
            self.write(f"salt/{name}.sls", text)
        for number, case in enumerate(CASES):
            if case[1] is not None:
                self.write(f"salt/case{number}.sls", case[1])
        for minion, role in (("alpha", "web"), ("beta", "db")):
            (self.dir / minion).mkdir()
            self.write(f"{minion}/minion", f"""
master: 127.0.0.1
publish_port: {publish}
master_port: {ret}
id: {minion}
root_dir: {self.dir}/{minion}
grains: {{role: {role}}}
acceptance_wait_time: 1
log_level_logfile: warning
""")

    def write(self, name, text):
        (self.dir / name).write_text(text)

    def program(self, name):
        return [str(self.options.salt / "bin" / name)]

    def spawn(self, words, log):
        out = open(self.dir / log, "ab")
        self.running.append(subprocess.Popen(
            words, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True))
        return self.running[-1]

    def start_master(self):
        if self.kind == "salt":
            words = self.program("salt-master") + ["-c", str(self.dir / "etc")]
        else:
            words = [str(self.options.brine), "master", "-c", str(self.dir / "etc")]
        return self.spawn(words, "master.out")

    def start(self):
        self.start_master()
        for minion in ("alpha", "beta"):
            self.spawn(self.program("salt-minion") + ["-c", str(self.dir / minion)], f"{minion}.out")
        for _ in range(90):
            done = self.cli("run", ["manage.up", "--out=json"], 60)
            if "alpha" in done.stdout and "beta" in done.stdout:
                return
            time.sleep(1)
        raise SystemExit(f"{self.kind}: the minions do not come up; see {self.dir}")

    def cli(self, program, words, seconds=180):
        if self.kind == "salt":
            command = self.program(f"salt-{program}") + ["-c", str(self.dir / "etc")]
        else:
            command = [str(self.options.brine), program, "-c", str(self.dir / "etc")]
        return subprocess.run(
            command + words, capture_output=True, text=True, timeout=seconds,
            stdin=subprocess.DEVNULL)

    def orchestrate(self, number, case):
        sls = f"case{number}" if case[1] is not None else "nowhere"
        words = ["state.orchestrate", sls, "--out=json", "--log-level=quiet"]
        more = case[2] if len(case) > 2 else []
        done = self.cli("run", words[:2] + more + words[2:])
        own = {str(self.dir): "DIR", f":{self.web.server_port}/": ":PORT/"}
        out, err = done.stdout, done.stderr
        for text, name in own.items():
            out, err = out.replace(text, name), err.replace(text, name)
        return {"code": done.returncode, "answer": alike(read(out, err))}

    def stop(self):
        for process in reversed(self.running):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        self.running = []
        self.web.shutdown()
        shutil.rmtree(self.dir, ignore_errors=True)


def read(out, err):
    """Gives the JSON of what a command printed; Salt prints a line before it at times."""
    try:
        return json.loads(out[out.index("{"):])
    except ValueError:
        return {"text": (out + err).strip()}


TIMES = {"start_time", "duration", "__jid__", "jid", "orchestration_jid", "pid", "__pub_jid"}
NAMES = re.compile(r"(Updating|made to|ran on|minions:) ([\w-]+(?:, [\w-]+)+)")


def alike(value, key=None):
    """Gives a value without what differs from run to run."""
    if key in TIMES:
        return "..."
    if isinstance(value, dict):
        return {name: alike(item, name) for name, item in sorted(value.items())}
    if isinstance(value, list):
        return [alike(item) for item in value]
    if isinstance(value, str):
        value = re.sub(r"\b20\d{18}\b", "JID", value)
        # Their numbers change when a case is added before them.
        value = re.sub(r"\bcase\d+\b", "CASE", value)
        value = re.sub(r"in [\d.]+ seconds", "in N seconds", value)
        return NAMES.sub(lambda hit: f"{hit[1]} {', '.join(sorted(hit[2].split(', ')))}", value)
    return value


def differences(ours, theirs, path=""):
    """Lists where two values differ: path, Salt's, ours."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = []
        for key in sorted({*ours, *theirs}):
            mine, his = ours.get(key, "(absent)"), theirs.get(key, "(absent)")
            found += differences(mine, his, f"{path}/{key}")
        return found
    return [] if ours == theirs else [(path, theirs, ours)]


def short(value):
    text = value if isinstance(value, str) else json.dumps(value)
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= 90 else text[:87] + "..."


def rows(results):
    for number, case in enumerate(CASES):
        if case[0] not in results["salt"] or case[0] not in results["brine"]:
            continue
        theirs, ours = results["salt"][case[0]], results["brine"][case[0]]
        found = differences(ours, theirs)
        reason = case[3] if len(case) > 3 else None
        yield case[0], found, reason, (theirs["code"], ours["code"])


def table(results):
    lines = ["| case | equal | exit codes: Salt, Brine | where it differs, and why |\n",
             "|---|---|---|---|\n"]
    counts = {"yes": 0, "listed": 0, "NO": 0}
    for name, found, reason, codes in rows(results):
        verdict = "yes" if not found else "listed" if reason else "NO"
        counts[verdict] += 1
        where = ""
        if found:
            path, theirs, ours = found[0]
            last = "/".join(path.split("/")[-2:])
            where = f"{reason + '. ' if reason else ''}`{last}`: Salt {short(theirs)}; Brine {short(ours)}"
        lines.append(f"| {name} | {verdict} | {codes[0]}, {codes[1]} | {where} |\n")
    lines.append(f"\n{counts['yes']} equal, {counts['listed']} different with its reason, "
                 f"{counts['NO']} different without a reason.\n")
    return "".join(lines), counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--salt", type=pathlib.Path, required=True)
    parser.add_argument("--brine", type=pathlib.Path, required=True)
    parser.add_argument("--only", default="", help="words, comma separated; cases that have one of them")
    parser.add_argument("--masters", default="salt,brine")
    parser.add_argument("--recorded", action="store_true", help="take Salt's answers from the file")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    options.brine = options.brine.resolve()
    recorded = HERE / "salt-3006.30.json"
    results = {"salt": {}, "brine": {}}
    if options.recorded:
        results["salt"] = alike(json.loads(recorded.read_text()))
    for kind in options.masters.split(","):
        if kind == "salt" and options.recorded:
            continue
        stage = Stage(kind, options)
        try:
            stage.start()
            for number, case in enumerate(CASES):
                if any(word in case[0] for word in options.only.split(",")):
                    began = time.time()
                    results[kind][case[0]] = stage.orchestrate(number, case)
                    print(f"{kind}: {case[0]}: {time.time() - began:.1f} s", file=sys.stderr, flush=True)
        finally:
            stage.stop()
    if results["salt"] and not options.recorded and options.write:
        # Some cases renew their own answers only.
        kept = json.loads(recorded.read_text()) if options.only else {}
        kept.update(results["salt"])
        recorded.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    if not results["brine"] or not results["salt"]:
        return 0
    text, counts = table(results)
    print(text)
    if options.only:
        for name, found, *_ in rows(results):
            for path, theirs, ours in found:
                print(f"{name}: {path}\n  salt:  {theirs!r}\n  brine: {ours!r}")
    if options.write:
        document = HERE.parent.parent / "docs" / "compatibility-orchestration.md"
        whole = document.read_text()
        head, rest = whole.split(MARKS[0])
        document.write_text(head + MARKS[0] + "\n" + text + "\n" + MARKS[1] + rest.split(MARKS[1])[1])
    return 1 if counts["NO"] else 0


if __name__ == "__main__":
    sys.exit(main())

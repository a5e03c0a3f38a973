#!/usr/bin/env python3
"""Runs Brine and python's salt-master in turn on the same work, and writes the figures side by side.

    cargo build --release
    python3 benches/compare/compare.py            # all of it
    python3 benches/compare/compare.py --quick    # a tenth of the work, to see that it runs

What counts is CPU seconds of the master's processes per operation: wall time depends on what else
the machine does. `brine swarm` is the load for all masters alike. The limits beside the figures
(RSA operations, fsync, loopback) are measured in the same run. Needs Linux, nothing but the
standard library, and a network (or pip's cache) for the first installation of the python masters.
"""

import argparse
import contextlib
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
import time

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
RELEASES = ["3006.30", "3008.5"]

# As many pillar keys and levels as an installer's pillar has: disks, partitions, file systems,
# packages, services and users of a node, chosen by its id.
PILLAR_TOP = "base:\n  '*':\n    - node\n"
PILLAR_NODE = """
{% set disks = ['/dev/vda', '/dev/vdb'] %}
{% set role = 'master' if grains['id'].endswith('0') else 'worker' %}
config:
  events: no
  reboot: yes
  role: {{ role }}
  locale: en_US.utf8
partitions:
  config: {label: gpt, initial_gap: 1MB}
  devices:
{% for disk in disks %}
    {{ disk }}:
      partitions:
{% for number in range(1, 5) %}
        - {number: {{ number }}, size: {{ number * 512 }}MB, type: {{ 'boot' if number == 1 else 'linux' }}}
{% endfor %}
{% endfor %}
filesystems:
{% for disk in disks %}{% for number in range(1, 5) %}
  {{ disk }}{{ number }}:
    filesystem: {{ 'btrfs' if number > 1 else 'vfat' }}
    mountpoint: /{{ disk | replace('/', '_') }}{{ number }}
    subvolumes: {prefix: '@', subvolume: [{path: home}, {path: opt}, {path: srv}, {path: tmp}]}
{% endfor %}{% endfor %}
software:
  repositories:
{% for number in range(8) %}
    repo-{{ number }}: "http://install.example/{{ number }}/{{ grains['os'] | lower }}"
{% endfor %}
  packages: [{% for number in range(40) %}package-{{ number }}, {% endfor %}last]
services: {enabled: [{% for number in range(20) %}service-{{ number }}, {% endfor %}sshd]}
users:
{% for number in range(10) %}
  - {username: user-{{ number }}, uid: {{ 1000 + number }}, groups: [users, wheel]}
{% endfor %}
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def free_ports():
    """Gives two ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Machine:
    """What the machine itself can do at most."""

    def __init__(self, quick):
        seconds = "1" if quick else "3"
        text = subprocess.run(
            ["openssl", "speed", "-seconds", seconds, "rsa2048"],
            capture_output=True, text=True, check=True,
        ).stdout
        numbers = re.search(r"^rsa +2048 bits +\S+ +\S+ +(\S+) +(\S+)", text, re.MULTILINE)
        self.private_ms = 1000 / float(numbers[1])
        self.public_ms = 1000 / float(numbers[2])
        self.fsync_ms = self.measure_fsync(50 if quick else 200)
        self.loopback_ms = self.measure_loopback(500 if quick else 5000)

    @staticmethod
    def measure_fsync(count):
        # Where the masters keep their logs too.
        with tempfile.NamedTemporaryFile(prefix="cmp-") as file:
            began = time.monotonic()
            for _ in range(count):
                file.write(b"x" * 512)
                file.flush()
                os.fdatasync(file.fileno())
            return (time.monotonic() - began) / count * 1000

    @staticmethod
    def measure_loopback(count):
        """Gives the CPU milliseconds of one small question and answer over TCP, both sides."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            near = socket.create_connection(server.getsockname())
            far, _ = server.accept()
            with near, far:
                for side in (near, far):
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                began = time.process_time()
                for _ in range(count):
                    near.sendall(b"x" * 400)
                    far.recv(4096)
                    far.sendall(b"y" * 200)
                    near.recv(4096)
                return (time.process_time() - began) / count * 1000

    def lines(self):
        model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
        name = model[1] if model else "unknown processor"
        return (
            f"Machine: {name}, {os.cpu_count()} cores, Linux {os.uname().release}. Limits in the same run: one RSA-2048 "
            f"private operation {self.private_ms:.2f} ms, public {self.public_ms:.3f} ms, fdatasync {self.fsync_ms:.2f} ms, "
            f"a small question and answer over loopback {self.loopback_ms:.3f} ms."
        )


class Master:
    """A master that can be started in a folder of its own and put under load."""

    def __init__(self, name, brine, python):
        self.name, self.brine, self.python = name, brine, python
        # Socket paths have a limit of about 100 characters.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cmp-"))
        self.process = None
        self.publish_port, self.ret_port = free_ports()
        for below in ("etc", "states", "pillar", "root"):
            (self.folder / below).mkdir()
        (self.folder / "states/small.bin").write_bytes(os.urandom(4096))
        (self.folder / "states/large.bin").write_bytes(os.urandom(1_000_000))
        (self.folder / "pillar/top.sls").write_text(PILLAR_TOP)
        (self.folder / "pillar/node.sls").write_text(PILLAR_NODE)
        self.configure(auto_accept=False)

    def configure(self, auto_accept):
        root = self.folder / "root"
        config = {
            "interface": "127.0.0.1", "publish_port": self.publish_port, "ret_port": self.ret_port,
            "root_dir": str(root), "pki_dir": str(root / "pki"), "cachedir": str(root / "cache"),
            "sock_dir": str(root / "run"), "log_file": str(root / "log"), "user": "root",
            "file_roots": {"base": [str(self.folder / "states")]},
            "pillar_roots": {"base": [str(self.folder / "pillar")]},
            "auto_accept": auto_accept, "worker_threads": 5, "minimum_auth_version": 0,
            "log_level": "error", "timeout": 60, "gather_job_timeout": 60,
        }
        # JSON is YAML.
        (self.folder / "etc/master").write_text(json.dumps(config))

    def program(self, word):
        """Gives the words that run one of Salt's programs for this master."""
        if self.python is None:
            ours = {"salt-master": "master", "salt": "cmd"}[word]
            return [str(self.brine), ours, "-c", str(self.folder / "etc")]
        function = {"salt-master": "salt_master", "salt": "salt_main"}[word]
        code = f"import sys; sys.argv[0] = '{word}'; from salt.scripts import {function}; {function}()"
        return [str(self.python), "-c", code, "-c", str(self.folder / "etc")]

    def start(self):
        """Starts the master; gives the seconds until its request port answers."""
        log = open(self.folder / "log", "ab")
        began = time.monotonic()
        self.process = subprocess.Popen(
            self.program("salt-master"), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.ret_port), 1).close()
                return began
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} ended: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.01)

    def stop(self, how=signal.SIGKILL):
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, how)
        self.process.wait()
        self.process = None
        time.sleep(0.5)

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def swarm(self, *words, **flags):
        """Runs the swarm against this master; gives its result."""
        command = [
            str(self.brine), "swarm", "--out", "json", "--ret-port", str(self.ret_port),
            "--publish-port", str(self.publish_port), "--keys", str(REPOSITORY / "target/swarm-keys"),
        ]
        if self.process is not None:
            command += ["--watch", str(self.process.pid)]
        for name, value in flags.items():
            command += ["--" + name.replace("_", "-"), str(value)]
        command += words
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if not done.stdout.strip():
            if "--accept-only" in words:
                return {}
            raise SystemExit(f"{self.name}: {' '.join(command)}: {done.stderr}")
        return json.loads(done.stdout)


def per_operation(result, operations=None):
    """Gives CPU milliseconds of the master for one operation."""
    count = operations or result["done"]
    return result["master"]["cpu_seconds"] * 1000 / count if count else None


def measure(master, scale):
    """Puts one master through everything; gives the figures by name."""
    figures = {}
    n = max(int(1000 * scale), 20)
    say(f"{master.name}: {n} minions")
    master.swarm("--accept-only", minions=n, prefix="m-",
                 accept_in=master.folder / "root/pki")
    began = master.start()
    first = master.swarm(mode="herd", minions=1, prefix="m-", patience=1)
    figures["start until the first sign-in is answered, s"] = time.monotonic() - began
    if first["done"] != 1:
        say(f"  {master.name} did not let the first minion in: {first}")
    time.sleep(3)
    idle = master.swarm(mode="idle", minions=1, prefix="m-", **{"for": 1})
    figures["memory with nobody connected, MB (PSS)"] = idle["master"]["pss_kib_before"] / 1024

    warm = dict(prefix="m-", minions=min(n, 100), at_once=8)

    def cpu(name, **flags):
        result = master.swarm(**{**warm, **flags})
        figures[name] = per_operation(result)
        if result["errors"]:
            figures.setdefault("errors", {})[name] = result["errors"]
        say(f"  {name}: {figures[name]} ({result['done']} done, {result['errors'] or 'no errors'})")

    repeat = max(int(20 * scale), 2)
    cpu("_auth, known key, CPU ms", mode="auth", count=repeat)
    cpu("_minion_event, CPU ms", mode="events", count=repeat)
    cpu("_return of a job a minion started, CPU ms", mode="returns", count=repeat)
    cpu("fetch of 4 KB, CPU ms", mode="files", path="small.bin", count=max(repeat // 2, 1))
    cpu("fetch of 1 MB, CPU ms", mode="files", path="large.bin", count=max(repeat // 10, 1))
    few = dict(minions=min(n, 20), count=max(int(5 * scale), 1))
    fresh = master.swarm("--fresh", **{**warm, **few, "mode": "pillar"})
    figures["_pillar, new inputs, CPU ms"] = per_operation(fresh)
    master.swarm(**{**warm, "mode": "pillar", "minions": few["minions"], "count": 1})
    cpu("_pillar, same inputs again, CPU ms", mode="pillar", **few)

    command = " ".join(
        "'" + word.replace("'", "'\\''") + "'"
        for word in [*master.program("salt"), "-t", "60", "--out=txt", "m-*", "test.ping"]
    )
    ping = master.swarm(mode="ping", minions=n, at_once=50, prefix="m-", patience=120,
                        publish=command + " | wc -l >&2", **{"for": 0})
    figures[f"test.ping to {n}, master's CPU s"] = ping["master"]["cpu_seconds"]
    figures[f"test.ping to {n}, wall s (with the CLI)"] = ping["publish"]["seconds"]
    figures["_return of a published job, CPU ms"] = per_operation(ping)
    figures[f"memory with {n} listening, MB (PSS)"] = ping["master"]["pss_kib_after"] / 1024
    say(f"  test.ping: {ping['done']} returned in {ping['publish']['seconds']:.1f} s")

    master.stop()
    master.start()
    herd = master.swarm(mode="herd", minions=n, prefix="m-", patience=5)
    figures[f"herd of {n} after a restart, s"] = herd["seconds"]
    figures[f"herd of {n}, time-outs"] = herd["errors"].get("timed_out", 0)
    figures[f"herd of {n}, gave up"] = herd["errors"].get("gave_up", 0)

    master.stop()
    master.configure(auto_accept=True)
    master.start()
    time.sleep(2)
    new = master.swarm(mode="herd", minions=max(n // 10, 10), prefix="new-", patience=60,
                       distinct_keys=n)
    figures["_auth, new key, CPU ms"] = per_operation(new)
    disk = subprocess.run(["du", "-s", "--apparent-size", "-k", str(master.folder / "root/cache")],
                          capture_output=True, text=True).stdout.split()
    figures["cache directory at the end, MB"] = int(disk[0]) / 1024 if disk else None
    master.stop()
    return figures


def table(machine, names, figures):
    """Writes the figures as Markdown; ratios are the other master's figure divided by ours."""
    ours = names[0]
    others = names[1:]
    header = ["what", ours] + [cell for name in others for cell in (name, "ratio")]
    lines = [machine.lines(), "", "| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for what in figures[ours]:
        if what == "errors":
            continue
        own = figures[ours][what]
        cells = [what, number(own)]
        for name in others:
            other = figures[name].get(what)
            has_both = isinstance(own, (int, float)) and isinstance(other, (int, float)) and own
            cells += [number(other), f"{other / own:.1f}" if has_both else "-"]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "Limits of `_auth`: two private RSA operations for a known key "
              f"({2 * machine.private_ms:.2f} ms), one for a new one ({machine.private_ms:.2f} ms)."]
    for name in names:
        if figures[name].get("errors"):
            lines.append(f"\nNot all requests were answered by {name}: {json.dumps(figures[name]['errors'])}")
    return "\n".join(lines) + "\n"


def number(value):
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def plot(names, figures):
    """Draws the ratios as an SVG: a bar for each operation and python master, on a log scale."""
    import math
    rows = [what for what in figures[names[0]] if "CPU" in what]
    bar, gap, left, width = 12, 8, 330, 760
    height = len(rows) * (bar * (len(names) - 1) + gap) + 50
    top = 1000.0
    x = lambda ratio: left + (width - left - 60) * max(math.log10(max(ratio, 1.0)), 0) / math.log10(top)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             '<text x="8" y="18" font-size="14">How much more CPU the python masters use than Brine (times, log scale)</text>']
    for step in (1, 10, 100, 1000):
        parts.append(f'<line x1="{x(step)}" y1="28" x2="{x(step)}" y2="{height - 18}" stroke="#ddd"/>'
                     f'<text x="{x(step)}" y="{height - 4}" text-anchor="middle" fill="#666">{step}</text>')
    y = 34
    for what in rows:
        parts.append(f'<text x="{left - 8}" y="{y + bar}" text-anchor="end">{what}</text>')
        for name, colour in zip(names[1:], ("#4477aa", "#cc6677", "#228833")):
            own, other = figures[names[0]][what], figures[name].get(what)
            if own and other:
                ratio = other / own
                parts.append(f'<rect x="{left}" y="{y}" width="{max(x(ratio) - left, 1):.1f}" height="{bar - 2}" fill="{colour}"/>'
                             f'<text x="{x(ratio) + 4:.1f}" y="{y + bar - 3}" fill="#333">{ratio:.0f} ({name})</text>')
            y += bar
        y += gap
    return "\n".join(parts + ["</svg>\n"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brine", type=pathlib.Path, default=REPOSITORY / "target/release/brine")
    parser.add_argument("--release", action="append", help="a python master to compare with; can be repeated")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--minions", type=pathlib.Path, default=REPOSITORY / "target/minions",
                        help="where installed releases are kept")
    parser.add_argument("--results", type=pathlib.Path, default=HERE / "results",
                        help="the directory for results.json, results.md and results.svg")
    options = parser.parse_args()
    if not options.brine.is_file():
        raise SystemExit(f"{options.brine} is not there: cargo build --release")
    scale = 0.1 if options.quick else 1.0
    machine = Machine(options.quick)
    say(machine.lines())
    masters = [("Brine", None)]
    for release in options.release or RELEASES:
        place = subprocess.run(
            [str(options.brine), "lab", "--install-only", "--minion", release, "--minions", str(options.minions)],
            capture_output=True, text=True, check=True,
        ).stdout.strip()
        masters.append((f"salt-master {release}", pathlib.Path(place) / "bin/python"))
    figures = {}
    for name, python in masters:
        master = Master(name, options.brine.resolve(), python)
        try:
            figures[name] = measure(master, scale)
        finally:
            master.remove()
    options.results.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(["git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD"],
                            capture_output=True, text=True).stdout.strip()
    names = [name for name, _ in masters]
    text = f"# Brine beside python's salt-master\n\nMade by `benches/compare/compare.py` at commit {commit}.\n\n" + table(machine, names, figures)
    (options.results / "results.json").write_text(json.dumps({"commit": commit, "machine": vars(machine), "figures": figures}, indent=1))
    (options.results / "results.md").write_text(text)
    (options.results / "results.svg").write_text(plot(names, figures))
    print(text)


if __name__ == "__main__":
    main()

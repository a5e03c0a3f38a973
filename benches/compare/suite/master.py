"""A master that can be started in a folder of its own and put under load: ours or python's."""

import atexit
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import processes

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent.parent
PILLAR = HERE.parent / "pillar"

# Nothing that is measured takes longer than this; what does is a failure of its row.
SECONDS_MAX = 240

# Python's masters need up to ten seconds, on a busy machine more.
START_SECONDS_MAX = 90

# Ours are a link's name or a word; python's a function of its scripts.
PROGRAMS = {
    "salt-master": ("master", "salt_master"),
    "salt": ("cmd", "salt_main"),
    "salt-run": ("run", "salt_run"),
}

# Publishes with one client, so that the start of a program is not counted time and again.
PUBLISH_MANY = """
import sys
import salt.client
client = salt.client.LocalClient(c_path=sys.argv[1])
for _ in range(int(sys.argv[3])):
    client.run_job(sys.argv[2], "test.ping", timeout=60)
"""


class Failed(Exception):
    """Something that is measured did not work; the row has no figure."""


def free_ports():
    """Gives two ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Master:
    """One master: its folder, its configuration, its process."""

    def __init__(self, name, brine, python, environment=None, **options):
        self.name, self.brine, self.python = name, brine, python
        # What its process has in its environment beside ours.
        self.environment = environment or {}
        self.is_ours = python is None
        # Socket paths have a limit of about 100 characters.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cmp-"))
        self.pki = self.folder / "root/pki"
        self.cache = self.folder / "root/cache"
        self.process = None
        self.swarms = []
        self.publish_port, self.ret_port = free_ports()
        for below in ("etc", "states", "root"):
            (self.folder / below).mkdir()
        shutil.copytree(PILLAR, self.folder / "pillar")
        self.write("states/small.bin", os.urandom(4096))
        self.write("states/large.bin", os.urandom(1_000_000))
        self.configure(**options)

    def write(self, path, content):
        (self.folder / path).write_bytes(content if isinstance(content, bytes) else content.encode())

    def configure(self, **options):
        """Writes the configuration: a line for each option, its value as JSON, which is YAML."""
        config = {
            "interface": "127.0.0.1", "publish_port": self.publish_port, "ret_port": self.ret_port,
            "root_dir": str(self.folder / "root"), "pki_dir": str(self.pki), "cachedir": str(self.cache),
            "sock_dir": str(self.folder / "root/run"), "log_file": str(self.folder / "root/log"),
            "pidfile": str(self.folder / "root/pid"), "user": "root",
            "file_roots": {"base": [str(self.folder / "states")]},
            "pillar_roots": {"base": [str(self.folder / "pillar")]},
            "worker_threads": 5, "minimum_auth_version": 0, "log_level": "error",
            "timeout": 60, "gather_job_timeout": 60, **options,
        }
        self.write("etc/master", "".join(f"{name}: {json.dumps(value)}\n" for name, value in config.items()))

    def program(self, word, *arguments):
        """Gives the words that run one of Salt's programs for this master."""
        ours, function = PROGRAMS[word]
        etc = ["-c", str(self.folder / "etc")]
        if self.is_ours:
            return [str(self.brine), ours, *etc, *arguments]
        code = f"import sys; sys.argv[0] = '{word}'; from salt.scripts import {function}; {function}()"
        return [str(self.python), "-W", "ignore", "-c", code, *etc, *arguments]

    def run(self, *words, seconds=SECONDS_MAX):
        """Runs a program to its end; gives what it printed."""
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"no end after {seconds} s: {' '.join(map(str, words))}") from error
        if done.returncode != 0:
            raise Failed(f"exit code {done.returncode}: {' '.join(map(str, words))}: {(done.stderr or done.stdout).strip()[-400:]}")
        return done.stdout

    def publish(self, target, count):
        """Publishes test.ping this often and waits for nobody."""
        if self.is_ours:
            for _ in range(count):
                self.run(*self.program("salt", "--async", target, "test.ping"))
        else:
            self.run(str(self.python), "-W", "ignore", "-c", PUBLISH_MANY, str(self.folder / "etc/master"), target, str(count))

    def publish_one(self, target):
        """Publishes test.ping; gives its jid."""
        said = self.run(*self.program("salt", "--async", target, "test.ping"))
        found = re.search(r"\b\d{20}\b", said)
        if not found:
            raise Failed(f"no jid in {said!r}")
        return found[0]

    def launch(self):
        """Starts the process; gives the moment."""
        began = time.monotonic()
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                self.program("salt-master"), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env=os.environ | self.environment,
            )
        return began

    def start(self):
        """Starts the master if it does not run, and waits until minions and programs can connect."""
        if self.process is not None:
            return
        began = self.launch()
        while time.monotonic() - began < START_SECONDS_MAX:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.ret_port), 1).close()
                if self.is_ours:
                    with socket.socket(socket.AF_UNIX) as programs:
                        programs.connect(str(self.folder / "root/run/brine.sock"))
                return
            if self.process.poll() is not None:
                self.process = None
                break
            time.sleep(0.01)
        raise Failed(f"{self.name} does not start: {(self.folder / 'log').read_text()[-2000:]}")

    def ready(self):
        """Starts the master and lets one minion in, so that all of it works."""
        was_running = self.process is not None
        self.start()
        if not was_running:
            self.swarm(mode="herd", minions=1, prefix="m-", patience=60)

    def stop(self, how=signal.SIGKILL):
        """Ends the master and every process it started."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM if how == signal.SIGTERM else signal.SIGKILL)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        # A swarm that nobody waited for, since something failed beside it, has no end of its own.
        for swarm in self.swarms:
            swarm.kill()
            swarm.wait()
        self.stop()
        # Not now: for a minute after, ext4 without a journal looks at each inode that was deleted whenever a file is
        # made, and the next master would pay for it.
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)

    def cpu_seconds(self):
        return processes.cpu_seconds(self.process.pid)

    def accept(self, prefix, count):
        """Puts the swarm's public keys among the accepted ones, before the start."""
        self.run(*self.swarm_words(["--accept-only"], {"minions": count, "prefix": prefix, "accept_in": self.pki}))

    def swarm_words(self, words, flags):
        command = [
            str(self.brine), "swarm", "--out", "json", "--ret-port", str(self.ret_port),
            "--publish-port", str(self.publish_port), "--keys", str(REPOSITORY / "target/swarm-keys"),
        ]
        if self.process is not None:
            command += ["--watch", str(self.process.pid)]
        for name, value in flags.items():
            command += ["--" + name.rstrip("_").replace("_", "-"), str(value)]
        return [*command, *words]

    def swarm(self, *words, **flags):
        """Runs the swarm against this master; gives its result. Errors of requests are in it."""
        return self.result(self.begin_swarm(*words, **flags))

    def begin_swarm(self, *words, seconds_max=SECONDS_MAX, niceness=0, **flags):
        command = [*(["nice", "-n", str(niceness)] if niceness else []), *self.swarm_words(words, flags)]
        pipe = subprocess.PIPE
        # The other end of a pipe that nobody writes to: a command that reads it waits for the end of the swarm.
        swarm = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        swarm.seconds_max = seconds_max
        self.swarms.append(swarm)
        return swarm

    def result(self, swarm):
        """Waits for a swarm's end; gives its result."""
        try:
            said, complaint = swarm.communicate(timeout=swarm.seconds_max)
        except subprocess.TimeoutExpired as error:
            swarm.kill()
            swarm.communicate()
            raise Failed(f"the swarm did not end in {swarm.seconds_max} s") from error
        if not said.strip():
            raise Failed(f"the swarm could not start: {complaint[-800:]}")
        return json.loads(said)

"""Records what real minions and Salt's own master of their release say to each other.

    record.py VENV...     VENV holds one release of Salt, as in target/minions

Writes captured/RELEASE.txt beside this script for each. A line is a word and bytes in base64:

    req BYTES                             how a connection to the port of returns begins, up to its
                                          first request
    sub BYTES                             the same to the port of jobs, with its subscription
    exchange REQUEST REPLY                one request and its answer, the envelopes
    publication BYTES                     one job, the envelope

Both sides use the key pairs beside this script, which were made for tests, so that tests can open
everything: master.pem, minion.pem. The grains are a few that are written down here; a machine's
own would tell of the machine. What is longer than LONGEST is left out, and said so.
"""
import base64
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
# The minion knows its master as RELAY; the ports are the same on both addresses, because the
# oldest releases take the port of jobs from the master.
RELAY, MASTER = "127.0.0.1", "127.0.0.2"
# The longest honest message here that is not a machine's whole configuration.
LONGEST = 3000
# A minion's first sign of life on a busy machine.
PATIENCE = 180

MINION = """
import sys, salt.loader
GRAINS = {"os": "Debian", "os_family": "Debian", "kernel": "Linux", "osrelease": "12", "num_cpus": 2,
          "ipv4": ["127.0.0.1"], "fqdn_ip4": [], "host": "captured", "nodename": "captured",
          "master": "127.0.0.1", "init": "systemd", "saltpath": "/salt", "path": "/bin",
          "shell": "/bin/sh", "pythonexecutable": "python", "defaultencoding": "utf-8"}
salt.loader.grains = lambda opts, *more, **others: dict(GRAINS, id=opts["id"])
sys.argv[0] = "salt-minion"
from salt.scripts import salt_minion
salt_minion()
"""

# Masters before 3001 ask libzmq for an option that it gave up; without the name they take the next.
MASTER_BEGIN = "import zmq; hasattr(zmq, 'HWM') and delattr(zmq, 'HWM'); "

JOBS = [
    ["test.arg", "one", "2", "three=[3, 4]"],
    ["state.apply", "web"],
    ["mine.send", "test.ping"],
    ["mine.get", "*", "test.ping"],
    ["event.send", "captured/hello", "{word: hello}"],
]


class Recorder:
    """Keeps lines; each handshake once."""

    def __init__(self):
        self.lines, self.lock, self.left_out = [], threading.Lock(), 0

    def keep(self, word, *messages):
        with self.lock:
            if any(len(message) > LONGEST for message in messages):
                self.left_out += 1
            elif word in ("exchange", "publication") or not any(l.startswith(word) for l in self.lines):
                self.lines.append(" ".join([word] + [base64.b64encode(message).decode() for message in messages]))


class Side:
    """One direction of a connection: cuts what passes into messages."""

    def __init__(self, heard, begun):
        self.waiting, self.bytes_read, self.parts = bytearray(), bytearray(), []
        self.heard, self.begun, self.is_greeted = heard, begun, False

    def take(self, data):
        self.waiting += data
        if not self.is_greeted:
            if len(self.waiting) < 64:
                return
            self.is_greeted = True
            self.pass_on(64)
        while len(self.waiting) >= 2:
            flags, head = self.waiting[0], 9 if self.waiting[0] & 2 else 2
            if len(self.waiting) < head:
                return
            length = int.from_bytes(self.waiting[1:head], "big")
            if len(self.waiting) < head + length:
                return
            body = bytes(self.waiting[head:head + length])
            if not flags & 4:
                self.message(flags, body)
            elif body.startswith(b"\x09SUBSCRIBE"):
                self.begins(head + length)
            self.pass_on(head + length)

    def message(self, flags, body):
        self.parts.append(body)
        if flags & 1:
            return
        # A subscription of ZMTP 3.0 is a message of one part; a request has an empty one before it.
        self.begins(2 + len(body) if len(self.parts) == 1 else 0)
        parts, self.parts = self.parts, []
        self.heard(parts[-1])

    def begins(self, length):
        """The beginning of a connection is over, with or without what is being read."""
        if self.begun:
            begun, self.begun = self.begun, None
            begun(bytes(self.bytes_read + self.waiting[:length]))

    def pass_on(self, length):
        if self.begun:
            self.bytes_read += self.waiting[:length]
        del self.waiting[:length]


def pump(source, sink, side):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            # Noted before it is passed on: an answer must find its request.
            side.take(data)
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def connection(minion, master, recorder, is_jobs):
    asked = []
    if is_jobs:
        from_minion = Side(lambda _: None, lambda bytes_read: recorder.keep("sub", bytes_read))
        from_master = Side(lambda body: recorder.keep("publication", body), None)
    else:
        from_minion = Side(asked.append, lambda bytes_read: recorder.keep("req", bytes_read))
        from_master = Side(lambda body: recorder.keep("exchange", asked.pop(), body), None)
    for source, sink, side in ((minion, master, from_minion), (master, minion, from_master)):
        threading.Thread(target=pump, args=(source, sink, side), daemon=True).start()


def relay(port, recorder, is_jobs):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((RELAY, port))
    server.listen(50)

    def serve():
        while True:
            minion, _ = server.accept()
            try:
                master = socket.create_connection((MASTER, port))
            except OSError:
                minion.close()
                continue
            connection(minion, master, recorder, is_jobs)

    threading.Thread(target=serve, daemon=True).start()


def free_ports():
    servers = [socket.socket() for _ in range(2)]
    for server in servers:
        server.bind((MASTER, 0))
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


class Stage:
    """A master and a minion of the release, in a folder of their own."""

    def __init__(self, venv):
        self.python = venv / "bin/python"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="record-"))
        self.running, self.recorder = [], Recorder()
        publish, ret = free_ports()
        relay(publish, self.recorder, True)
        relay(ret, self.recorder, False)
        common = f"root_dir: {self.folder}/root\nid: captured\nlog_level: warning\nuser: root\n"
        self.write("master/master", common + f"""
interface: {MASTER}
publish_port: {publish}
ret_port: {ret}
worker_threads: 2
minimum_auth_version: 0
file_roots: {{base: [{self.folder}/salt]}}
pillar_roots: {{base: [{self.folder}/pillar]}}
fileserver_backend: [roots]
""")
        self.write("minion/minion", common + f"""
master: {RELAY}
publish_port: {publish}
master_port: {ret}
sign_pub_messages: True
mine_interval: 0
acceptance_wait_time: 1
""")
        self.write("salt/web.sls", "greeting:\n  test.show_notification:\n    - text: {{ pillar.who }}\n")
        self.write("pillar/top.sls", "base:\n  '*':\n    - who\n")
        self.write("pillar/who.sls", "who: {{ grains.id }}\nnumbers: {1: one}\n")
        self.keys("master", "master.pem")
        self.keys("minion", "minion.pem")

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def keys(self, role, pem):
        """Puts a key pair where the program of that role looks for its own."""
        folder = self.folder / "root/etc/salt/pki" / role
        folder.mkdir(parents=True)
        shutil.copy(HERE / pem, folder / f"{role}.pem")
        (folder / f"{role}.pem").chmod(0o400)
        public = subprocess.run(
            ["openssl", "rsa", "-in", HERE / pem, "-pubout"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        (folder / f"{role}.pub").write_bytes(public.stdout)

    def spawn(self, name, code, words):
        log = open(self.folder / f"{name}.log", "w")
        self.running.append(subprocess.Popen(
            [str(self.python), "-c", code] + words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, env=dict(os.environ, HOME=str(self.folder))))

    def program(self, word, function):
        return f"import sys; sys.argv[0] = '{word}'; from salt.scripts import {function}; {function}()"

    def start(self):
        master = MASTER_BEGIN + self.program("salt-master", "salt_master")
        self.spawn("master", master, ["-c", str(self.folder / "master")])
        self.spawn("minion", MINION, ["-c", str(self.folder / "minion")])
        # It has to wait first, so that this answer is recorded too.
        self.wait("minion to wait", lambda: self.pki("minions_pre").exists())
        time.sleep(2)
        self.run("salt-key", "salt_key", ["-y", "-a", "captured"])
        self.wait("minion to answer", lambda: "true" in self.salt(["test.ping"]).lower())

    def wait(self, what, is_done):
        until = time.monotonic() + PATIENCE
        while not is_done():
            if time.monotonic() > until:
                for log in self.folder.glob("*.log"):
                    print(log, log.read_text()[-2000:])
                sys.exit(f"waited in vain for the {what}")
            time.sleep(0.2)

    def pki(self, place):
        return self.folder / "root/etc/salt/pki/master" / place / "captured"

    def salt(self, words):
        return self.run("salt", "salt_main", ["captured"] + words + ["-t", "30", "--out=json"])

    def run(self, word, function, words):
        done = subprocess.run(
            [str(self.python), "-c", self.program(word, function), "-c", str(self.folder / "master")]
            + words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout.decode()

    def stop(self):
        for process in self.running:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.folder)


def record(venv):
    release = subprocess.run(
        [str(venv / "bin/python"), "-c", "import salt.version; print(salt.version.__version__)"],
        stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    stage = Stage(venv)
    try:
        stage.start()
        for words in JOBS:
            said = stage.salt(words)
            print(f"{release}: {' '.join(words)}: {' '.join(said.split())[:100]}")
        # What the minion sends at its end of a job may still be on its way.
        time.sleep(3)
        lines = list(stage.recorder.lines)
    finally:
        stage.stop()
    (HERE / "captured").mkdir(exist_ok=True)
    (HERE / "captured" / f"{release}.txt").write_text("\n".join(lines) + "\n")
    print(f"{release}: {len(lines)} lines, {stage.recorder.left_out} too long")


for name in sys.argv[1:]:
    record(pathlib.Path(name).absolute())

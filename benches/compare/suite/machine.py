"""What the machine itself can do at most: the limits beside the figures."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time

from . import processes


class Machine:
    """The limits, measured once a run and before everything else."""

    def __init__(self, quick):
        self.private_ms, self.public_ms = measure_rsa(1 if quick else 3)
        # What a private operation took right before and after a row's work: a shared machine is faster in one minute
        # than in another by more than what is looked for.
        self.private_ms_beside = {}
        self.fsync_ms = measure_fsync(50 if quick else 200)
        self.loopback_ms = measure_loopback(500 if quick else 5000)
        model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
        self.name = model[1] if model else "unknown processor"
        self.cores = os.cpu_count()
        self.kernel = os.uname().release
        self.busy_before = processes.load()

    def lines(self):
        return (
            f"Machine: {self.name}, {self.cores} cores, Linux {self.kernel}, load {self.busy_before:.1f} before the run. "
            f"Limits in the same run: one RSA-2048 private operation {self.private_ms:.2f} ms, public "
            f"{self.public_ms:.3f} ms, fdatasync {self.fsync_ms:.2f} ms, a small question and answer over loopback "
            f"{self.loopback_ms:.3f} ms."
        )

    @contextlib.contextmanager
    def limit_beside(self, key):
        """Measures a private operation before and after what a row is made of."""
        before, _ = measure_rsa(2)
        yield
        after, _ = measure_rsa(2)
        self.private_ms_beside[key] = (before + after) / 2

    def limits(self):
        """Gives what no master on this machine can do better, by row."""
        known, new = (self.private_ms_beside.get(key, self.private_ms) for key in ("auth_known", "auth_new"))
        return {
            "auth_known": ("two private RSA operations, right before and after", 2 * known),
            "auth_new": ("one private RSA operation, right before and after", new),
            "return": ("a loopback exchange", self.loopback_ms),
            "event": ("a loopback exchange", self.loopback_ms),
            "file_small": ("a loopback exchange", self.loopback_ms),
            "pillar_again": ("one private RSA operation (the signature)", self.private_ms),
        }


def measure_rsa(seconds):
    """Gives the milliseconds of one private and of one public operation with a key of 2048 bits."""
    words = ["openssl", "speed", "-seconds", str(seconds), "rsa2048"]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    numbers = re.search(r"^rsa +2048 bits +\S+ +\S+ +(\S+) +(\S+)", text, re.MULTILINE)
    return 1000 / float(numbers[1]), 1000 / float(numbers[2])


def measure_fsync(count):
    """Gives the milliseconds of one fdatasync, where the masters keep their logs too."""
    with tempfile.NamedTemporaryFile(prefix="cmp-") as file:
        began = time.monotonic()
        for _ in range(count):
            file.write(b"x" * 512)
            file.flush()
            os.fdatasync(file.fileno())
        return (time.monotonic() - began) / count * 1000


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

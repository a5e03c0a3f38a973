"""What the machine itself can do at most: the limits beside the figures."""

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
        seconds = "1" if quick else "3"
        text = subprocess.run(
            ["openssl", "speed", "-seconds", seconds, "rsa2048"],
            capture_output=True, text=True, check=True,
        ).stdout
        numbers = re.search(r"^rsa +2048 bits +\S+ +\S+ +(\S+) +(\S+)", text, re.MULTILINE)
        self.private_ms = 1000 / float(numbers[1])
        self.public_ms = 1000 / float(numbers[2])
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

    def limits(self):
        """Gives what no master on this machine can do better, by row."""
        return {
            "auth_known": ("two private RSA operations", 2 * self.private_ms),
            "auth_new": ("one private RSA operation", self.private_ms),
            "return": ("a loopback exchange", self.loopback_ms),
            "event": ("a loopback exchange", self.loopback_ms),
            "file_small": ("a loopback exchange", self.loopback_ms),
            "pillar_again": ("one private RSA operation (the signature)", self.private_ms),
        }


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

"""What the machine itself can do at most: the limits beside the figures."""

import atexit
import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

from . import processes

# OpenSSL's mask of the processor's features: without bit 21 of the second word, which is AVX-512 IFMA. With those
# instructions a private operation takes a bit more than half the time, and everything else of a sign-in the same time.
WITHOUT_IFMA = {"OPENSSL_ia32cap": ":~0x200000"}

# Rows whose limit is so many private operations, measured beside their work.
PRIVATE_OPERATIONS = {
    "auth_known": (2, "two private RSA operations"),
    "auth_new": (1, "one private RSA operation"),
    "auth_known_plain": (2, "two private RSA operations without AVX-512 IFMA"),
    "auth_new_plain": (1, "one private RSA operation without AVX-512 IFMA"),
}


class Machine:
    """The limits, measured once a run and before everything else."""

    def __init__(self, quick):
        self.private_ms, self.public_ms = measure_rsa(1 if quick else 3)
        # What a private operation took right before and after a row's work: a shared machine is faster in one minute
        # than in another by more than what is looked for.
        self.private_ms_beside = {}
        self.fsync_ms = measure_fsync(50 if quick else 200)
        self.loopback_ms = measure_loopback(500 if quick else 5000)
        self.new_file_ms = measure_new_file(50 if quick else 200)
        processor = pathlib.Path("/proc/cpuinfo").read_text()
        model = re.search(r"model name\s*: (.*)", processor)
        self.name = model[1] if model else "unknown processor"
        self.has_ifma = bool(re.search(r"^flags\s*:.*\bavx512ifma\b", processor, re.MULTILINE))
        self.cores = os.cpu_count()
        self.kernel = os.uname().release
        self.busy_before = processes.load()

    def lines(self):
        return (
            f"Machine: {self.name}{' with AVX-512 IFMA' if self.has_ifma else ''}, {self.cores} cores, Linux {self.kernel}, load {self.busy_before:.1f} before the run. "
            f"Limits in the same run: one RSA-2048 private operation {self.private_ms:.2f} ms, public "
            f"{self.public_ms:.3f} ms, fdatasync {self.fsync_ms:.2f} ms, a small question and answer over loopback "
            f"{self.loopback_ms:.3f} ms, a new file {self.new_file_ms:.3f} ms CPU."
        )

    @contextlib.contextmanager
    def limit_beside(self, key, environment):
        """Measures a private operation before and after what a row is made of, with what the
        environment says of the processor."""
        before, _ = measure_rsa(2, environment)
        yield
        after, _ = measure_rsa(2, environment)
        self.private_ms_beside[key] = (before + after) / 2

    def limits(self):
        """Gives what no master on this machine can do better, by row."""
        sign_ins = {
            key: (f"{what}, right before and after", count * self.private_ms_beside[key])
            for key, (count, what) in PRIVATE_OPERATIONS.items() if key in self.private_ms_beside
        }
        return sign_ins | {
            "return": ("a loopback exchange", self.loopback_ms),
            "event": ("a loopback exchange", self.loopback_ms),
            "file_small": ("a loopback exchange", self.loopback_ms),
            "pillar_again": ("one private RSA operation (the signature)", self.private_ms),
        }


def measure_rsa(seconds, environment=None):
    """Gives the milliseconds of one private and of one public operation with a key of 2048 bits."""
    words = ["openssl", "speed", "-seconds", str(seconds), "rsa2048"]
    environment = os.environ | (environment or {})
    text = subprocess.run(words, capture_output=True, text=True, check=True, env=environment).stdout
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


def measure_new_file(count):
    """Gives the CPU milliseconds of a new file of 450 bytes, as long as a public key. They are several times more while
    ext4 without a journal remembers deleted files, minutes long, and the sign-in of a new key makes one."""
    folder = tempfile.mkdtemp(prefix="cmp-")
    # Not now, or what follows would pay for it.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    began = time.process_time()
    for number in range(count):
        file = os.open(f"{folder}/{number}", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        os.write(file, b"x" * 450)
        os.close(file)
    return (time.process_time() - began) / count * 1000


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

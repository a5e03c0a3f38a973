"""What process trees and folders cost, from /proc and stat. Linux only."""

import os
import pathlib
import resource

TICKS = os.sysconf("SC_CLK_TCK")

# The swarm and a master need two descriptors for each minion.
DESCRIPTORS = 65536


def load():
    return os.getloadavg()[0]


def raise_descriptors():
    """Takes as many open files as are needed, or as the system gives; programs inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (max(hard, DESCRIPTORS), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return wanted
        except (OSError, ValueError):
            continue
    return hard


def cpu_seconds(root):
    """Gives the CPU seconds of a process, its descendants, and those that they waited for."""
    parents, seconds = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The name in brackets may hold anything.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(entry.name)
        parents[pid] = int(fields[1])
        seconds[pid] = sum(int(field) for field in fields[11:15]) / TICKS
    tree, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in tree} - tree
        tree |= more
        grown = bool(more)
    return sum(seconds.get(pid, 0.0) for pid in tree)


def pss_kib(pid):
    """Gives the proportional set size of one process."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def space(folder):
    """Gives the bytes that a folder takes on its disk, and how many files and folders it has."""
    count, blocks = 0, 0
    for place, folders, files in os.walk(folder):
        for name in folders + files:
            try:
                found = os.lstat(os.path.join(place, name))
            except OSError:
                continue
            count += 1
            blocks += found.st_blocks
    return blocks * 512, count

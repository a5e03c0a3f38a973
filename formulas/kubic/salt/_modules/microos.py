"""
The node under installation: what it is, and each thing an install does to its disk.

A stand-in for a real image installer, small enough to read: a partition table, a file system,
the live system's configuration, the minion's key. The node describes itself in a file of
KEY=value lines (see ``node``); without one, the pillar's ``microos`` says the same.
"""

import logging
import os
import shutil
import socket
import stat
import struct
import subprocess
import tempfile
import time
import uuid

from salt.exceptions import CommandExecutionError

log = logging.getLogger(__name__)

__virtualname__ = "microos"

DESCRIPTION = "/etc/brine-lab/node.conf"
MARKER = "etc/installed-release"
# Only a node of a cluster has one of these.
CLUSTER_FILES = ("/etc/kubernetes/admin.conf", "/etc/kubernetes/kubelet.conf")

SECTOR_BYTES = 512
# Where partitioning tools begin since 2010: a multiple of every block size in use.
FIRST_SECTOR = 2048
# A partition table counts sectors in 32 bits.
SECTORS_MAX = 0xFFFFFFFF

# Lent by the machine to the installed system too, or gone after a reboot anyway.
NOT_COPIED = ("bin", "sbin", "usr", "dev", "proc", "sys", "run", "tmp", "mnt", "media", "boot")
NOT_COPIED_BELOW = ("var/cache", "var/log", "var/run", "var/tmp", "var/lock", "etc/mtab")


def __virtual__():
    return __virtualname__


def node():
    """
    Give what this node is: root, address, hostname, booted_from, disk_kind, disk, partition,
    bytes, hold, reboot.

    CLI Example:

    .. code-block:: bash

        salt '*' microos.node
    """
    described = _description()
    pillar = __pillar__.get("microos", {})
    disk = described.get("LAB_DISK") or pillar.get("disk")
    return {
        "root": described.get("LAB_ROOT", "/"),
        "address": described.get("LAB_ADDRESS"),
        "hostname": described.get("LAB_HOSTNAME"),
        "booted_from": described.get("LAB_BOOT"),
        "disk_kind": described.get("LAB_DISK_KIND") or pillar.get("disk_kind", "block"),
        "disk": disk,
        "partition": described.get("LAB_DISK_PART") or pillar.get("partition"),
        "bytes": int(described.get("LAB_DISK_BYTES") or pillar.get("bytes") or 0),
        "hold": described.get("LAB_HOLD"),
        "reboot": described.get("LAB_REBOOT") or pillar.get("reboot", "reboot"),
    }


def _description():
    path = os.environ.get("BRINE_LAB_NODE", DESCRIPTION)
    if not os.path.exists(path):
        return {}
    described = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            key, separator, value = line.strip().partition("=")
            if separator and not key.startswith("#"):
                described[key] = value
    return described


def is_installed():
    """
    Tell whether the running system is one that this formula installed.

    CLI Example:

    .. code-block:: bash

        salt '*' microos.is_installed
    """
    facts = node()
    if facts["booted_from"]:
        return facts["booted_from"] == "disk"
    return os.path.exists(os.path.join(facts["root"], MARKER))


def disk_facts():
    """
    Give what is on the disk that an install would overwrite, and why it should not be: ``disks``
    (device, serial, bytes, content) and ``carries`` (the files that make this node part of a
    cluster, on the running system or on the disk).

    CLI Example:

    .. code-block:: bash

        salt '*' microos.disk_facts
    """
    facts = node()
    disk, partition = facts["disk"], facts["partition"]
    on_disk = facts["root"]
    content = []
    if facts["disk_kind"] == "directory":
        content = sorted(os.listdir(disk)) if disk and os.path.isdir(disk) else []
        on_disk = disk or on_disk
    elif partition and os.path.exists(partition):
        content = _content(partition)
    carries = _cluster_files(facts["root"])
    if not is_installed():
        if facts["disk_kind"] == "directory":
            carries += _cluster_files(on_disk)
        elif content:
            carries += _cluster_files_in(partition)
    return {
        "disks": [
            {
                "device": disk,
                "serial": _serial(disk),
                "bytes": facts["bytes"],
                "content": ", ".join(content) or "empty",
            }
        ],
        "carries": sorted(set(carries)),
    }


def _content(partition):
    """
    Say what a partition holds, such as ``TYPE ext4``; nothing, if there is nothing known on it.

    Not ``disk.blkid``: it takes the exit code 2 of an empty disk for a failure of the whole job.
    """
    try:
        process = subprocess.Popen(
            ["blkid", "-c", "/dev/null", "-o", "export", partition],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise CommandExecutionError("blkid: {}".format(error))
    output = process.communicate()[0].decode("utf-8", "replace").strip()
    if process.returncode not in (0, 2):
        raise CommandExecutionError("blkid {}: {}".format(partition, output))
    if process.returncode == 2:
        return []
    pairs = (line.partition("=") for line in output.splitlines())
    return sorted("{} {}".format(key, value) for key, _, value in pairs if key != "DEVNAME")


def _serial(disk):
    """
    Give the serial number of a disk; of a loop device the file behind it.
    """
    name = os.path.basename(os.path.realpath(disk)) if disk else ""
    try:
        number = os.stat(disk).st_rdev if disk else 0
        base = "/sys/dev/block/{}:{}".format(os.major(number), os.minor(number))
    except OSError:
        return name
    for path in ("device/serial", "device/wwid", "wwid", "loop/backing_file"):
        try:
            with open(os.path.join(base, path), encoding="utf-8") as file:
                return file.read().strip()
        except OSError:
            continue
    return name


def _cluster_files(root):
    return [
        path
        for path in CLUSTER_FILES
        if os.path.exists(os.path.join(root, path.lstrip("/")))
    ]


def _cluster_files_in(partition):
    """
    Look into a file system that is not mounted, without writing to it.
    """
    place = tempfile.mkdtemp()
    try:
        try:
            _run(["mount", "-o", "ro,noload", partition, place])
        except CommandExecutionError:
            # No file system that this node can read: nothing of ours.
            return []
        try:
            return _cluster_files(place)
        finally:
            _run(["umount", place])
    finally:
        os.rmdir(place)


def label(device, size=0):
    """
    Write a partition table with one Linux partition from 1 MiB to the end; tell whether the
    device had another one.

    CLI Example:

    .. code-block:: bash

        salt '*' microos.label /dev/vdb
    """
    with open(device, "r+b") as disk:
        size = size or disk.seek(0, os.SEEK_END)
        table = partition_table(size)
        disk.seek(0)
        if disk.read(SECTOR_BYTES) == table:
            return False
        disk.seek(0)
        disk.write(table)
        disk.flush()
        os.fsync(disk.fileno())
    return True


def partition_table(size):
    """
    Give the first sector of a disk of ``size`` bytes: an MBR with one Linux partition.
    """
    sectors = min(size // SECTOR_BYTES, SECTORS_MAX) - FIRST_SECTOR
    if sectors <= 0:
        raise CommandExecutionError("a disk of {} bytes has no room for a system".format(size))
    # Status, CHS of the first sector, type (Linux), CHS of the last, first sector, sectors. The
    # CHS fields say "too large for CHS": nothing reads them any more.
    entry = struct.pack(
        "<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", FIRST_SECTOR, sectors
    )
    return b"\0" * 446 + entry + b"\0" * 48 + b"\x55\xaa"


def make_filesystem(partition):
    """
    Format a partition with ext4.

    CLI Example:

    .. code-block:: bash

        salt '*' microos.make_filesystem /dev/vdb1
    """
    _run(["mkfs.ext4", "-q", "-F", "-L", "microos", partition])


def mount(partition, path):
    """
    Mount a partition; tell whether it was not mounted there before.

    CLI Example:

    .. code-block:: bash

        salt '*' microos.mount /dev/vdb1 /mnt
    """
    if os.path.ismount(path):
        return False
    if not os.path.isdir(path):
        os.makedirs(path)
    _run(["mount", "-t", "ext4", partition, path])
    return True


def unmount(path):
    """
    Unmount a file system; tell whether it was mounted.

    CLI Example:

    .. code-block:: bash

        salt '*' microos.unmount /mnt
    """
    if not os.path.ismount(path):
        return False
    _run(["umount", path])
    return True


def fill(target):
    """
    Copy the running system to ``target``, without what the machine lends to every system; give
    the number of files.

    CLI Example:

    .. code-block:: bash

        salt '*' microos.fill /mnt
    """
    root = node()["root"]
    target = os.path.realpath(target)
    count = 0
    for name in sorted(os.listdir(root)):
        is_lent = name in NOT_COPIED or name.startswith("lib")
        if not is_lent:
            count += _copy(os.path.join(root, name), os.path.join(target, name), root, target)
    for name in ("root", "tmp", "var/cache", "var/log", "var/tmp"):
        path = os.path.join(target, name)
        if not os.path.isdir(path):
            os.makedirs(path)
    _write_if_missing(target, "etc/hostname", _hostname())
    _write_if_missing(target, "etc/machine-id", uuid.uuid4().hex)
    return count


def copy_minion(target):
    """
    Copy this minion's config, key pair and synchronized modules, so that the installed system is
    the same minion; give what was copied.

    CLI Example:

    .. code-block:: bash

        salt '*' microos.copy_minion /mnt
    """
    config = os.path.dirname(__opts__["conf_file"])
    salt = os.path.join(target, "etc", "salt")
    copied = []
    for name in ("minion", "minion.d", "minion_id", "grains"):
        source = os.path.join(config, name)
        if os.path.lexists(source):
            _copy(source, os.path.join(salt, name), config, target)
            copied.append(name)
    keys = os.path.join(salt, "pki", "minion")
    if not os.path.isdir(keys):
        os.makedirs(keys, 0o700)
    for name in ("minion.pem", "minion.pub", "minion_master.pub"):
        source = os.path.join(__opts__["pki_dir"], name)
        if os.path.exists(source):
            _copy(source, os.path.join(keys, name), config, target)
            copied.append(name)
    modules = __opts__["extension_modules"]
    place = os.path.relpath(modules, node()["root"])
    if os.path.isdir(modules) and not place.startswith(os.pardir):
        os.makedirs(os.path.dirname(os.path.join(target, place)), exist_ok=True)
        _copy(modules, os.path.join(target, place), modules, target)
        copied.append("extmods")
    if "minion.pem" not in copied:
        raise CommandExecutionError("no minion.pem in {}".format(__opts__["pki_dir"]))
    return copied


def seal(target, release):
    """
    Say on the disk that the install is complete. A disk without this is not booted.

    CLI Example:

    .. code-block:: bash

        salt '*' microos.seal /mnt 'MicroOS stand-in 1'
    """
    # Everything else first: the marker must never be there without what it promises.
    _run(["sync", "-f", target])
    path = os.path.join(target, MARKER)
    with open(path, "w", encoding="utf-8") as marker:
        marker.write(release + "\n")
        marker.flush()
        os.fsync(marker.fileno())
    _run(["sync", "-f", target])


def wait_while_held():
    """
    Wait while the node's hold file is there: a test slows an install down with it.

    CLI Example:

    .. code-block:: bash

        salt '*' microos.wait_while_held
    """
    hold = node()["hold"]
    began = time.time()
    while hold and os.path.exists(hold):
        time.sleep(0.2)
    return time.time() - began


def reboot(delay=3):
    """
    Reboot after ``delay`` seconds, by a process that outlives this job.

    CLI Example:

    .. code-block:: bash

        salt '*' microos.reboot delay=3
    """
    command = node()["reboot"]
    with open(os.devnull, "r+b") as nowhere:
        subprocess.Popen(
            ["sh", "-c", 'sleep "$1"; exec $2', "sh", str(delay), command],
            stdin=nowhere,
            stdout=nowhere,
            stderr=nowhere,
            cwd="/",
            start_new_session=True,
        )
    return "{} in {} s".format(command, delay)


def _run(command):
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output = process.communicate()[0].decode("utf-8", "replace").strip()
    if process.returncode != 0:
        raise CommandExecutionError("{}: {}".format(" ".join(command), output))


def _copy(source, target, root, kept_out):
    """
    Copy a file, link or folder with owner and mode; give the number of files. Devices, sockets and
    what lies under ``kept_out`` (the disk itself) are left out.
    """
    if os.path.relpath(source, root) in NOT_COPIED_BELOW or os.path.realpath(source) == kept_out:
        return 0
    status = os.lstat(source)
    if stat.S_ISDIR(status.st_mode):
        if not os.path.isdir(target):
            os.makedirs(target)
        count = 0
        for name in sorted(os.listdir(source)):
            count += _copy(
                os.path.join(source, name), os.path.join(target, name), root, kept_out
            )
        shutil.copystat(source, target)
    elif stat.S_ISLNK(status.st_mode):
        if os.path.lexists(target):
            os.remove(target)
        os.symlink(os.readlink(source), target)
        count = 1
    elif stat.S_ISREG(status.st_mode):
        # A read-only file (a private key) of an earlier copy cannot be written over by a normal user.
        if os.path.lexists(target):
            os.remove(target)
        shutil.copy2(source, target)
        count = 1
    else:
        return 0
    if os.geteuid() == 0:
        os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
    return count


def _write_if_missing(target, name, text):
    path = os.path.join(target, name)
    if os.path.exists(path):
        return
    if not os.path.isdir(os.path.dirname(path)):
        os.makedirs(os.path.dirname(path))
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n")


def _hostname():
    return node()["hostname"] or socket.gethostname()

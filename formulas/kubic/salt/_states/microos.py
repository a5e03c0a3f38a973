"""
The steps of an install. Each tells the master when it begins and how it ended, by the events
``microos/STEP/enter`` and ``microos/STEP/success`` or ``microos/STEP/fail``.
"""

import time

from salt.exceptions import CommandExecutionError

__virtualname__ = "microos"

# So often a long step says how far it is.
PROGRESS_PARTS = 10


def __virtual__():
    return __virtualname__


def live(name):
    """
    The running system may be replaced: it is not the installed one, and there is a disk.
    """

    def look():
        facts = __salt__["microos.node"]()
        if __salt__["microos.is_installed"]():
            raise CommandExecutionError(
                "this node runs from its installed disk: boot the live image to install it again,"
                " or leave the install out with the pillar kubic:install: False"
            )
        if not facts["disk"] or (facts["disk_kind"] == "block" and not facts["partition"]):
            raise CommandExecutionError(
                "no disk is named: set microos:disk and microos:partition in the pillar"
            )
        return {}, "{} may be installed".format(facts["disk"])

    return _step(name, "live", look)


def labeled(name):
    """
    The device ``name`` has a partition table with one partition.
    """

    def label():
        size = __salt__["microos.node"]()["bytes"]
        if __salt__["microos.label"](name, size):
            return {"label": "msdos"}, "A partition table was written to {}".format(name)
        return {}, "{} has the partition table already".format(name)

    return _step(name, "label", label)


def formatted(name):
    """
    The partition ``name`` has a new, empty file system.
    """

    def make():
        __salt__["microos.make_filesystem"](name)
        return {"filesystem": "ext4"}, "{} was formatted".format(name)

    return _step(name, "format", make)


def mounted(name, device):
    """
    The partition ``device`` is mounted at ``name``.
    """

    def mount():
        if __salt__["microos.mount"](device, name):
            return {"mounted": device}, "{} was mounted at {}".format(device, name)
        return {}, "{} is mounted already".format(name)

    return _step(name, "mount", mount)


def filled(name, seconds=0):
    """
    The system is copied to ``name``. It takes ``seconds`` more, as an install of packages would.
    """

    def fill():
        count = __salt__["microos.fill"](name)
        for part in range(1, PROGRESS_PARTS + 1):
            if float(seconds) > 0:
                time.sleep(float(seconds) / PROGRESS_PARTS)
                _tell("fill", "progress", {"percent": part * 100 // PROGRESS_PARTS})
        return {"files": count}, "{} files were copied to {}".format(count, name)

    return _step(name, "fill", fill)


def minion_copied(name):
    """
    The system at ``name`` has this minion's config and key.
    """

    def copy():
        copied = __salt__["microos.copy_minion"](name)
        return {"copied": copied}, "The minion was copied to {}".format(name)

    return _step(name, "minion", copy)


def sealed(name, release):
    """
    The system at ``name`` is marked as complete.
    """

    def seal():
        __salt__["microos.seal"](name, release)
        return {"release": release}, "{} holds {}".format(name, release)

    return _step(name, "seal", seal)


def unmounted(name):
    """
    Nothing is mounted at ``name``, and all of it is on the disk.
    """

    def unmount():
        if __salt__["microos.unmount"](name):
            return {"unmounted": name}, "{} was unmounted".format(name)
        return {}, "{} is not mounted".format(name)

    return _step(name, "unmount", unmount)


def rebooted(name, delay=3):
    """
    The node reboots ``delay`` seconds from now. Whether this result still gets out is not known.
    """

    def reboot():
        __salt__["microos.wait_while_held"]()
        comment = __salt__["microos.reboot"](delay)
        return {"reboot": comment}, comment

    return _step(name, "reboot", reboot)


def _step(name, step, change):
    ret = {"name": name, "result": True, "changes": {}, "comment": ""}
    if __opts__["test"]:
        ret["result"] = None
        ret["comment"] = "The step {} would be done".format(step)
        return ret
    _tell(step, "enter", {})
    try:
        ret["changes"], ret["comment"] = change()
    except (CommandExecutionError, OSError) as error:
        ret["result"] = False
        ret["comment"] = "{}".format(error)
        _tell(step, "fail", {"comment": ret["comment"]})
        return ret
    _tell(step, "success", {})
    return ret


def _tell(step, what, data):
    __salt__["event.send"]("microos/{}/{}".format(step, what), data)

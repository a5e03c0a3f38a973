"""What a thousand small returns leave on the disk."""

import signal

from .. import processes


def returns(stage):
    """Measured while the master is down: what it writes back at its end is part of it."""
    master = stage.master()
    master.ready()
    give_back(stage, master)
    before = settle(master)
    master.ready()
    jobs = 1 if stage.quick else 3
    for _ in range(jobs):
        give_back(stage, master)
    after = settle(master)
    thousands = jobs * stage.minions / 1000
    stage.put("disk_bytes", (after[0] - before[0]) / 1e6 / thousands)
    stage.put("disk_inodes", (after[1] - before[1]) / thousands)


def settle(master):
    master.stop(signal.SIGTERM)
    return processes.space(master.cache)


def give_back(stage, master):
    jid = master.publish_one(stage.everyone)
    master.swarm(mode="returns", prefix="m-", minions=stage.minions, at_once=8, size=60, count=1, jids=jid)

"""What a thousand small returns leave on the disk."""

import signal

from .. import processes
from ..master import Failed


# Jobs that all return in the longer of two runs.
JOBS = 4


def returns(stage):
    """Measured while the master is down: what it writes back at its end is part of it. A run with one
    job is subtracted from a run with several, which leaves returns and no sign-ins."""
    master = stage.master()
    used = []
    for jobs in (1, 1, JOBS):
        master.ready()
        give_back(stage, master, jobs)
        used.append(settle(master))
    first, short, long = used
    thousands = (JOBS - 1) * stage.minions / 1000
    more = [(long[part] - short[part]) - (short[part] - first[part]) for part in (0, 1)]
    stage.put("disk_bytes", more[0] / 1e6 / thousands)
    stage.put("disk_inodes", more[1] / thousands)


def settle(master):
    master.stop(signal.SIGTERM)
    return processes.space(master.cache)


def give_back(stage, master, jobs):
    jids = [master.publish_one(stage.everyone) for _ in range(jobs)]
    result = master.swarm(
        mode="returns", prefix="m-", minions=stage.minions, at_once=8, size=60, count=jobs, jids=",".join(jids),
    )
    if result["done"] != jobs * stage.minions:
        raise Failed(f"{result['done']} of {jobs * stage.minions} returns were acknowledged: {result['errors']}")

"""SIGKILL in the middle of returns: is everything there that a minion was told about?"""

import json
import os
import random

# Minions of one try, all of which return at once.
RETURNS = 100


def returns(stage):
    """Kills the master after a random number of acknowledgements, starts it, asks for the job."""
    tries = 3 if stage.quick else 100 if stage.is_ours else 10
    chance = random.Random(6)
    master = stage.master()
    acknowledged = missing = 0
    for _ in range(tries):
        told, kept = kill_among(master, chance.randrange(1, RETURNS * 9 // 10))
        acknowledged += len(told)
        missing += len(told - kept)
    stage.put("lost", missing, f"{missing} of {acknowledged} acknowledged returns, {tries} kills")


def kill_among(master, count):
    """Gives the minions that were told that their return arrived, and those whose return is there
    after the kill."""
    master.start()
    jid = master.publish_one("m-000??")
    pipe = master.folder / "acknowledged"
    if not pipe.exists():
        os.mkfifo(pipe)
    swarm = master.begin_swarm(
        mode="returns", prefix="m-", minions=RETURNS, at_once=20, patience=3, count=1, jids=jid, acknowledged=pipe,
    )
    told = set()
    with open(pipe) as lines:
        for line in lines:
            told.add(line.strip())
            if len(told) == count:
                master.stop()
    # What is left fails at once: nobody listens any more.
    master.result(swarm)
    master.stop()
    master.start()
    said = master.run(*master.program("salt-run", "--out", "json", "jobs.lookup_jid", jid))
    return told, set(json.loads(said))

"""Minions that listen: what they cost in memory, and how fast all of them answer."""

import shlex
import statistics
import time

from ..master import Failed


def memory(stage):
    master = stage.master()
    # The first start makes the master's keys; the ones that count find everything in place.
    master.ready()
    starts = []
    for _ in range(1 if stage.quick else 3):
        master.stop()
        starts.append(start(master))
    stage.put("start", statistics.median(starts))
    n = stage.minions
    listening = [listen(master, count) for count in (1, n, 2 * n)]
    stage.put("pss_idle", listening[0]["master"]["pss_kib_before"] / 1024)
    stage.put("pss_thousand", listening[1]["master"]["pss_kib_after"] / 1024)
    further = listening[2]["master"]["pss_kib_after"] - listening[1]["master"]["pss_kib_after"]
    stage.put("pss_further", further / n)


def start(master):
    """Gives the seconds from the start of the process to the first accepted sign-in."""
    # The minion is there first and knocks until somebody opens, as minions do.
    minion = master.begin_swarm(mode="herd", minions=1, prefix="m-", patience=90, reconnect=5)
    time.sleep(0.3)
    launched = time.time()
    master.launch()
    result = master.result(minion)
    return result["began"] + result["seconds"] - launched


def listen(master, count):
    return master.swarm(mode="idle", minions=count, at_once=50, prefix="m-", for_=2)


def ping(stage):
    master = stage.master()
    master.ready()
    n = stage.minions
    words = master.program("salt", "-t", "60", "--out=txt", stage.everyone, "test.ping")
    result = master.swarm(
        mode="ping", minions=n, at_once=50, prefix="m-", patience=120, for_=0, publish=f"{shlex.join(words)} > /dev/null",
    )
    note = None
    if not result["done"]:
        raise Failed(f"nobody returned; the program ended with {result['publish']['exit_code']}")
    if result["done"] != n:
        note = f"{result['done']} of {n} returned {result['errors'] or ''}"
    stage.put("ping_cpu", result["master"]["cpu_seconds"], note)
    stage.put("ping_wall", result["publish"]["seconds"])

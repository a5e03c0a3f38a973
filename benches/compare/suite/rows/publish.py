"""What a publish to one minion costs, by how many keys are accepted."""

import time


def costs(stage):
    for keys in (100, 2000, 10000):
        if stage.quick and keys == 10000 and not stage.is_ours:
            continue
        with stage.make() as master:
            master.accept("m-", keys)
            master.start()
            master.swarm(mode="herd", minions=1, prefix="m-", patience=60)
            master.publish("m-00000", 2)
            # What starts with the master, or with its first job, is over by then.
            time.sleep(1)
            count = (20 if stage.quick else 200) if stage.is_ours else 5 if stage.quick else 20
            before = master.cpu_seconds()
            master.publish("m-00000", count)
            # Python's master goes on with a publication after the answer.
            time.sleep(0.5)
            stage.put(f"publish_{keys}", (master.cpu_seconds() - before) * 1000 / count)

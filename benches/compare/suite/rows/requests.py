"""Requests of accepted minions, a kind at a time."""

import json

# What an unattended installer's pillar asks of its machine; see benches/compare/pillar.
GRAINS = {"number": 7, "efi": True, "memory": 8192, "cpuarch": "x86_64", "role": "worker", "os": "SUSE"}


def crowd(stage, **flags):
    return {"prefix": "m-", "minions": 100, "at_once": 8, **flags}


def events(stage):
    master = stage.master()
    master.ready()
    count = 5 if stage.quick else 50 if stage.is_ours else 20
    stage.put_per_operation("event", master.swarm(**crowd(stage, mode="events", count=count)))


def returns(stage):
    """Each minion returns each job once; a second return of it would be none."""
    master = stage.master()
    master.ready()
    jids = [master.publish_one(stage.everyone) for _ in range(2 if stage.quick else 5)]
    flags = crowd(stage, mode="returns", minions=stage.minions, count=len(jids), jids=",".join(jids))
    stage.put_per_operation("return", master.swarm(**flags))


def files(stage):
    master = stage.master()
    master.ready()
    count = 2 if stage.quick else 10
    stage.put_per_operation("file_small", master.swarm(**crowd(stage, mode="files", path="small.bin", count=count)))
    count = 1 if stage.quick else 2
    stage.put_per_operation("file_large", master.swarm(**crowd(stage, mode="files", path="large.bin", count=count)))


def pillars(stage):
    master = stage.master()
    master.ready()
    flags = crowd(stage, mode="pillar", minions=20, grains=json.dumps(GRAINS))
    count = 1 if stage.quick else 20 if stage.is_ours else 3
    stage.put_per_operation("pillar_first", master.swarm("--fresh", **flags, count=count))
    master.swarm(**flags, count=1)
    stage.put_per_operation("pillar_again", master.swarm(**flags, count=count))

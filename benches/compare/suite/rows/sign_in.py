"""Sign-ins: known keys, new keys, a whole site at once."""

import collections

from ..machine import WITHOUT_IFMA


def known(stage):
    master = stage.master()
    master.ready()
    known_of(stage, master, "auth_known")


def known_plain(stage):
    """The same, as on a processor without AVX-512 IFMA: whoever has none reads this above."""
    if not stage.machine.has_ifma:
        return
    with stage.make(environment=WITHOUT_IFMA) as master:
        master.accept("m-", 2 * stage.minions)
        master.ready()
        known_of(stage, master, "auth_known_plain", WITHOUT_IFMA)


def known_of(stage, master, row, environment=None):
    count = 2 if stage.quick else 40 if stage.is_ours else 10
    with stage.limit_beside(row, environment):
        result = master.swarm(mode="auth", prefix="m-", minions=100, at_once=8, count=count)
    stage.put_per_operation(row, result)


def new(stage):
    """Strangers that are let in at once, on a master of their own."""
    new_of(stage, "auth_new")


def new_plain(stage):
    """The same, as on a processor without AVX-512 IFMA."""
    if stage.machine.has_ifma:
        new_of(stage, "auth_new_plain", WITHOUT_IFMA)


def new_of(stage, row, environment=None):
    # `legacy` is Salt's own meaning of auto_accept: no limit of how many enrol in a minute.
    with stage.make(environment=environment, auto_accept=True, enrolment="legacy") as master:
        master.start()
        master.swarm(mode="herd", minions=1, prefix="warm-", patience=60)
        count = stage.minions // 2
        # The system counts CPU in hundredths of a second, of which a herd of ours takes twenty.
        herds = 6 if stage.is_ours and not stage.quick else 1
        with stage.limit_beside(row, environment):
            results = [
                master.swarm(mode="herd", minions=count, prefix=f"new-{number}-", patience=60, distinct_keys=min(count, 200))
                for number in range(herds)
            ]
        stage.put_per_operation(row, together(results))


def together(results):
    """Gives what several runs of the swarm did, as one."""
    errors = collections.Counter()
    for one in results:
        errors.update(one["errors"])
    return {
        "done": sum(one["done"] for one in results),
        "master": {"cpu_seconds": sum(one["master"]["cpu_seconds"] for one in results)},
        "errors": dict(errors),
        "examples": [one["examples"] for one in results if one["errors"]],
    }


def herd(stage):
    """All sign in just after a restart, with the patience of a real minion's first tries."""
    master = stage.master()
    result = herd_of(master, stage.minions)
    stage.put("herd", result["seconds"], f"{result['done']} of {stage.minions} are in")
    stage.put("herd_time_outs", result["errors"].get("timed_out", 0))
    stage.put("herd_given_up", result["errors"].get("gave_up", 0))
    if stage.is_ours:
        result = herd_of(master, 2 * stage.minions)
        stage.put("herd_double", result["seconds"], f"{result['done']} of {2 * stage.minions} are in")
        stage.put("herd_double_time_outs", result["errors"].get("timed_out", 0))


def herd_of(master, count):
    master.stop()
    master.start()
    return master.swarm(mode="herd", minions=count, prefix="m-", patience=5)

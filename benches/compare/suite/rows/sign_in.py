"""Sign-ins: known keys, new keys, a whole site at once."""


def known(stage):
    master = stage.master()
    master.ready()
    count = 2 if stage.quick else 40 if stage.is_ours else 10
    with stage.limit_beside("auth_known"):
        result = master.swarm(mode="auth", prefix="m-", minions=100, at_once=8, count=count)
    stage.put_per_operation("auth_known", result)


def new(stage):
    """Strangers that are let in at once, on a master of their own."""
    # `legacy` is Salt's own meaning of auto_accept: no limit of how many enrol in a minute.
    with stage.make(auto_accept=True, enrolment="legacy") as master:
        master.start()
        master.swarm(mode="herd", minions=1, prefix="warm-", patience=60)
        count = stage.minions // 2
        with stage.limit_beside("auth_new"):
            result = master.swarm(mode="herd", minions=count, prefix="new-", patience=60, distinct_keys=min(count, 200))
        stage.put_per_operation("auth_new", result)


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

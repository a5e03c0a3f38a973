"""Steps of an orchestration: what one more costs, master and program together.

Python runs an orchestration in the program that started it, Brine in the master; so both count. A
short orchestration is subtracted from a long one, which leaves the steps.
"""

import shlex

from ..master import Failed

SHORT = 2

FUNCTION = """
step-{number}:
  salt.function:
    - name: test.ping
    - tgt: m-00000
"""

RUNNER = """
step-{number}:
  salt.runner:
    - name: event.send
    - tag: compare/step
"""


def functions(stage):
    play(stage, "function", FUNCTION)


def runners(stage):
    play(stage, "runner", RUNNER)


def play(stage, kind, step):
    master = stage.master()
    long = SHORT + ((30 if stage.quick else 100) if stage.is_ours else 4 if stage.quick else 12)
    for count in (SHORT, long):
        text = "".join(step.format(number=number) for number in range(count))
        master.write(f"states/{kind}_{count}.sls", text)
    master.ready()
    # The first of a kind reads and compiles what the next ones find in place.
    run(master, f"{kind}_{SHORT}")
    (cpu, wall), (cpu_long, wall_long) = (run(master, f"{kind}_{count}") for count in (SHORT, long))
    steps = long - SHORT
    stage.put(f"step_{kind}_cpu", (cpu_long - cpu) * 1000 / steps)
    stage.put(f"step_{kind}_wall", (wall_long - wall) * 1000 / steps)


def run(master, name):
    """Runs an orchestration while one minion listens; gives CPU and wall seconds."""
    words = master.program("salt-run", "state.orchestrate", name)
    result = master.swarm(
        mode="ping", minions=1, prefix="m-", patience=60, for_=0, publish=f"{shlex.join(words)} > /dev/null",
    )
    published = result["publish"]
    if published["exit_code"] != 0:
        raise Failed(f"{name} ended with {published['exit_code']}")
    return result["master"]["cpu_seconds"] + published["cpu_seconds"], published["seconds"]

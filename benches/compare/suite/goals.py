"""The rows of the table: what is measured, in which unit, and what would be good enough."""

import dataclasses
import typing

REFERENCE = "salt-master 3006.30"


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table. `met` sees our figure, the reference's and the row's limit."""

    key: str
    title: str
    unit: str
    goal: str = ""
    met: typing.Callable | None = None
    is_in_plot: bool = False


def beside(share):
    """Goal: at most one such share of what python's 3006.30 needs in the same run."""
    return {
        "goal": f"1/{share} of 3006.30",
        "met": lambda own, other, limit: None if other is None else own <= other / share,
        "is_in_plot": True,
    }


def at_most(value, unit):
    return {"goal": f"{value:g} {unit}", "met": lambda own, other, limit: own <= value}


def near_limit(times):
    return {
        "goal": f"{times:g} times the limit",
        "met": lambda own, other, limit: None if limit is None else own <= limit * times,
        "is_in_plot": True,
    }


CPU = "ms CPU"

ROWS = [
    Row("auth_known", "`_auth`, known key with token", CPU, **near_limit(1.25)),
    Row("auth_new", "`_auth`, new key", CPU, **near_limit(1.5)),
    Row("auth_known_plain", "`_auth`, known key, AVX-512 IFMA off", CPU, **near_limit(1.25)),
    Row("auth_new_plain", "`_auth`, new key, AVX-512 IFMA off", CPU, **near_limit(1.5)),
    Row("return", "`_return` of a published job, durable", CPU, **beside(25)),
    Row("event", "`_minion_event`, durable", CPU, **beside(12)),
    Row("file_small", "`_serve_file`, 4 KB", CPU, **beside(8)),
    Row("file_large", "fetch of 1 MB", CPU, **beside(3)),
    Row("pillar_first", "`_pillar` of Yomi's kind, first time", CPU, **beside(30)),
    Row("pillar_again", "`_pillar`, same inputs again", CPU, **beside(80)),
    Row("ping_cpu", "test.ping to 1,000, all returned", "s CPU", is_in_plot=True, **at_most(0.2, "s")),
    Row("ping_wall", "test.ping to 1,000, with the program", "s", **at_most(0.6, "s")),
    Row("step_function_cpu", "orchestration step, function on one minion", CPU, is_in_plot=True, **at_most(10, "ms")),
    Row("step_function_wall", "the same, wall", "ms", **at_most(10, "ms")),
    Row("step_runner_cpu", "orchestration step, runner", CPU, is_in_plot=True, **at_most(3, "ms")),
    Row("step_runner_wall", "the same, wall", "ms", **at_most(3, "ms")),
    Row("start", "start until the first sign-in is answered", "s", **at_most(0.2, "s")),
    Row("pss_idle", "memory (PSS), nobody connected", "MB", **at_most(25, "MB")),
    Row("pss_thousand", "memory (PSS), 1,000 minions connected", "MB", **at_most(60, "MB")),
    Row("pss_further", "memory (PSS), each further minion", "KB", **at_most(20, "KB")),
    Row("herd", "herd of 1,000, 5 s patience, after a restart", "s", **at_most(6, "s")),
    Row("herd_time_outs", "its time-outs", "", **at_most(0, "")),
    Row("herd_given_up", "its minions that gave up", "", **at_most(0, "")),
    Row("herd_double", "herd of 2,000", "s", **at_most(6, "s")),
    Row("herd_double_time_outs", "its time-outs", "", **at_most(0, "")),
    Row("lost", "acknowledged returns missing after SIGKILL", "", **at_most(0, "")),
    Row("disk_bytes", "disk for 1,000 returns of 60 bytes", "MB", **at_most(0.3, "MB")),
    Row("disk_inodes", "inodes for 1,000 returns", "", **at_most(10, "")),
    Row("publish_100", "publish to one minion, 100 keys accepted", CPU, **at_most(1, "ms")),
    Row("publish_2000", "publish to one minion, 2,000 keys accepted", CPU, **at_most(1, "ms")),
    Row("publish_10000", "publish to one minion, 10,000 keys accepted", CPU, is_in_plot=True, **at_most(1, "ms")),
]

BY_KEY = {row.key: row for row in ROWS}


class Book:
    """The figures of all masters, as they come in: kept in a file after each."""

    def __init__(self):
        self.figures, self.notes = {}, {}

    def put(self, name, key, value, note=None):
        assert key in BY_KEY, key
        self.figures.setdefault(name, {})[key] = value
        if note:
            self.note(name, f"{BY_KEY[key].title}: {note}")

    def note(self, name, text):
        self.notes.setdefault(name, []).append(text)

    def get(self, name, key):
        return self.figures.get(name, {}).get(key)

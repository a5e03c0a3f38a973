"""The work: each scene puts one master through something and fills some rows of the table.

A scene that fails leaves its rows empty and does not keep the others from being measured.
"""

import contextlib
import dataclasses
import traceback
import typing

from .. import goals
from ..master import Failed, Master
from . import crash, crowd, disk, orchestration, publish, requests, sign_in


@dataclasses.dataclass(frozen=True)
class Scene:
    """Rows that are measured together."""

    play: typing.Callable
    keys: tuple


SCENES = [
    # First: the file of each new key costs more while the kernel remembers files that were deleted, and each start of a
    # master deletes some.
    Scene(sign_in.new, ("auth_new",)),
    Scene(sign_in.new_plain, ("auth_new_plain",)),
    Scene(crowd.memory, ("start", "pss_idle", "pss_thousand", "pss_further")),
    Scene(crowd.ping, ("ping_cpu", "ping_wall")),
    Scene(sign_in.known, ("auth_known",)),
    Scene(requests.events, ("event",)),
    Scene(requests.returns, ("return",)),
    Scene(requests.files, ("file_small", "file_large")),
    Scene(requests.pillars, ("pillar_first", "pillar_again")),
    Scene(orchestration.functions, ("step_function_cpu", "step_function_wall")),
    Scene(orchestration.runners, ("step_runner_cpu", "step_runner_wall")),
    Scene(sign_in.herd, ("herd", "herd_time_outs", "herd_given_up", "herd_double", "herd_double_time_outs")),
    Scene(disk.returns, ("disk_bytes", "disk_inodes")),
    Scene(crash.returns, ("lost",)),
    Scene(sign_in.known_plain, ("auth_known_plain",)),
    Scene(publish.costs, ("publish_100", "publish_2000", "publish_10000")),
]


class Stage:
    """What a scene plays on: one master, and how much work there is."""

    def __init__(self, name, brine, python, quick, book, say, machine):
        self.name, self.quick, self.say, self.machine = name, quick, say, machine
        self.is_ours = python is None
        self.book = book
        self.make = lambda **options: Master(name, brine, python, **options)
        # A thousand; with --quick a hundred.
        self.minions = 100 if quick else 1000
        # Their ids are m-00000 and so on; as many again are accepted and stay away.
        self.everyone = "m-000??" if quick else "m-00???"
        self.main = None

    def master(self):
        """Gives the master that most scenes share, not necessarily running: two thousand keys are
        accepted."""
        if self.main is None:
            self.main = self.make()
            self.main.accept("m-", 2 * self.minions)
        return self.main

    def limit_beside(self, key, environment=None):
        """Measures a row's limit around its work; it is ours that the goal is about."""
        return self.machine.limit_beside(key, environment) if self.is_ours else contextlib.nullcontext()

    def put(self, key, value, note=None):
        self.book.put(self.name, key, value, note)
        self.say(f"  {goals.BY_KEY[key].title}: {value:.4g} {goals.BY_KEY[key].unit}")

    def put_per_operation(self, key, result, operations=None):
        """Puts the master's CPU milliseconds of each good answer."""
        count = operations or result["done"]
        if not count:
            raise Failed(f"nothing was answered: {result['errors']} {result['examples']}")
        note = f"not all was answered: {result['errors']}" if result["errors"] else None
        self.put(key, result["master"]["cpu_seconds"] * 1000 / count, note)

    def play(self, wanted):
        """Plays the scenes of the wanted rows; an empty set wants all."""
        try:
            for scene in SCENES:
                if wanted and not wanted & set(scene.keys):
                    continue
                try:
                    scene.play(self)
                except Failed as error:
                    self.fail(scene, str(error))
                except Exception as error:  # A fault of one row must not take the others with it.
                    traceback.print_exc()
                    self.fail(scene, repr(error))
                yield scene
        finally:
            if self.main is not None:
                self.main.remove()

    def fail(self, scene, why):
        missing = ", ".join(key for key in scene.keys if self.book.get(self.name, key) is None)
        self.say(f"  not measured: {missing}: {why}")
        self.book.note(self.name, f"not measured: {missing}: {' '.join(why.split())}")
        # The next scene begins with a process that nothing went wrong in.
        if self.main is not None:
            self.main.stop()

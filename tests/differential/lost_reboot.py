#!/usr/bin/env python3
"""The lost-reboot race, under Salt's master and under Brine.

    tests/differential/lost_reboot.py --salt VENV --brine target/debug/brine [--masters salt,brine]

Two minions do a piece of work; each restarts when it has returned, as a machine does after an
installation. alpha is quick, beta takes longer: alpha's start event is on the bus while the step
still waits for beta, before `salt.wait_for_event` begins. The second round is the same, and the
master is killed with SIGKILL between alpha's start and beta's return, and started again.
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import run

WORK = """work:
  cmd.run:
    - name: sleep {{ 1 if grains['id'] == 'alpha' else SLOW }} && touch {{ opts['root_dir'] }}/done
"""
RACE = """install:
  salt.state:
    - tgt: '*'
    - sls: work
wait:
  salt.wait_for_event:
    - name: salt/minion/*/start
    - id_list: [alpha, beta]
    - timeout: WAIT
    - require: [{salt: install}]
after:
  salt.function:
    - name: test.ping
    - tgt: '*'
    - require: [{salt: wait}]
"""


class Machines(run.Stage):
    """Minions that restart when their work is done."""

    def begin(self):
        self.started = time.monotonic()
        self.write("salt/work.sls", WORK.replace("SLOW", str(self.options.slow)))
        self.write("salt/race.sls", RACE.replace("WAIT", str(self.options.wait)))
        self.start()
        self.minions = dict(zip(("alpha", "beta"), self.running[1:3]))

    def tell(self, what):
        print(f"  {time.monotonic() - self.began:6.1f} s  {what}", flush=True)

    def restart_when_done(self, minion, then):
        done = self.dir / minion / "done"
        while not done.exists():
            if self.is_over:
                return
            time.sleep(0.2)
        done.unlink()
        # Its return is on the way; then the machine goes down.
        time.sleep(self.options.down)
        self.tell(f"{minion} has returned and goes down")
        process = self.minions[minion]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for left in (self.dir / minion / "var/run").glob("*.pid"):
            left.unlink()
        words = self.program("salt-minion") + ["-c", str(self.dir / minion)]
        self.minions[minion] = self.spawn(words, f"{minion}.out")
        if then:
            time.sleep(self.options.up)
            then()

    def kill_master(self):
        master = self.running[0]
        self.tell("the master is killed (SIGKILL)")
        os.killpg(master.pid, signal.SIGKILL)
        master.wait()
        time.sleep(2)
        self.tell("the master is started again")
        self.running[0] = self.start_master()

    def round(self, with_kill):
        self.is_over, self.began = False, time.monotonic()
        # The run belongs to the master; with Salt to this command.
        done = {}

        def orchestrate():
            done["it"] = self.cli("run", ["state.orchestrate", "race", "--out=json"], 900)

        threads = [threading.Thread(target=orchestrate)]
        threads.append(threading.Thread(
            target=self.restart_when_done, args=("alpha", self.kill_master if with_kill else None)))
        threads.append(threading.Thread(target=self.restart_when_done, args=("beta", None)))
        for thread in threads:
            thread.start()
        threads[0].join()
        self.is_over = True
        for thread in threads[1:]:
            thread.join()
        self.report(done["it"])

    def report(self, done):
        self.tell(f"state.orchestrate ended with exit code {done.returncode}")
        try:
            data = next(iter(json.loads(done.stdout)["data"].values()))
        except (ValueError, KeyError, AttributeError):
            print("  " + (done.stdout + done.stderr).strip().replace("\n", "\n  "))
            return
        for result in sorted(data.values(), key=lambda one: one["__run_num__"]):
            comment = result["comment"].replace("\n", " ")
            print(f"          {result['__id__']}: {result['result']}: {comment}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--salt", type=pathlib.Path, required=True)
    parser.add_argument("--brine", type=pathlib.Path, required=True)
    parser.add_argument("--masters", default="salt,brine")
    parser.add_argument("--rounds", default="plain,killed")
    parser.add_argument("--slow", type=int, default=25, help="seconds that beta works")
    parser.add_argument("--down", type=float, default=2, help="seconds from the work's end to down")
    parser.add_argument("--up", type=float, default=8, help="seconds from alpha's start to the kill")
    parser.add_argument("--wait", type=int, default=60, help="seconds that the wait takes at most")
    options = parser.parse_args()
    options.brine = options.brine.resolve()
    for kind in options.masters.split(","):
        for one in options.rounds.split(","):
            stage = Machines(kind, options)
            try:
                stage.begin()
                print(f"{kind}, {one}:", flush=True)
                stage.round(one == "killed")
            except subprocess.TimeoutExpired:
                print("  it did not end within 900 s")
            finally:
                for process in getattr(stage, "minions", {}).values():
                    if process not in stage.running:
                        stage.running.append(process)
                stage.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Measures whether Brine's cost stays what it is when there are more minions, and when some misbehave.

    cargo build --release
    python3 benches/compare/scale.py                       # all but the soak
    python3 benches/compare/scale.py --only minions        # or strangers, large, reader
    python3 benches/compare/scale.py --soak 60             # an hour of 5,000 events a second

`minions`: milliseconds of CPU for an event, a return, a publish to one and a ping of all with 100, 1,000 and 9,800
minions connected, without what the master spends on connections that rest.
`strangers`: latency of events at a steady rate beside connections that send rubbish, stall, or vanish in the middle
of each kind of exchange, in pairs with and without them.
`large`: latency of small returns beside one of 100 MB. `reader`: latency and memory beside a client that
asks for all events and does not read. The soak writes memory and descriptors down, every ten seconds.
"""

import argparse
import json
import pathlib
import socket
import statistics
import sys
import time

from suite import processes
from suite.master import REPOSITORY, Failed, Master

# Events a second while latencies are compared: a tenth of what the machine can do.
RATE = 300

SECONDS = 15

# Connections that misbehave at once, and how many they open a second in all: few enough that they take a share of a
# core that can be neglected, so that what is seen is what they do to others and not that a core is shared.
STRANGERS = 40
STRANGER_RATE = 100


def say(text):
    print(text, flush=True)


def per_operation(result, background=0):
    """Gives CPU milliseconds of the master, without what it spends each second in any case."""
    if not result["done"]:
        raise Failed(f"nothing was answered: {result['errors']} {result['examples']}")
    return (result["master"]["cpu_seconds"] - background * result["seconds"]) * 1000 / result["done"]


def spent_each_second(master, seconds=10):
    before = master.cpu_seconds()
    time.sleep(seconds)
    return (master.cpu_seconds() - before) / seconds


def minions(make, quick, _pairs):
    say("| minions connected | idle, ms a second | event | return | publish to one | ping of all, a minion | the same, of the swarm | wall, s | PSS, MB | PSS, KB a minion |")
    say("|---|---|---|---|---|---|---|---|---|---|")
    # All come from one address, which may have 10,000 connections; a hundred do the work.
    for count in (100, 1000) if quick else (100, 1000, 9800):
        with make() as master:
            master.accept("m-", count)
            master.accept("w-", 100)
            master.start()
            idle = processes.pss_kib(master.process.pid)
            crowd = master.begin_swarm(
                mode="idle", minions=count, at_once=50, prefix="m-", publish="cat", patience=60, seconds_max=1200)
            wait_for(master, crowd, count)
            connected = processes.pss_kib(master.process.pid)
            background = spent_each_second(master)
            # First, as all hear of it when jobs of those who do not listen are looked after later.
            pings = sorted(ping_all(master, crowd, count) for _ in range(1 if quick else 3))
            ping, swarm, wall = pings[len(pings) // 2]
            work = {"prefix": "w-", "minions": 100, "at_once": 8}
            rest(master, crowd, count)
            event = per_operation(master.swarm(**work, mode="events", count=50), background)
            jids = [master.publish_one("w-*") for _ in range(20)]
            rest(master, crowd, count)
            result = per_operation(master.swarm(**work, mode="returns", count=20, jids=",".join(jids)), background)
            before, began, publishes = master.cpu_seconds(), time.monotonic(), 100
            master.publish("w-00000", publishes)
            publish = (master.cpu_seconds() - before - background * (time.monotonic() - began)) * 1000 / publishes
            memory = processes.pss_kib(master.process.pid) / 1024
            crowd.kill()
            say(f"| {count} | {background * 1000:.1f} | {event:.3f} | {result:.3f} | {publish:.2f} | {ping:.3f} | {swarm:.3f} | {wall:.2f} | {memory:.0f} | "
                f"{(connected - idle) / count:.1f} |")


def ping_all(master, crowd, count):
    """Gives CPU milliseconds a minion of the master and of the swarm, and the seconds it took."""
    before, of_swarm, began = master.cpu_seconds(), processes.cpu_seconds(crowd.pid), time.monotonic()
    # One process plays all minions, so that they get more time the more they are.
    patience = str(60 + count // 50)
    said = master.run(*master.program("salt", "-t", patience, "--out=txt", "m-*", "test.ping"), seconds=600)
    took, answered = time.monotonic() - began, said.count(": True")
    if answered != count:
        raise Failed(f"{answered} of {count} answered the ping")
    return (
        (master.cpu_seconds() - before) * 1000 / count,
        (processes.cpu_seconds(crowd.pid) - of_swarm) * 1000 / count,
        took,
    )


def rest(master, crowd, count):
    """Waits until master and swarm have nothing to do but signs of life."""
    for _ in range(60):
        before, of_swarm = master.cpu_seconds(), processes.cpu_seconds(crowd.pid)
        time.sleep(2)
        is_resting = master.cpu_seconds() - before < 0.06 + count / 100_000
        if is_resting and processes.cpu_seconds(crowd.pid) - of_swarm < 0.1 + count / 20_000:
            return


def wait_for(master, crowd, count):
    """Waits until so many minions are connected, with two connections each."""
    for _ in range(600):
        if processes.descriptors(master.process.pid) >= 2 * count:
            # The last one may not have subscribed yet, and each is asked for the boot of its machine.
            time.sleep(2)
            return rest(master, crowd, count)
        time.sleep(0.2)
    raise Failed(f"{count} minions did not connect")


def events(master, seconds=SECONDS, **more):
    result = master.swarm(mode="events", prefix="w-", minions=50, at_once=16, rate=RATE, for_=seconds, **more)
    if result["errors"]:
        say(f"errors: {result['errors']} {result['examples']}")
    return result


def latencies(master, seconds=SECONDS, **more):
    return events(master, seconds, **more)["latency_ms"]


def beside_strangers(master, mischief, count, seconds):
    """Events beside so many strangers, which may be none; gives both results. The strangers are a process of their own
    that gives way to all others, and that is there without them too."""
    crowd = master.begin_swarm(
        mode="idle", prefix="s-", minions=1, for_=seconds + 3, niceness=19, mischief=mischief, path="large.bin",
        strangers=count, stranger_rate=STRANGER_RATE,
    )
    # It signs its one minion in before the strangers come; all have come once after STRANGERS / STRANGER_RATE.
    time.sleep(1.5)
    found = events(master, seconds)
    return found, master.result(crowd)


def strangers(make, quick, pairs):
    """What else the machine does changes from minute to minute, so that one ratio says nothing: pairs, one after
    the other, in changing order, and the median of their ratios."""
    seconds = 5 if quick else 10
    pairs = pairs or (3 if quick else 9)
    say(f"{STRANGERS} strangers, {STRANGER_RATE} connections a second, {RATE} events a second; with / without in {pairs} pairs of "
        f"{seconds} s: the median (least, most)\n")
    say("| strangers | p50 | p99 | p99 without them, ms | CPU of the master, ms a second more | their connections |")
    say("|---|---|---|---|---|---|")
    with make() as master:
        master.accept("w-", 50)
        master.accept("s-", 1)
        master.accept("stranger-", STRANGERS)
        master.start()
        events(master, 3)
        for mischief in ("rubbish", "stall", "vanish"):
            rows, crowds = [], []
            for number in range(pairs):
                pair = {}
                for count in (0, STRANGERS) if number % 2 else (STRANGERS, 0):
                    pair[count], crowd = beside_strangers(master, mischief, count, seconds)
                    crowds += [crowd] if count else []
                rows.append((pair[0], pair[STRANGERS]))
            say(row_of_strangers(mischief, rows, sum(one["stranger_connections"] for one in crowds)))
        counts = {place: sum(one["vanished"][place] for one in crowds) for place in crowds[0]["vanished"]}
        say("\nvanished: " + ", ".join(f"{place} {count}" for place, count in counts.items()))


def row_of_strangers(mischief, rows, connections):
    def spread(rank):
        ratios = sorted(found["latency_ms"][rank] / quiet["latency_ms"][rank] for quiet, found in rows)
        return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}, {ratios[-1]:.2f})"

    p99 = statistics.median(quiet["latency_ms"]["p99"] for quiet, _ in rows)
    cpu = statistics.median(
        (found["master"]["cpu_seconds"] / found["seconds"] - quiet["master"]["cpu_seconds"] / quiet["seconds"]) * 1000
        for quiet, found in rows
    )
    return f"| {mischief} | {spread('p50')} | {spread('p99')} | {p99:.2f} | {cpu:.1f} | {connections} |"


def large(make, quick, _pairs):
    size = 10_000_000 if quick else 100_000_000
    with make() as master:
        master.accept("w-", 50)
        master.start()
        small = {"mode": "returns", "prefix": "w-", "minions": 49, "at_once": 16, "rate": RATE, "size": 1000}
        before = master.swarm(**small, for_=SECONDS)["latency_ms"]
        beside = master.begin_swarm(**small, for_=SECONDS)
        time.sleep(2)
        big = master.swarm(mode="returns", prefix="w-", minions=1, count=1, size=size, patience=120)
        found = master.result(beside)["latency_ms"]
        say(f"return of {size // 1_000_000} MB: {big['seconds']:.1f} s, {big['errors'] or 'acknowledged'}")
        say("| returns of 1 KB | p50, ms | p99, ms | max, ms |")
        say("|---|---|---|---|")
        for name, one in (("alone", before), ("beside it", found)):
            say(f"| {name} | {one['p50']:.2f} | {one['p99']:.2f} | {one['max']:.1f} |")
        say(f"ratio: p50 {found['p50'] / before['p50']:.2f}, p99 {found['p99'] / before['p99']:.2f}")


def reader(make, quick, _pairs):
    """Clients that ask for the event stream and never read it."""
    seconds = 5 if quick else SECONDS
    with make() as master:
        master.accept("w-", 50)
        master.start()
        events(master, 3)
        alone = latencies(master, seconds)
        memory = processes.pss_kib(master.process.pid)
        readers = [socket.socket(socket.AF_UNIX) for _ in range(10)]
        for one in readers:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect(str(master.folder / "root/run/brine.sock"))
            one.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        found = latencies(master, seconds)
        more = processes.pss_kib(master.process.pid) - memory
        say(f"10 readers of events that do not read: p99 {alone['p99']:.2f} ms without, {found['p99']:.2f} ms with them; "
            f"memory {more} KiB more")


def soak(make, minutes, path):
    """Events at 5,000 a second; memory and descriptors must not grow."""
    samples = []
    with make(keep_jobs_seconds=120) as master:
        master.accept("w-", 500)
        master.start()
        swarm = master.begin_swarm(
            mode="events", prefix="w-", minions=500, at_once=64, rate=5000, for_=minutes * 60, patience=60,
            seconds_max=minutes * 60 + 300,
        )
        began = time.monotonic()
        while swarm.poll() is None:
            samples.append({
                "seconds": round(time.monotonic() - began, 1),
                "pss_kib": processes.pss_kib(master.process.pid),
                "descriptors": processes.descriptors(master.process.pid),
                "cpu_seconds": master.cpu_seconds(),
                "disk_bytes": processes.space(master.cache)[0],
            })
            path.write_text(json.dumps(samples, indent=1))
            time.sleep(10)
        result = master.result(swarm)
    say(f"{minutes} minutes: {result['done']} events, {result['rate']:.0f} a second, {result['errors'] or 'no errors'}, "
        f"p99 {result['latency_ms']['p99']:.1f} ms")
    for part, name in ((samples[len(samples) // 5:len(samples) * 2 // 5], "second fifth"), (samples[-len(samples) // 5:], "last fifth")):
        say(f"{name}: " + ", ".join(f"{key} {statistics.mean(one[key] for one in part):.0f}" for key in ("pss_kib", "descriptors", "disk_bytes")))


PARTS = {"minions": minions, "strangers": strangers, "large": large, "reader": reader}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brine", type=pathlib.Path, default=REPOSITORY / "target/release/brine")
    parser.add_argument("--quick", action="store_true", help="less of it, to see that it runs")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part alone; can be repeated")
    parser.add_argument("--pairs", type=int, metavar="N", help="so many pairs of `strangers`")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="events for so long, and nothing else")
    parser.add_argument("--samples", type=pathlib.Path, default=REPOSITORY / "target/soak.json", help="where the soak writes to")
    given = parser.parse_args()
    processes.raise_descriptors()

    def make(**options):
        return Master("Brine", given.brine.resolve(), None, **options)

    if given.soak:
        soak(make, given.soak, given.samples)
        return
    for name in given.only or PARTS:
        say(f"\n{name}:\n")
        try:
            PARTS[name](make, given.quick, given.pairs)
        except Failed as error:
            print(f"not measured: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()

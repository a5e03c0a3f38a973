#!/usr/bin/env python3
"""Measures whether Brine's cost stays what it is when there are more minions, and when some misbehave.

    cargo build --release
    python3 benches/compare/scale.py                       # all but the soak
    python3 benches/compare/scale.py --only minions        # or strangers, large, reader
    python3 benches/compare/scale.py --soak 60             # an hour of 5,000 events a second

`minions`: CPU of an event, a return, a publish to one and a ping of all with 100, 1,000 and 9,800 minions connected.
`strangers`: latency of events at a steady rate beside connections that send rubbish, stall or vanish.
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


def say(text):
    print(text, flush=True)


def per_operation(result):
    if not result["done"]:
        raise Failed(f"nothing was answered: {result['errors']} {result['examples']}")
    return result["master"]["cpu_seconds"] * 1000 / result["done"]


def minions(make, quick):
    say("| minions connected | event, ms CPU | return, ms CPU | publish to one, ms CPU | ping of all, ms CPU a minion | PSS, MB |")
    say("|---|---|---|---|---|---|")
    # All come from one address, which may have 10,000 connections; a hundred do the work.
    for count in (100, 1000) if quick else (100, 1000, 9800):
        with make() as master:
            master.accept("m-", count)
            master.accept("w-", 100)
            master.start()
            crowd = master.begin_swarm(mode="idle", minions=count, at_once=50, prefix="m-", publish="cat", patience=60)
            wait_for(master, count)
            work = {"prefix": "w-", "minions": 100, "at_once": 8}
            event = per_operation(master.swarm(**work, mode="events", count=50))
            jids = [master.publish_one("w-*") for _ in range(20)]
            result = per_operation(master.swarm(**work, mode="returns", count=20, jids=",".join(jids)))
            before, publishes = master.cpu_seconds(), 100
            master.publish("w-00000", publishes)
            publish = (master.cpu_seconds() - before) * 1000 / publishes
            before = master.cpu_seconds()
            master.run(*master.program("salt", "-t", "60", "--out=txt", "m-*", "test.ping"))
            ping = (master.cpu_seconds() - before) * 1000 / count
            memory = processes.pss_kib(master.process.pid) / 1024
            crowd.kill()
            say(f"| {count} | {event:.3f} | {result:.3f} | {publish:.2f} | {ping:.3f} | {memory:.0f} |")


def wait_for(master, count):
    """Waits until so many minions are connected, with two connections each."""
    for _ in range(600):
        if processes.descriptors(master.process.pid) >= 2 * count:
            # The last one may not have subscribed yet.
            time.sleep(1)
            return
        time.sleep(0.2)
    raise Failed(f"{count} minions did not connect")


def events(master, seconds=SECONDS, **more):
    result = master.swarm(mode="events", prefix="w-", minions=50, at_once=16, rate=RATE, for_=seconds, **more)
    if result["errors"]:
        say(f"errors: {result['errors']} {result['examples']}")
    return result["latency_ms"]


def strangers(make, quick):
    seconds = 5 if quick else SECONDS
    say("| strangers (40) | p50, ms | p99, ms | p99 beside that without them |")
    say("|---|---|---|---|")
    with make() as master:
        master.accept("w-", 50)
        master.start()
        events(master, 3)
        for mischief in ("rubbish", "stall", "vanish"):
            # What else the machine does changes from minute to minute: without, with, without.
            quiet = [events(master, seconds)]
            found = events(master, seconds, strangers=40, mischief=mischief)
            quiet.append(events(master, seconds))
            p99 = statistics.mean(one["p99"] for one in quiet)
            say(f"| {mischief} | {found['p50']:.2f} | {found['p99']:.2f} | {found['p99'] / p99:.2f} |")


def large(make, quick):
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


def reader(make, quick):
    """Clients that ask for the event stream and never read it."""
    seconds = 5 if quick else SECONDS
    with make() as master:
        master.accept("w-", 50)
        master.start()
        events(master, 3)
        alone = events(master, seconds)
        memory = processes.pss_kib(master.process.pid)
        readers = [socket.socket(socket.AF_UNIX) for _ in range(10)]
        for one in readers:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect(str(master.folder / "root/run/brine.sock"))
            one.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        found = events(master, seconds)
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
            PARTS[name](make, given.quick)
        except Failed as error:
            print(f"not measured: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()

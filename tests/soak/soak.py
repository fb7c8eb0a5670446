"""Mixed load from real clients on a node built with sanitizers, with clean restarts and kill -9 beneath it.

The run fails on any report of a sanitizer, leaks at clean stops included; on an end of the process that nobody ordered; on an
acknowledged record of an idempotent producer that is lost, duplicated or moved; and if any part of the load did nothing.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

import paths  # noqa: F401

import brokers
from administration import ClusterAdministration, RetentionWatch, TopicLife
from confluent_kafka.admin import NewTopic
from connections import Garbage, HalfOpen, Scraper, SlowReader
from consumers import Group, Seeker
from processes import Commands, Kcat
from producers import QUIET, ROLLING, ROLLING_PARTITIONS, IdempotentProducer, PlainProducer, create
from sanitizers import NAMES, Reports
from work import Site, Tally, Work

# Everything that a node does now and then, it does several times a minute here.
OVERRIDES = {
    "log.retention.check.interval.ms": "500",
    "log.segment.delete.delay.ms": "1000",
    "log.flush.offset.checkpoint.interval.ms": "2000",
    "log.flush.start.offset.checkpoint.interval.ms": "2000",
    "log.flush.scheduler.interval.ms": "1000",
    "log.flush.interval.ms": "1000",
    "replica.high.watermark.checkpoint.interval.ms": "1000",
    "metadata.log.max.snapshot.interval.ms": "3000",
    "offsets.topic.num.partitions": "8",
    "offsets.retention.check.interval.ms": "2000",
    "connections.max.idle.ms": "5000",
    "max.incremental.fetch.session.cache.slots": "8",
}
STOPS_PER_MINUTE = 6
STOP_TIMEOUT_S = 240  # A sanitized node with little of a busy machine, that has leaks to look for.
PATIENCE_S = 300  # On a slow machine a run goes on until each kind of load has done something.
JOIN_TIMEOUT_S = 240  # A ledger waits for its flush and its reading back.
ABANDON_TIMEOUT_S = 20  # Clients without a node may wait for ever; the threads end with the process.
LOG_LINES = 60
REPORT_LINES = 120
REPORTS_SHOWN = 5
FAULTS_SHOWN = 40


def works(site: Site) -> list[Work]:
    return [
        *(IdempotentProducer(site, f"ledger-{one}") for one in ("a", "b")),
        *(PlainProducer(site, f"plain-{acks}", acks) for acks in ("0", "1", "all")),
        *(Group(site, f"group-{assignor}", assignor) for assignor in ("range", "roundrobin", "cooperative-sticky")),
        Seeker(site, "seeker"),
        *(TopicLife(site, f"life-{one}") for one in ("a", "b")),
        ClusterAdministration(site, "administration"), RetentionWatch(site, "retention"),
        Garbage(site, "garbage"), HalfOpen(site, "half-open"), SlowReader(site, "slow-reader"), Scraper(site, "scraper"),
        Commands(site, "commands"), Kcat(site, "kcat"),
    ]


class Conductor:
    """Keeps the load going, and stops and starts the node beneath it. Main thread: the node dies with the one that starts it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.rng = random.Random(f"{site.seed} stops")
        site.tally.expect("clean restarts", "kills")
        self.works: list[Work] = []

    def run(self, seconds: float) -> None:
        site = self.site
        for topic, settings in ROLLING.items():
            create(site, NewTopic(topic, ROLLING_PARTITIONS, 1, config=settings))
        create(site, NewTopic(QUIET, 1, 1))
        self.works = works(site)
        for work in self.works:
            work.start()
        deadline = time.monotonic() + seconds
        kinds: list[str] = []
        while time.monotonic() < deadline or site.tally.undone() and time.monotonic() < deadline + PATIENCE_S:
            # In pairs, so that a short run has both.
            kinds = kinds or self.rng.sample(["clean restarts", "kills"], 2)
            self.load_for(self.rng.uniform(0.5, 1.5) * 60 / STOPS_PER_MINUTE)
            self.restart(kinds.pop())
        for work in self.end_works(JOIN_TIMEOUT_S):
            site.tally.fault(f"{work.name} did not end in {JOIN_TIMEOUT_S} s")
        self.check_again()

    def load_for(self, seconds: float) -> None:
        """Lets the load work."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.site.broker.alive():
                raise brokers.BrokerError("the node ended by itself")
            self.site.stopping.wait(0.1)

    def restart(self, kind: str) -> None:
        broker = self.site.broker
        if kind == "kills":
            if not broker.alive():
                raise brokers.BrokerError("the node ended by itself")
            broker.kill()
            if self.rng.random() < 0.25:  # Dying on the way up must do no harm either.
                broker.launch().kill()
        else:
            broker.stop(STOP_TIMEOUT_S)
        broker.start()
        self.site.tally.done(kind)

    def end_works(self, timeout_s: float) -> list[Work]:
        """Those that did not end."""
        self.site.stopping.set()
        deadline = time.monotonic() + timeout_s
        return [work for work in self.works if not work.join(max(0.0, deadline - time.monotonic()))]

    def abandon(self) -> None:
        """Ends what a run that failed has left. Nothing where it went well."""
        self.site.abandoned.set()
        self.end_works(ABANDON_TIMEOUT_S)

    def check_again(self) -> None:
        """Ledgers hold behind a clean restart; then the node ends, and its leaks are looked for."""
        self.site.broker.stop(STOP_TIMEOUT_S)
        self.site.broker.start()
        for work in self.works:
            if isinstance(work, IdempotentProducer):
                work.check_kept()
        self.site.broker.stop(STOP_TIMEOUT_S)


def judge(tally: Tally, reports: Reports) -> list[str]:
    """Everything that is wrong with a run, one line or report each; nothing when it is good."""
    texts = reports.texts()
    found = [f"report of a sanitizer:\n{head(text)}" for text in texts[:REPORTS_SHOWN]]
    if len(texts) > REPORTS_SHOWN:
        found.append(f"{len(texts) - REPORTS_SHOWN} processes more reported something")
    return found + tally.faults()


def head(text: str) -> str:
    lines = text.splitlines()
    return "\n".join(lines[:REPORT_LINES] + [f"({len(lines) - REPORT_LINES} lines more)"] * (len(lines) > REPORT_LINES))


def soak(arguments: argparse.Namespace, directory: pathlib.Path, tally: Tally) -> list[str]:
    reports = Reports(arguments.sanitizer, directory / "reports")
    overrides = OVERRIDES | {"weir.threads": str(arguments.threads)}
    broker = brokers.Broker("weir", directory / "node", overrides)
    site = Site(broker, directory, arguments.seed, tally)
    conductor = Conductor(site)
    try:
        with broker:
            broker.format().start()
            conductor.run(arguments.minutes * 60)
    except brokers.BrokerError as error:
        tally.fault(str(error))
    finally:
        conductor.abandon()
    return judge(tally, reports)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sanitizer", choices=NAMES, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="of the random choices")
    parser.add_argument("--threads", type=int, default=4, help="loops of the node: what goes between them is the point")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    faulthandler.enable()  # A client library that aborts takes the run with it: say in which kind of load.
    os.environ.setdefault("WEIR_BINARY", str(brokers.ROOT / "build" / arguments.sanitizer / "weir"))
    print(f"soak: {arguments.sanitizer}, seed {arguments.seed}, {arguments.minutes:g} minutes, {arguments.threads} loops", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="weir-soak-"))
    tally = Tally()
    faults = soak(arguments, directory, tally)
    for thing, count in tally.counts().items():
        print(f"  {thing:45} {count:10,}")
    if faults:
        for fault in faults[:FAULTS_SHOWN]:
            print(f"FAULT: {fault}")
        log = directory / "node" / "server.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        print(f"the last lines of {log}:", *lines[-LOG_LINES:], sep="\n")
    else:
        shutil.rmtree(directory)
    print(f"soak: {arguments.sanitizer}, seed {arguments.seed}: {sum(tally.counts().values()):,} things done, "
          f"{len(faults)} faults", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

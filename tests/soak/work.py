"""What the kinds of load share: where the broker is, the tally of what was done, and a thread that works until it is told to stop."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import random
import subprocess
import threading
import traceback

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

import brokers

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
TIMEOUT_S = 60  # For a broker that hangs; nothing here asserts a time.
# Clients meet a broker that is down several times a minute: they are to come back at once.
CLIENT = {"reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100, "log_level": 0}


class Tally:
    """How often each thing was done, and what went wrong. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: collections.Counter[str] = collections.Counter()
        self._optional: set[str] = set()
        self._faults: list[str] = []

    def allow(self, *things: str) -> None:
        """Counts these, which need not happen."""
        with self._lock:
            self._optional.update(things)
            for thing in things:
                self._done.setdefault(thing, 0)

    def expect(self, *things: str) -> None:
        """Makes it a fault if one of these is never done."""
        with self._lock:
            for thing in things:
                self._done.setdefault(thing, 0)

    def done(self, thing: str, count: int = 1) -> None:
        with self._lock:
            if thing not in self._done:
                raise KeyError(f"{thing!r} was not announced with expect()")
            self._done[thing] += count

    def fault(self, what: str) -> None:
        with self._lock:
            self._faults.append(what)

    def counts(self) -> dict[str, int]:
        with self._lock:
            return dict(sorted(self._done.items()))

    def undone(self) -> list[str]:
        """What was announced and has not been done so far."""
        return [thing for thing, count in self.counts().items() if count == 0 and thing not in self._optional]

    def faults(self) -> list[str]:
        """What went wrong, and what was never done."""
        with self._lock:
            known = list(self._faults)
        return known + [f"never done: {thing}" for thing in self.undone()]


@dataclasses.dataclass
class Site:
    """What every kind of load works on."""

    broker: brokers.Broker
    directory: pathlib.Path
    seed: int
    tally: Tally
    stopping: threading.Event = dataclasses.field(default_factory=threading.Event)  # The last round is under way.
    abandoned: threading.Event = dataclasses.field(default_factory=threading.Event)  # The node will not come back.

    @property
    def bootstrap(self) -> str:
        return self.broker.bootstrap

    def client(self, **settings: object) -> dict[str, object]:
        return {"bootstrap.servers": self.bootstrap, **CLIENT, **{key.replace("_", "."): value for key, value in settings.items()}}

    def admin(self) -> AdminClient:
        return AdminClient(self.client())


class Work:
    """One kind of load in a thread of its own. Errors that a broker gives which is down or restarts are part of the load."""

    THINGS: tuple[str, ...] = ()  # What it does: each must be counted at least once in a run.
    OPTIONAL_THINGS: tuple[str, ...] = ()  # Counted beside them, and shown.
    PAUSE_S = 0.05  # Between rounds; it keeps one kind of load from taking the whole machine.
    TOLERATED = (KafkaException, OSError)

    def __init__(self, site: Site, name: str) -> None:
        self.site = site
        self.name = name
        self.rng = random.Random(f"{site.seed} {name}")
        site.tally.expect(*self.THINGS)
        site.tally.allow(*self.OPTIONAL_THINGS)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def round(self) -> None:
        """Does some of the work; called again and again."""
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of what is open, in the thread of the rounds, after the last one."""

    def done(self, thing: str, count: int = 1) -> None:
        self.site.tally.done(thing, count)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """True where the thread has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self.site.stopping.is_set():
            self._guarded(self.round)
            self.site.stopping.wait(self.PAUSE_S)
        self._guarded(self.close)

    def _guarded(self, action) -> None:
        try:
            action()
        except subprocess.TimeoutExpired as hung:
            self.site.tally.fault(f"{self.name}: {hung}")
        except self.TOLERATED:
            pass
        except Exception:  # A fault of the work or of an answer: the run fails with it.
            if self.site.abandoned.is_set():
                return
            self.site.tally.fault(f"{self.name}: {traceback.format_exc()}")

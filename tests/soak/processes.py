"""Programs: weir's own commands, built with the sanitizer as the node is, and kcat."""

from __future__ import annotations

import itertools
import signal
import subprocess
import threading

import commands
from producers import ROLLING
from work import CODECS, Site, Work

READ_TIMEOUT_S = 20


class Commands(Work):
    """The commands of weir. They may fail when the node is down, but not end otherwise."""

    WORDS = ("topic create", "topic list", "topic describe", "topic alter", "topic offsets", "topic trim", "topic delete", "produce",
             "consume", "consume --group", "group list", "group describe", "group reset-offsets", "group delete", "log dump")
    THINGS = tuple(f"weir {words}" for words in WORDS) + ("weir consume --group killed",)
    USUAL_CODES = (0, 1, 2)

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self.weir = commands.Weir(site.bootstrap, site.directory)
        self.numbers = itertools.count()

    def run(self, words: str, *arguments: str, stdin: str = "") -> bool:
        """True where the command succeeded."""
        done = self.weir.run(*words.split(), *arguments, stdin=stdin)
        self.judge(words, done.code, done.err)
        return done.code == 0

    def judge(self, words: str, code: int, err: str) -> None:
        if code == 0:
            self.done(f"weir {words}")
        elif code not in self.USUAL_CODES:
            self.site.tally.fault(f"weir {words} ended with {code}: {err[-2000:]}")

    def round(self) -> None:
        topic, group = f"{self.name}-{next(self.numbers)}", f"{self.name}-group"
        if not self.run("topic create", topic, "-p", "3", "-c", "segment.bytes=1048576"):
            return
        lines = "".join(f"{i}:value {i}\n" for i in range(self.rng.randrange(100, 1000)))
        self.run("produce", topic, "-q", "-k", ":", "-z", self.rng.choice(CODECS), "--acks", self.rng.choice(["all", "1", "0"]),
                 stdin=lines)
        self.run("consume", topic, "-q", "-n", "50")
        self.in_group(topic, group)
        steps = [("topic list",), ("topic describe", topic), ("topic alter", topic, "-p", "5", "--set", "retention.ms=100000"),
                 ("topic offsets", topic), ("topic trim", topic, "--before", "2"), ("group list",), ("group describe", group),
                 ("group reset-offsets", group, "--to", "earliest"), ("group delete", group), ("log dump", self.some_partition())]
        self.rng.shuffle(steps)
        for step in steps:
            self.run(*step)
        self.run("topic delete", topic)

    def some_partition(self) -> str:
        return str(self.site.broker.data / self.rng.choice([f"{self.rng.choice(list(ROLLING))}-0", "__cluster_metadata-0"]))

    def in_group(self, topic: str, group: str) -> None:
        """A member that is interrupted leaves its group; one that is killed is missed after a while."""
        killed = self.weir.start("consume", self.rng.choice(list(ROLLING)), "-q", "--format", "%o", "--group",
                                 f"{topic}-killed")
        self.end_after(killed, lambda: killed.stdout.readline(), signal.SIGKILL)
        self.done("weir consume --group killed")
        member = self.weir.start("consume", topic, "--group", group)
        self.end_after(member, lambda: [member.stdout.readline() for _ in range(20)], signal.SIGINT)
        _, err = member.communicate(timeout=commands.TIMEOUT_S)
        self.judge("consume --group", member.returncode, err)
        self.weir.started.clear()

    @staticmethod
    def end_after(process: subprocess.Popen[str], reading, what: signal.Signals) -> None:
        """Sends the signal when something was read, or when nothing came: the node may be down, or the records with it."""
        late = threading.Timer(READ_TIMEOUT_S, process.send_signal, [what])
        late.start()
        reading()
        late.cancel()
        process.send_signal(what)
        if what == signal.SIGKILL:
            process.communicate()

    def close(self) -> None:
        self.weir.close()


class Kcat(Work):
    """kcat, an older librdkafka than that of the other clients."""

    THINGS = tuple(f"kcat {codec}" for codec in CODECS) + ("kcat reads", "kcat lists")
    TOLERATED = (*Work.TOLERATED, AssertionError)  # kcat ends with 1 when the broker is down.
    PAUSE_S = 0.2

    def round(self) -> None:
        topic, codec = self.rng.choice(list(ROLLING)), self.rng.choice(CODECS)
        lines = "".join(f"{self.rng.random()}\n" for _ in range(self.rng.randrange(10, 500)))
        usual = ("-X", "message.timeout.ms=3000", "-X", "reconnect.backoff.ms=10", "-m", "3")
        commands.kcat(self.site.bootstrap, "-P", "-t", topic, "-z", codec, *usual, "-X",
                      f"enable.idempotence={self.rng.choice(['true', 'false'])}", stdin=lines)
        self.done(f"kcat {codec}")
        commands.kcat(self.site.bootstrap, "-C", "-t", topic, "-e", "-q", "-c", "500", "-o", "-100", "-f", "%o\n", *usual)
        self.done("kcat reads")
        commands.kcat(self.site.bootstrap, "-L", "-J", *usual)
        self.done("kcat lists")

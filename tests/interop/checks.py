"""Programs in other languages run their checks in one go and print `check NAME ok` or `check NAME failed: REASON`."""

from __future__ import annotations


class Results:
    """The outcome of one such program."""

    def __init__(self, out: str, err: str) -> None:
        self.err = err
        self.seen: dict[str, str] = {}
        for line in out.splitlines():
            words = line.split(" ", 2)
            if words[0] == "check" and len(words) == 3:
                self.seen[words[1]] = words[2]

    def expect_ok(self, name: str) -> None:
        outcome = self.seen.get(name, "did not run")
        assert outcome == "ok", f"{name}: {outcome}\n{self.err[-6000:]}"

    def expect_names(self, names: list[str]) -> None:
        """The program and the list of its checks here must not drift apart."""
        assert list(self.seen) == names, self.err[-6000:]

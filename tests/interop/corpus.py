"""The records that every client writes and reads, by a rule that each client's language repeats.

Null and empty keys and values, repeated and empty headers, letters outside ASCII, and timestamps of the past.
"""

from __future__ import annotations

import dataclasses

COUNT = 300
PARTITIONS = 3
FIRST_TIMESTAMP = 1_700_000_000_000
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


@dataclasses.dataclass(frozen=True)
class Record:
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp: int | None = None


def record(i: int) -> Record:
    value: bytes | None = f"value-{i}-{'ab' * (i % 40)}".encode()
    if i % 11 == 5 and i % 7 != 0:  # Some clients refuse a record with neither key nor value.
        value = None
    elif i % 13 == 6:
        value = b""
    headers: tuple[tuple[str, bytes | None], ...] = ()
    if i % 3 == 1:
        headers = (("trace", f"id-{i}".encode()), ("trace", b"again"), ("empty", b""))
    return Record(i % PARTITIONS, i // PARTITIONS, None if i % 7 == 0 else f"schlüssel-{i}".encode(), value, headers,
                  FIRST_TIMESTAMP + i * 1000)


def records() -> list[Record]:
    return [record(i) for i in range(COUNT)]


def by_position(read: list[Record]) -> list[Record]:
    """Records in the corpus's order: by offset, then partition. A wrong order inside a partition stays wrong."""
    per_partition: dict[int, list[Record]] = {}
    for one in read:
        per_partition.setdefault(one.partition, []).append(one)
    longest = max((len(part) for part in per_partition.values()), default=0)
    return [per_partition[p][i] for i in range(longest) for p in sorted(per_partition) if i < len(per_partition[p])]


def verify(read: list[Record], written: list[Record] | None = None) -> None:
    """Exactly these records, each once, in order within its partition, equal in every field."""
    expected = records() if written is None else written
    seen = by_position(read)
    for want, have in zip(expected, seen, strict=False):
        assert have == want
    assert len(seen) == len(expected)

"""Seed inputs of the fuzz targets, made from what Apache Kafka wrote (tests/golden)."""

import gzip
import json
import pathlib
import struct
import tarfile

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
SEED_SIZE_MAX = 8192

# Batch header: offset, size, leader epoch, magic, crc, attributes.
_BATCH_HEADER = struct.Struct(">qiibIh")
_RECORDS_START = 61


def _lines(name):
    with gzip.open(GOLDEN / name, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def name_hash(name):
    """As targets/message.cc chooses a message."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def request_seeds():
    for exchange in _lines("exchanges.jsonl.gz"):
        yield bytes.fromhex(exchange["requestHex"])


def message_seeds():
    # A version byte chooses (byte % number of versions) from the least one on, so the least version of a name must be known.
    vectors = list(_lines("codec-vectors.jsonl.gz"))
    least = {}
    for vector in vectors:
        least[vector["name"]] = min(vector["version"], least.get(vector["name"], vector["version"]))
    for vector in vectors:
        yield struct.pack(">IB", name_hash(vector["name"]), vector["version"] - least[vector["name"]]) + bytes.fromhex(vector["hex"])


def data_files():
    """(path, content) of every file of the two golden data directories."""
    for archive in ("data-solo.tar.gz", "data-voters.tar.gz"):
        with tarfile.open(GOLDEN / archive) as tar:
            for member in tar.getmembers():
                if member.isfile():
                    yield member.name, tar.extractfile(member).read()


def files_ending(*endings):
    for path, content in data_files():
        if path.endswith(endings):
            yield content


def batches():
    for path, content in data_files():
        at = 0
        while path.endswith((".log", ".checkpoint")) and b"\n" != content[1:2] and at + _RECORDS_START <= len(content):
            size = struct.unpack_from(">i", content, at + 8)[0] + 12
            yield content[at:at + size]
            at += size


def records_seeds():
    for batch in batches():
        yield b"\x00" + batch
        yield b"\x01" + batch


def decompression_seeds():
    for batch in batches():
        codec = _BATCH_HEADER.unpack_from(batch)[5] & 7
        if codec:
            yield bytes([codec]) + batch[_RECORDS_START:]


def checkpoint_seeds():
    # The first byte chooses as targets/checkpoints.cc does.
    kinds = {"-offset-checkpoint": 0, "leader-epoch-checkpoint": 1, ".snapshot": 2, "quorum-state": 3, "meta.properties": 4,
             "partition.metadata": 5}
    for path, content in data_files():
        yield b"\x06" + path.split("/")[-1].encode()
        for ending, kind in kinds.items():
            if path.endswith(ending):
                yield bytes([kind]) + content


def log_seeds():
    folders = {}
    for path, content in data_files():
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, {})[pathlib.PurePath(name).suffix] = content
    for files in folders.values():
        if ".log" not in files:
            continue
        parts = [files.get(suffix, b"") for suffix in (".index", ".timeindex", ".txnindex", ".snapshot")]
        if max(map(len, parts)) < 65536:
            yield b"\x00" + b"".join(struct.pack(">H", len(part)) for part in parts) + b"".join(parts) + files[".log"]


def metadata_seeds():
    for content in files_ending(".checkpoint"):
        yield b"\x00" + content
    for vector in _lines("codec-vectors.jsonl.gz"):
        if vector["group"] == "metadata":
            yield b"\x01\x01\x00" + bytes([vector["version"]]) + bytes.fromhex(vector["hex"])


def properties_seeds():
    yield from files_ending("meta.properties")


def otlp_seeds():
    # A gauge with an attribute, and a sum of deltas: each field is its number and type, then its length.
    def field(number, content):
        return bytes([number << 3 | 2, len(content)]) + content

    point = b"\x21" + struct.pack("<d", 1.5) + field(7, field(1, b"node_id") + field(2, field(1, b"1")))
    gauge = field(2, field(1, b"a") + field(5, field(1, point)))
    total = field(2, field(1, b"b") + field(7, field(1, b"\x31" + struct.pack("<q", 3)) + b"\x10\x01"))
    yield field(1, field(2, gauge + total))


SEEDS = {
    "request": request_seeds,
    "message": message_seeds,
    "records": records_seeds,
    "decompression": decompression_seeds,
    "checkpoints": checkpoint_seeds,
    "log": log_seeds,
    "metadata": metadata_seeds,
    "properties": properties_seeds,
    "otlp": otlp_seeds,
}


def write(target, folder):
    """Writes the seeds of `target` to `folder`, each once; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    distinct = sorted({seed for seed in SEEDS[target]() if len(seed) <= SEED_SIZE_MAX})
    for number, seed in enumerate(distinct):
        (folder / f"{number:05}").write_bytes(seed)
    return len(distinct)

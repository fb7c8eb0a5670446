"""What the machine does to memory, kept out of what is measured."""

from __future__ import annotations

import pathlib

PRIME_BYTES = 1536 << 20


def prime(directory: pathlib.Path) -> None:
    """Makes the kernel hold free pages that are backed already.

    In a virtual machine whose host takes free memory back, the first touch of a page costs several times the work that
    is measured here, and would be charged to whoever comes first.
    """
    file = directory / "prime"
    block = bytes(1 << 20)
    with open(file, "wb", buffering=0) as out:
        for _ in range(PRIME_BYTES >> 20):
            out.write(block)
    file.unlink()

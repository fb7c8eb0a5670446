"""A JVM that stays up and runs Kafka's tools and our Java checks one after the other (java/ToolHost.java)."""

from __future__ import annotations

import dataclasses
import pathlib
import struct
import subprocess

import kafka_jars

SOURCES = pathlib.Path(__file__).resolve().parent / "java"


@dataclasses.dataclass
class Finished:
    status: int
    out: str
    err: str


def compile_sources(directory: pathlib.Path) -> None:
    sources = sorted(SOURCES.glob("*.java"))
    directory.mkdir(parents=True, exist_ok=True)
    built = max((one.stat().st_mtime for one in directory.glob("*.class")), default=0.0)
    if built < max(one.stat().st_mtime for one in sources):
        subprocess.run(["javac", "-d", str(directory), "-cp", kafka_jars.class_path(), *map(str, sources)], check=True)


class Jvm:
    def __init__(self, classes: pathlib.Path) -> None:
        compile_sources(classes)
        command = kafka_jars.java(kafka_jars.TOOL_FLAGS, "ToolHost", extra_class_path=[str(classes)])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, name: str, *arguments: str, stdin: str = "") -> Finished:
        """Runs one of Kafka's tools by the name of its script, or a class by its name."""
        strings = [kafka_jars.TOOL_CLASSES.get(name, name), *arguments, stdin]
        encoded = b"".join(struct.pack(">i", len(one)) + one for one in (text.encode() for text in strings))
        assert self.process.stdin is not None
        self.process.stdin.write(struct.pack(">i", len(strings) - 1) + encoded)
        self.process.stdin.flush()
        status = struct.unpack(">i", self._read(4))[0]
        return Finished(status, self._read_string(), self._read_string())

    def tool(self, name: str, bootstrap: str, *arguments: str, stdin: str = "", option: str = "--bootstrap-server") -> str:
        """Runs a tool against a broker (or as `option` says) and returns its output; it must end with status 0."""
        done = self.run(name, option, bootstrap, *arguments, stdin=stdin)
        assert done.status == 0, f"{name} {arguments}: status {done.status}\n{done.out}\n{done.err}"
        return done.out

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)

    def _read(self, size: int) -> bytes:
        assert self.process.stdout is not None
        data = self.process.stdout.read(size)
        assert data is not None and len(data) == size, "the JVM of the tools ended"
        return data

    def _read_string(self) -> str:
        return self._read(struct.unpack(">i", self._read(4))[0]).decode(errors="replace")

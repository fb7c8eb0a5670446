"""Kafka requests and answers as plain dicts, encoded and decoded by src/protocol/schemas.

Field names are those of the schemas with a lower-case first letter; bytes and records are hex, ids their text of 22 characters.
Fields that a request leaves out have their default.
"""

from __future__ import annotations

import base64
import functools
import pathlib
import socket
import struct
import sys
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "src" / "protocol" / "generator"))

import schema  # noqa: E402

TIMEOUT_S = 60  # For a broker that hangs; no test asserts a time.
FORMATS = {"bool": ">?", "int8": ">b", "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q",
           "float64": ">d"}
ZERO_ID = "A" * 22
HEADER_ALWAYS_V0 = "ApiVersions"


def key_of(field: schema.Field) -> str:
    return field.name[0].lower() + field.name[1:]


@functools.cache
def schemas() -> schema.Schemas:
    return schema.Schemas(ROOT / "src" / "protocol" / "schemas")


@functools.cache
def api(name: str) -> schema.Api:
    return next(one for one in schemas().apis if one.name == name)


@functools.cache
def message(name: str) -> schema.Message:
    return next(one for one in schemas().messages if one.name == name)


class Writer:
    def __init__(self) -> None:
        self.out = bytearray()

    def unsigned(self, value: int) -> None:
        while value >= 0x80:
            self.out.append(value & 0x7F | 0x80)
            value >>= 7
        self.out.append(value)

    def length(self, size: int | None, flexible: bool, wide: bool) -> None:
        if flexible:
            self.unsigned(0 if size is None else size + 1)
        else:
            self.out += struct.pack(">i" if wide else ">h", -1 if size is None else size)

    def value(self, field: schema.Field, version: int, value: Any) -> None:
        flexible = field.is_flexible(version)
        if field.is_struct:
            self.struct(field.struct, version, value)
        elif field.type == "string":
            data = None if value is None else value.encode()
            self.length(None if data is None else len(data), flexible, False)
            self.out += data or b""
        elif field.type in ("bytes", "records"):
            data = None if value is None else bytes.fromhex(value)
            self.length(None if data is None else len(data), flexible, True)
            self.out += data or b""
        elif field.type == "uuid":
            self.out += base64.urlsafe_b64decode(value + "==")
        else:
            self.out += struct.pack(FORMATS[field.type], value)

    def field(self, field: schema.Field, version: int, value: Any) -> None:
        if field.is_array:
            self.length(None if value is None else len(value), field.is_flexible(version), True)
            for one in value or []:
                self.value(field, version, one)
        elif field.is_struct and schema.contains(field.null, version):
            self.out += b"\xff" if value is None else b"\x01"
            if value is not None:
                self.value(field, version, value)
        else:
            self.value(field, version, value)

    def struct(self, of: schema.Struct, version: int, values: dict[str, Any]) -> None:
        unknown = set(values) - {key_of(one) for one in of.fields}
        if unknown:
            raise ValueError(f"{of.cpp_name} has no {', '.join(sorted(unknown))}")
        present = [one for one in of.fields if schema.contains(one.versions, version)]
        for one in present:
            if not one.is_tagged:
                self.field(one, version, values.get(key_of(one), default_of(one)))
        if not schema.contains(of.message.flexible, version):
            return
        tagged = sorted((one for one in present if one.is_tagged and key_of(one) in values
                         and values[key_of(one)] != default_of(one)), key=lambda one: one.tag)
        self.unsigned(len(tagged))
        for one in tagged:
            inner = Writer()
            inner.field(one, version, values[key_of(one)])
            self.unsigned(one.tag)
            self.unsigned(len(inner.out))
            self.out += inner.out


def default_of(field: schema.Field) -> Any:
    if field.default_is_null:
        return None
    if field.is_array:
        return []
    if field.is_struct:
        return {}
    if field.has_default:
        return int(field.default) if isinstance(field.default, str) and field.type.startswith("int") else field.default
    return {"string": "", "bytes": "", "records": None, "uuid": ZERO_ID, "bool": False}.get(field.type, 0)


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        if size < 0 or self.at + size > len(self.data):
            raise ValueError("the answer is cut off")
        self.at += size
        return self.data[self.at - size:self.at]

    def unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def length(self, flexible: bool, wide: bool) -> int:
        if flexible:
            return self.unsigned() - 1
        return struct.unpack(">i" if wide else ">h", self.take(4 if wide else 2))[0]

    def value(self, field: schema.Field, version: int) -> Any:
        if field.is_struct:
            return self.struct(field.struct, version)
        if field.type in ("string", "bytes", "records"):
            size = self.length(field.is_flexible(version), field.type != "string")
            if size < 0:
                return None
            data = self.take(size)
            return data.decode() if field.type == "string" else data.hex()
        if field.type == "uuid":
            return base64.urlsafe_b64encode(self.take(16)).decode().rstrip("=")
        return struct.unpack(FORMATS[field.type], self.take(struct.calcsize(FORMATS[field.type])))[0]

    def field(self, field: schema.Field, version: int) -> Any:
        if field.is_array:
            size = self.length(field.is_flexible(version), True)
            return None if size < 0 else [self.value(field, version) for _ in range(size)]
        if field.is_struct and schema.contains(field.null, version) and self.take(1) == b"\xff":
            return None
        return self.value(field, version)

    def struct(self, of: schema.Struct, version: int) -> dict[str, Any]:
        values = {}
        present = [one for one in of.fields if schema.contains(one.versions, version)]
        for one in present:
            values[key_of(one)] = default_of(one) if one.is_tagged else self.field(one, version)
        if schema.contains(of.message.flexible, version):
            tagged = {one.tag: one for one in present if one.is_tagged}
            for _ in range(self.unsigned()):
                tag, size = self.unsigned(), self.unsigned()
                inner = Reader(self.take(size))
                known = tagged.get(tag)
                values[key_of(known) if known else f"tag {tag}"] = inner.field(known, version) if known else inner.data.hex()
        return values


def encode_request(name: str, version: int, body: dict[str, Any], correlation: int = 1, client: str = "wire") -> bytes:
    """A whole frame, its size in front. Of a version that the schema does not have, the body is empty."""
    out = Writer()
    out.out += struct.pack(">hhih", api(name).key, version, correlation, len(client)) + client.encode()
    flexible = api(name).flexible
    if flexible and version >= flexible[0]:
        out.unsigned(0)
    if schema.contains(api(name).versions, version):
        out.struct(message(name + "Request").root, version, body)
    return struct.pack(">i", len(out.out)) + bytes(out.out)


def decode_response(name: str, version: int, data: bytes) -> dict[str, Any]:
    """What follows the size of the frame; it must be used up."""
    reader = Reader(data)
    reader.take(4)
    if schema.contains(api(name).flexible, version) and name != HEADER_ALWAYS_V0:
        reader.unsigned()
    values = reader.struct(message(name + "Response").root, version)
    if reader.at != len(data):
        raise ValueError(f"{name} v{version}: {len(data) - reader.at} bytes too many")
    return values


class Connection:
    """One connection to a broker; answers None to a request after which it was closed, and connects anew."""

    def __init__(self, address: tuple[str, int], timeout_s: float = TIMEOUT_S) -> None:
        self.address = address
        self.timeout_s = timeout_s
        self.socket: socket.socket | None = None

    def ask(self, name: str, version: int, body: dict[str, Any]) -> dict[str, Any] | None:
        data = self.exchange(encode_request(name, version, body))
        if data is None:
            return None
        is_known = schema.contains(api(name).versions, version)
        return decode_response(name, version if is_known else 0, data)

    def exchange(self, frame: bytes) -> bytes | None:
        if self.socket is None:
            self.socket = socket.create_connection(self.address, self.timeout_s)
        try:
            self.socket.sendall(frame)
            return self._read(struct.unpack(">i", self._read(4))[0])
        except ConnectionError:
            self.close()
            return None

    def _read(self, size: int) -> bytes:
        assert self.socket is not None
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionResetError("closed")
            data += part
        return data

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None

"""Writes the C++ of the protocol's messages from the schemas.

generate.py SCHEMAS OUT writes the files below OUT, leaving alone those that would not change;
generate.py --list SCHEMAS names them.
Run by the build (src/protocol/CMakeLists.txt). Standard library only.
"""
import os
import sys

from api_table import api_table
from codecs_cpp import codec
from headers import header, header_path
from reflection import reflection_index, reflection_part
from schema import Schemas

CODEC_FILES = 12
REFLECTION_FILES = 6


def weight(message):
    return 3 + sum(len(s.fields) + 2 for s in [*message.structs, message.root])


def balance(messages, count):
    """Splits the messages over `count` files of about equal size; the split depends on nothing else."""
    parts = [[0, []] for _ in range(count)]
    for message in sorted(messages, key=lambda m: (-weight(m), m.name)):
        part = min(parts, key=lambda p: p[0])
        part[0] += weight(message)
        part[1].append(message)
    return [sorted(p[1], key=lambda m: m.name) for p in parts]


def codec_file(messages):
    lines = ['// Generated from src/protocol/schemas: the codecs of some of the messages.']
    lines += ['#include "%s"' % header_path(m) for m in messages]
    lines += ['#include "protocol/reader.h"', '#include "protocol/writer.h"', '', 'namespace weir::protocol {', '']
    for message in messages:
        lines += codec(message)
    return '\n'.join(lines + ['}  // namespace weir::protocol', ''])


def outputs(schemas):
    """Path below the output folder -> what writes its text."""
    files = {header_path(m): (lambda m=m: header(m)) for m in schemas.messages}
    for i, part in enumerate(balance(schemas.messages, CODEC_FILES)):
        files['protocol/codecs_%d.cc' % i] = lambda part=part: codec_file(part)
    for i, part in enumerate(balance(schemas.messages, REFLECTION_FILES)):
        files['protocol/reflection_%d.cc' % i] = lambda part=part: reflection_part(part)
    files['protocol/reflection_index.cc'] = lambda: reflection_index(schemas.messages)
    files['protocol/api_table.cc'] = lambda: api_table(schemas)
    return files


def write_if_changed(path, text):
    try:
        with open(path, encoding='utf-8') as f:
            if f.read() == text:
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


def main(arguments):
    if arguments[0] == '--list':
        print(';'.join(outputs(Schemas(arguments[1]))))
        return
    schemas_root, out = arguments
    for path, text in outputs(Schemas(schemas_root)).items():
        write_if_changed(os.path.join(out, path), text())


if __name__ == '__main__':
    main(sys.argv[1:])

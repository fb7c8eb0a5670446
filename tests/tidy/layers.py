"""A folder of src/ includes itself and the folders below it, as docs/README.md draws them."""

import re

# What a folder may include; what those may include, it may too.
MAY_INCLUDE = {
    "base": [],
    "weir": ["protocol"],  # include/weir/, the public headers of client, streams and connect
    "protocol": ["base"],
    "storage": ["protocol"],
    "client": ["protocol", "weir"],
    "quorum": ["storage"],
    "broker": ["quorum"],
    "registry": ["client"],
    "streams": ["client", "registry"],
    "connect": ["client", "registry"],
    "cli": ["broker", "registry", "streams", "connect"],
}

# The real clock, disk, network and threads: who starts a process picks them, nobody else knows them.
REAL_SEAMS = "base/real/"
KNOWS_REAL_SEAMS = ("src/base/", "src/cli/", "src/broker/run_node.cc")

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


def reachable(folder):
    found, pending = {folder}, [folder]
    while pending:
        for below in MAY_INCLUDE[pending.pop()]:
            if below not in found:
                found.add(below)
                pending.append(below)
    return found


def check(source):
    if not source.is_cpp or not source.folder:
        return []
    if source.folder not in MAY_INCLUDE:
        return [source.finding(1, f"{source.folder} has no rank: give it one in tests/tidy/layers.py and docs/README.md")]
    allowed = reachable(source.folder)
    findings = []
    for match in _INCLUDE.finditer(source.text):
        line = source.text.count("\n", 0, match.start()) + 1
        target = match.group(1).split("/")[0]
        if "/" not in match.group(1):
            findings.append(source.finding(line, f'"{match.group(1)}": include paths start at src/'))
        elif target not in allowed:
            findings.append(source.finding(line, f'{source.folder} may not include "{match.group(1)}"'))
        elif match.group(1).startswith(REAL_SEAMS) and not source.path.startswith(KNOWS_REAL_SEAMS):
            findings.append(source.finding(line, f'"{match.group(1)}": take the seam as an argument'))
    return findings

"""Planted bugs that are kept as patches must go on applying to the tree, or nobody notices that they are found no more."""

import subprocess


def check(root, paths):
    findings = []
    for path in paths:
        if not path.endswith(".patch"):
            continue
        applied = subprocess.run(["git", "-c", "safe.directory=*", "apply", "--check", path], cwd=root, capture_output=True, text=True)
        if applied.returncode != 0:
            findings.append(f"{path}:1: does not apply any more: {applied.stderr.strip().splitlines()[0]}")
    return findings

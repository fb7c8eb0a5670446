"""A source file as the checks see it: its path from the root of the repository, its text, and its C++ without comments and strings."""

import os
import re

CPP = (".cc", ".h")
SCRIPTS = (".py", ".sh")
BUILD_FILES = (".cmake", "CMakeLists.txt", "Makefile")

# In this order, so that a quote in a comment opens no string. Raw strings first: they may hold anything.
_NOT_CODE = re.compile(
    r'R"(?P<mark>[^()\\ ]{0,16})\(.*?\)(?P=mark)"'
    r'|//[^\n]*|/\*.*?\*/'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'",
    re.DOTALL)


def _blank(match):
    text = match.group(0)
    kept = '""' if text[0] in '"R' else "0" if text[0] == "'" else " "
    return kept + "\n" * text.count("\n")


class Source:
    """One file. `code` equals `text` line for line, with comments, strings and characters blanked (C++ only)."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.is_cpp = path.endswith(CPP)
        self.is_python = path.endswith(".py") or text.startswith("#!/usr/bin/env python3")
        self.code = _NOT_CODE.sub(_blank, text) if self.is_cpp else ""

    @classmethod
    def read(cls, root, path):
        """None for a file that is not code: a document, data, a picture."""
        with open(os.path.join(root, path), "rb") as file:
            data = file.read()
        if not path.endswith(CPP + SCRIPTS + BUILD_FILES) and not data.startswith(b"#!"):
            return None
        return cls(path, data.decode("utf-8"))

    @property
    def folder(self):
        """The folder below src/ or include/, '' for a file elsewhere."""
        parts = self.path.split("/")
        return parts[1] if parts[0] in ("src", "include") and len(parts) > 2 else ""

    def line_of(self, position):
        """The line, from 1, of a position in `code`."""
        return self.code.count("\n", 0, position) + 1

    def finding(self, line, message):
        return f"{self.path}:{line}: {message}"

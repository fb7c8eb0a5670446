"""Where the suite finds what it shares with the others."""

from __future__ import annotations

import paths  # noqa: F401

"""``python -m smartify_core.cli``: the same as ``smartify``."""

from __future__ import annotations

import sys

from smartify_core.cli import main

if __name__ == "__main__":
    sys.exit(main())

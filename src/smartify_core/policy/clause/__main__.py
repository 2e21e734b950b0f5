"""Print the page of the clause."""

from __future__ import annotations

import sys

from ._page import clause_page

if __name__ == "__main__":
    sys.stdout.write(clause_page())

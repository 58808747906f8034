"""``python -m lorebot``: the console script where it is not on the path."""

from __future__ import annotations

from lorebot.cli import main

if __name__ == "__main__":
    main()

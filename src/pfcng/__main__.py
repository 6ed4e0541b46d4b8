"""``python -m pfcng``: the same as ``pfcng``."""

from pfcng.cli import main

main()

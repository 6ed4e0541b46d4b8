"""The program, as ``pfcng`` and as ``python -m pfcng``."""

import sys

_INTERRUPTED = 130
"""As ``pfcng.cli.french`` has it, which is not loaded yet."""


def main() -> None:
    """Run the command line; Ctrl-C while the program is still being loaded ends it without a trace, as later."""
    try:
        from pfcng import cli  # noqa: PLC0415 - see above
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    cli.main()


if __name__ == "__main__":
    main()

"""What ends a server: Ctrl-C, SIGTERM, and the terminal that is closed (SIGHUP)."""

import signal
from collections.abc import Callable


def interrupt_on_signal() -> None:
    """From now on the first signal raises KeyboardInterrupt, and those that follow it do nothing."""

    def interrupt() -> None:
        ignore_signals()
        raise KeyboardInterrupt

    call_on_signal(interrupt)


def ignore_signals() -> None:
    """From now on what is made is cleaned up, whatever comes."""
    call_on_signal(lambda: None)


def call_on_signal(act: Callable[[], None]) -> None:
    """Do this when a signal comes, in the main thread, which must be the caller."""
    for number in _ending():
        signal.signal(number, lambda *_: act())


def _ending() -> tuple[signal.Signals, ...]:
    hang_up: signal.Signals | None = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up is None or signal.getsignal(hang_up) is signal.SIG_IGN:  # nohup asks to survive the terminal
        return (signal.SIGINT, signal.SIGTERM)
    return (signal.SIGINT, signal.SIGTERM, hang_up)

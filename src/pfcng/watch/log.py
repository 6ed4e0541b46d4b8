"""The technical log of every program: one JSON object an event, or a line for a person in a terminal.

What an event has of the request or the job it belongs to (``incident``) comes by itself: whoever begins one binds it
(`structlog.contextvars`), and threads that are started for it have it too.

An exception is told by its kind and its frames. Its words are left out, and so are the variables of the frames: both
quote rows, and with them codes de révocation and the bodies of mails.
"""

import logging
import sys
import traceback
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger


def log_as_json() -> None:
    """For a program that another one reads: journald, a collector."""
    rendering = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    _configure(structlog.processors.TimeStamper(fmt="iso", utc=True), rendering, logging.INFO)


def log_for_people(level: int = logging.INFO) -> None:
    """For a person in front of a terminal, from that level on."""
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), pad_event_to=20, exception_formatter=structlog.dev.plain_traceback
    )

    def rendering(logger: WrappedLogger, method: str, event: EventDict) -> str:
        if "frames" in event:
            event["exception"] = event.pop("frames").rstrip()
        return console(logger, method, event)

    _configure(structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False), rendering, level)


def _configure(stamp: Processor, rendering: Processor, level: int) -> None:
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        stamp,
        _without_words,
    ]
    structlog.configure(
        processors=[*shared, rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(sys.stderr),
    )
    # What libraries say, in the same form; of their lesser news, nothing.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[*shared[:-1], structlog.stdlib.add_logger_name],
            processors=[_without_words, ProcessorFormatter.remove_processors_meta, rendering],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


class _Lines(structlog.PrintLogger):
    """Writes lines, and loses those that cannot be written: a full disk, or a reader that is gone, stops no request.

    What is lost is counted.
    """

    def msg(self, message: str) -> None:
        """Write one."""
        try:
            super().msg(message)
        except (OSError, ValueError):  # ValueError: the stream was closed
            from pfcng.watch import metrics  # noqa: PLC0415 - the client's commands log too, and count nothing

            metrics.LOG_LOST.inc()

    debug = info = warning = error = critical = exception = msg


def _without_words(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """An exception's kind and frames."""
    told = event.pop("exc_info", None)
    error: Any = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException):
        event["kind"] = type(error).__name__
        event["frames"] = "".join(traceback.format_tb(error.__traceback__))
    return event

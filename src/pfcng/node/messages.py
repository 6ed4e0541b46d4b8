"""What the parent and its processes tell each other: one JSON object a line, over a socket pair (docs/serving.md)."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pfcng.node.faults import StartFault
from pfcng.settings import PlatformSettings


class Kind(StrEnum):
    """What a process does."""

    SERVES = "serves"
    WORKS = "works"


class Said(StrEnum):
    """What a line says: the first four by a process, the others by the parent."""

    ALIVE = "alive"
    READY = "ready"
    FAULT = "fault"
    RENEWED = "renewed"
    RENEW = "renew"
    STOP = "stop"


class Loss(StrEnum):
    """What became of a process that has to be replaced: it ended, or its loop stood still and it was killed."""

    ENDED = "ended"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a process is told before anything else, on its standard input.

    Attributes:
        kind: What it does.
        name: What the log calls it.
        text: The file of the settings as the parent read it: a process that starts later has the same settings.
        folder: What the file's paths are relative to.
        control: File descriptor of its end of the socket pair.
        service: File descriptor of the Web Service's socket; that of a process that serves, like the next two.
        http: Of the publication's; None when nothing is published here.
        exploitation: Of health and metrics'.
        has_worker: A worker is among the node's processes.
        counts: Folder in which every process of the node counts (`pfcng.watch.metrics`).
        replaces: What became of the process whose place it takes, if it takes one's.
    """

    kind: Kind
    name: str
    text: str
    folder: str
    control: int = -1
    service: int | None = None
    http: int | None = None
    exploitation: int | None = None
    has_worker: bool = False
    counts: str = ""
    replaces: Loss | None = None

    @property
    def descriptors(self) -> list[int]:
        """What the process inherits beside the standard streams."""
        return [number for number in (self.control, self.service, self.http, self.exploitation) if number is not None]

    def settings(self) -> PlatformSettings:
        """Read the settings again; the environment is the parent's."""
        return PlatformSettings.parse(self.text, Path(self.folder))

    def to_json(self) -> bytes:
        """One object."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "Assignment":
        """The reverse."""
        told = json.loads(content)
        replaces = told["replaces"] and Loss(told["replaces"])
        return cls(**{**told, "kind": Kind(told["kind"]), "replaces": replaces})


def line(said: Said, fault: StartFault | None = None) -> bytes:
    """A line, with what went wrong."""
    told: dict[str, object] = {"said": said}
    if fault is not None:
        told |= {"message": str(fault), "is_outage": fault.is_outage}
    return json.dumps(told).encode() + b"\n"


def read_line(content: bytes) -> tuple[Said, StartFault | None]:
    """The reverse."""
    told: dict[str, Any] = json.loads(content)
    fault = StartFault(told["message"], is_outage=told["is_outage"]) if "message" in told else None
    return Said(told["said"]), fault

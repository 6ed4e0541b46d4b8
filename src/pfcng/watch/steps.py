"""How long each step of a request takes, for a few microseconds a step; its span too, where traces are wanted."""

from contextlib import AbstractContextManager
from enum import StrEnum
from time import perf_counter
from types import TracebackType
from typing import Final, Self

from pfcng.watch import tracing
from pfcng.watch.metrics import STEP_SECONDS


class Step(StrEnum):
    """The steps, in their order (web/pipeline.py)."""

    ADMISSION = "admission"
    RECEPTION = "reception"
    LISTE_BLANCHE = "liste_blanche"
    ENVELOPPE = "enveloppe"
    SIGNATURE = "signature"
    LOT = "lot"
    SCHEMA = "schema"
    OPERATION = "operation"
    REPONSE = "reponse"
    LIVRAISON = "livraison"


_SECONDS: Final = {step: STEP_SECONDS.labels(step.value) for step in Step}


class timed:  # noqa: N801 - used as a statement: with timed(Step.SIGNATURE)
    """Time the block, whether it ends well or not."""

    __slots__ = ("_began", "_span", "_step")

    def __init__(self, step: Step) -> None:
        self._step = step

    def __enter__(self) -> Self:
        self._span: AbstractContextManager[object] | None = tracing.span(self._step)
        if self._span is not None:
            self._span.__enter__()
        self._began = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _SECONDS[self._step].observe(perf_counter() - self._began)
        if self._span is not None:
            self._span.__exit__(kind, error, trace)

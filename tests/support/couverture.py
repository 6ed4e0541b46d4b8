"""Which test holds which row of the guide: ``docs/couverture.toml``, kept by hand, and what it has to name.

A row has the tests that hold it, or the sentence that says why there is none yet. A test is named as pytest names it
(``tests/…/test_x.py::test_y``, with or without its parameters, ``[usage-*]`` for all that begin so) or, for a golden
case, by its folder (``cas/…``).
"""

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from pfcng.contract.catalogue import Usage
from pfcng.contract.codes import CODES, RMT_ERRORS
from pfcng.contract.messages import (
    XML_NAME,
    DemandeCertificat,
    ReponseDemande,
    ReponseDemandeCertificats,
    ReponseRenouvellementCertificat,
    ReponseRetraitCertificat,
    ReponseRevocationCertificat,
    ReponseSuiviActivite,
    RequeteRenouvellementCertificat,
    RequeteRetraitCertificat,
    RequeteRevocationCertificat,
    RequeteSuiviActivite,
    Resultat,
)
from support.golden import CASES

ROOT: Final = Path(__file__).parents[2]
COUVERTURE: Final = ROOT / "docs" / "couverture.toml"
CASE: Final = "cas/"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: what the guide calls it, and the tests that hold it, or why there is none."""

    name: str
    tests: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the guide, or a list in it."""

    number: str
    title: str
    rows: tuple[Row, ...]


def _elements(*messages: type) -> tuple[str, ...]:
    return tuple(field.metadata[XML_NAME] for message in messages for field in fields(message))


_LOT: Final = tuple(name for name in _elements(ReponseDemandeCertificats) if name != "demande")
ELEMENTS: Final[dict[str, tuple[str, ...]]] = {
    "11": _elements(DemandeCertificat),
    "12": (*_LOT, *(f"demande/{name}" for name in _elements(ReponseDemande))),
    "13": _elements(RequeteRetraitCertificat),
    "14": _elements(ReponseRetraitCertificat),
    "15": _elements(RequeteRevocationCertificat),
    "16": _elements(ReponseRevocationCertificat),
    "17": _elements(RequeteRenouvellementCertificat),
    "18": _elements(ReponseRenouvellementCertificat),
    "19": _elements(RequeteSuiviActivite),
    "20": _elements(ReponseSuiviActivite),
    "21": _elements(Resultat),
}
_ACTIONS: Final = ("demander", "renouveler", "retirer", "annuler", "révoquer", "suivre")

EXPECTED: Final[dict[str, tuple[str, ...]]] = {
    "5": (
        "Administrateur technique, ORG",
        "Administrateur technique, SERV",
        "Administrateur technique, PRO",
        "Porteur CL, PS",
        "Porteur CL, PRO",
        "Porteur CL, PRO, structure de rattachement",
        "Demandeur (PS ou PF) à titre personnel, PS",
    ),
    "6": (
        *(f"Porteur CL : {action}" for action in ("révoquer", "suivre")),
        *(f"Demandeur PS à titre personnel : {action}" for action in _ACTIONS),
        *(f"Demandeur PF à titre personnel : {action}" for action in _ACTIONS),
        *(f"Administrateur technique : {action}" for action in _ACTIONS),
    ),
    "7": tuple(usage.value for usage in Usage),
    **ELEMENTS,
    "22": tuple(CODES),
    "chapitre 20": tuple(RMT_ERRORS),
    "courriels": tuple(f"NMG-{number:03}" for number in (1, 3, 5, 6, 8, 9, 13, 14)),
}
"""Every row that there must be, in the guide's order."""


def tables() -> list[Table]:
    """What the file says."""
    told = tomllib.loads(COUVERTURE.read_text("utf-8"))
    return [
        Table(number, content.pop("titre"), tuple(_row(name, value) for name, value in content.items()))
        for number, content in told.items()
    ]


def _row(name: str, value: str | list[str]) -> Row:
    return Row(name, (), value) if isinstance(value, str) else Row(name, tuple(value))


def missing(tests: set[str]) -> set[str]:
    """Those of the tests that are not there. Parameters are asked of pytest, the rest of the source."""
    cases = {test for test in tests if test.startswith(CASE)}
    parametrized = {test for test in tests - cases if "[" in test}
    absent = {test for test in cases if not (CASES / test.removeprefix(CASE)).is_dir()}
    absent |= {test for test in tests - cases - parametrized if test not in _functions(test.partition("::")[0])}
    collected = _collected({test.partition("::")[0] for test in parametrized})
    return absent | {test for test in parametrized if not any(_names(test, node) for node in collected)}


def _names(test: str, node: str) -> bool:
    return node.startswith(test.removesuffix("*]")) if test.endswith("*]") else node == test


def _functions(file: str) -> Iterator[str]:
    path = ROOT / file
    if path.is_file():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield f"{file}::{node.name}"


def _collected(files: set[str]) -> set[str]:
    """What pytest collects of these files."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *sorted(files)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines())

"""The inventory for other programs: CSV, JSON, and Prometheus text for the node exporter's textfile collector."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from enum import StrEnum
from typing import Final

from pfcng.client.parc import Line


class Format(StrEnum):
    """What the inventory can be written as."""

    CSV = "csv"
    JSON = "json"
    PROMETHEUS = "prometheus"


_COLUMNS: Final = tuple(field.name for field in fields(Line))
_LABELS: Final = ("nom", "produit", "structure", "application", "numero_serie", "etat")


def export(lines: Sequence[Line], form: Format, *, now: datetime, read_at: datetime | None) -> str:
    """The inventory in one of its forms; times are UTC or carry their offset."""
    return _WRITERS[form](lines, now, read_at)


def _csv(lines: Sequence[Line], now: datetime, _: datetime | None) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*_COLUMNS, "jours"))
    for line in lines:
        values = {**asdict(line), "lieux": " | ".join(line.lieux)}
        days = line.days_left(now)
        writer.writerow((*(_plain(values[name]) for name in _COLUMNS), "" if days is None else days))
    return text.getvalue()


def _plain(value: str) -> str:
    """A spreadsheet takes what begins like a formula for one."""
    return f"'{value}" if value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def _json(lines: Sequence[Line], now: datetime, read_at: datetime | None) -> str:
    document = {
        "version": 1,
        "le": now.isoformat(timespec="seconds"),
        "plateforme_lue_le": read_at.isoformat(timespec="seconds") if read_at else None,
        "certificats": [{**asdict(line), "jours": line.days_left(now)} for line in lines],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _prometheus(lines: Sequence[Line], now: datetime, read_at: datetime | None) -> str:
    dated = [line for line in lines if line.fin]
    blocks = [
        _block(
            "pfcng_certificat_fin_validite_timestamp_seconds",
            "Fin de validité du certificat.",
            [(_labels(line), line.fin.timestamp()) for line in dated if line.fin],
        ),
        _block(
            "pfcng_certificat_a_traiter",
            "1 si une étape reste à finir, a échoué ou a été refusée.",
            [(_labels(line), 1.0 if line.detail and line.nom else 0.0) for line in lines],
        ),
        _block("pfcng_parc_export_timestamp_seconds", "Dernier export du parc.", [("", now.timestamp())]),
    ]
    if read_at:
        name = "pfcng_parc_plateforme_timestamp_seconds"
        blocks.append(_block(name, "Dernière lecture du suivi de la plateforme.", [("", read_at.timestamp())]))
    return "".join(blocks)


def _block(name: str, text: str, samples: Sequence[tuple[str, float]]) -> str:
    lines = [
        f"# HELP {name} {text}",
        f"# TYPE {name} gauge",
        *(f"{name}{labels} {value:.0f}" for labels, value in samples),
    ]
    return "\n".join(lines) + "\n"


def _labels(line: Line) -> str:
    values = asdict(line)
    return "{" + ",".join(f'{name}="{_escaped(values[name])}"' for name in _LABELS) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


_WRITERS: Final[dict[Format, Callable[[Sequence[Line], datetime, datetime | None], str]]] = {
    Format.CSV: _csv,
    Format.JSON: _json,
    Format.PROMETHEUS: _prometheus,
}

"""The journal (traçabilité): what was done or refused, by whom, when, with which result (guide §20).

It never holds a secret: no key, no CSR, no code de révocation, no mail. What is committed when, and what meets each
kind of tampering: docs/journal.md.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg.types.json import Jsonb

from pfcng.contract.catalogue import Environment
from pfcng.store.database import DbConnection, Receipt

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FORM: Final = b"pfcng.journal.1"
"""The encoding's own name: entries with other fields will have another."""
MAX_DETAIL: Final = 1000
"""Characters of ``detail`` that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One act. The fields are the columns, in their order.

    Attributes:
        acte: Operation, or what the platform did by itself.
        resultat: ``accepté``, ``refusé`` or the transition that was made.
        code: The guide's code of a refusal.
        detail: The precise cause, which the client is not told.
    """

    le: datetime
    incident: str
    acte: str
    resultat: str
    code: str | None = None
    detail: str | None = None
    environment: Environment | None = None
    acteur: str | None = None
    administrateur: str | None = None
    signataire: str | None = None
    titulaire_tls: str | None = None
    adresse: str | None = None
    lot: int | None = None
    demande: int | None = None


COLUMNS: Final = (
    "le, incident, acte, resultat, code, detail, environnement, acteur, administrateur, signataire, titulaire_tls, "
    "adresse, lot, demande"
)
"""The columns of the fields, in their order."""
_NAMES: Final = tuple(COLUMNS.split(", "))
READING: Final = f"""
CASE WHEN le BETWEEN '1970-01-01' AND '9000-01-01' THEN le END, {COLUMNS.removeprefix("le, ")}
"""
"""The same, to be read: a time that Python does not have is none, and so never the one that was sealed."""


def write(connection: DbConnection, entries: Iterable[JournalEntry]) -> None:
    """Append the entries, in the transaction of what they tell (J1).

    What a column cannot hold is made fit: no hostile value keeps a refusal out of the journal.
    """
    fitting = [_fit(entry) for entry in entries]
    if not fitting:
        return
    rows = Jsonb([_row(entry) for entry in fitting])
    numbers = sorted(row["id"] for row in connection.execute(_INSERT, (rows,)))
    connection.receipts += [
        Receipt(numero, digest(numero, entry)) for numero, entry in zip(numbers, fitting, strict=True)
    ]


# Rows are inserted, and so numbered, in the order of the entries.
_INSERT: Final = f"""
INSERT INTO journal ({COLUMNS})
SELECT {COLUMNS.replace("environnement", "environnement::environnement")}
FROM ROWS FROM (jsonb_to_recordset(%s) AS (
        le timestamptz, incident text, acte text, resultat text, code text, detail text, environnement text,
        acteur text, administrateur text, signataire text, titulaire_tls text, adresse text, lot bigint,
        demande bigint))
    WITH ORDINALITY AS e ({COLUMNS}, rang)
ORDER BY rang RETURNING id
"""  # noqa: S608 - the columns are this module's own


def _row(entry: JournalEntry) -> dict[str, Any]:
    le, *others = _columns(entry)
    return dict(zip(_NAMES, (le.isoformat(), *others), strict=True))


def _columns(entry: JournalEntry) -> tuple[Any, ...]:
    """The fields in their order; `astuple` copies each."""
    return tuple(getattr(entry, name) for name in _FIELDS)


_FIELDS: Final = tuple(field.name for field in fields(JournalEntry))


def digest(numero: int, entry: JournalEntry) -> bytes:
    """The digest of an entry that has this number."""
    return digest_columns(numero, _columns(entry))


def digest_columns(numero: int, columns: Sequence[Any]) -> bytes:
    """SHA-256 of an entry's number and columns in their order, each one either absent or with its length.

    Times are microseconds since 1970. The database computes the same (``journal_empreinte``, revision 0004).
    """
    le = None if columns[0] is None else (columns[0] - _EPOCH) // _MICROSECOND
    return hashlib.sha256(_FORM + b"".join(map(_encode, (numero, le, *columns[1:])))).digest()


def _encode(field: object) -> bytes:
    """One octet that tells whether there is a value, its length on four octets, the value in UTF-8."""
    if field is None:
        return b"\x00"
    value = str(field).encode()
    return b"\x01" + len(value).to_bytes(4, "big") + value


def _fit(entry: JournalEntry) -> JournalEntry:
    """The entry without what PostgreSQL's text cannot hold (NUL, lone surrogates), its detail cut."""
    texts: dict[str, Any] = {name: _fit_text(value) for name in _TEXTS if (value := getattr(entry, name)) is not None}
    if entry.detail is not None:
        texts["detail"] = texts["detail"][:MAX_DETAIL]
    return replace(entry, **texts)


_TEXTS: Final = (
    "incident",
    "acte",
    "resultat",
    "code",
    "detail",
    "acteur",
    "administrateur",
    "signataire",
    "titulaire_tls",
    "adresse",
)


def _fit_text(value: str) -> str:
    return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")

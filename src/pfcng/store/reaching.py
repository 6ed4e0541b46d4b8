"""Whether a connection string leads to a database; why not, in French and without a part of the string."""

import re
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_PATIENCE: Final = 10
"""Seconds that a server may take to answer."""
_CAUSES: Final = {
    "refused|no such file": "aucun serveur n’écoute à cette adresse",
    "servname|invalid|definition of service": "un réglage de la chaîne de connexion n’est pas valable",
    "could not translate host name|failed to resolve|name or service not known": "ce nom de serveur est inconnu",
    "password|mot de passe": "le mot de passe manque ou n’est pas le bon",
    "database .* does not exist|base de données .* n'existe pas": "cette base n’existe pas",
    "role .* does not exist|rôle .* n'existe pas": "cet utilisateur n’existe pas",
    "timeout|couldn't get a connection": "le serveur ne répond pas",
    "closed the connection|connection .* (lost|closed)|terminating": "la connexion est tombée",
    "ssl|certificate": "la connexion chiffrée (SSL) ne s’établit pas",
}
"""What libpq says, in part, and its meaning; its own words may hold what the string holds. Either language."""


_UNSAID: Final = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""How long a server may be silent that lost its power or its network, and says nothing of it: TCP alone would have a
request wait for a quarter of an hour, and who listens for two. Another host of the string is tried in time."""


class UnreadableDsn(ValueError):
    """What is given is no connection string of libpq."""


class Unreachable(Exception):
    """No connection to the database; the message is the end of a French sentence."""


def check_dsn(dsn: str) -> None:
    """See that a string is a libpq connection string, before anything is made of it.

    Raises:
        UnreadableDsn: It is not; the exception has nothing of it, for it may hold a password.
    """
    try:
        told = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        told = {}
    if not told:
        raise UnreadableDsn


def lasting(dsn: str, options: str) -> str:
    """The string for connections that are kept: a server that is gone is noticed, unless the string says otherwise.

    Args:
        dsn: libpq connection string.
        options: Of the server, after those of the string.
    """
    told = conninfo_to_dict(dsn)
    together = f"{told.get('options', '')} {options}".strip()
    return make_conninfo("", **{**_UNSAID, **told, "options": together})


def reach(dsn: str) -> None:
    """Connect once: a pool would only say that it waited.

    Raises:
        UnreadableDsn: The string is none.
        Unreachable: Nobody answers, or nobody lets us in.
    """
    check_dsn(dsn)
    try:
        psycopg.connect(dsn, connect_timeout=_PATIENCE).close()
    except psycopg.OperationalError as error:
        raise Unreachable(cause(error)) from None


def cause(error: psycopg.OperationalError) -> str:
    """Why a connection failed or ended."""
    text = str(error).lower()
    found = (meaning for words, meaning in _CAUSES.items() if re.search(words, text))
    return next(found, "la connexion échoue")

"""What keeps a program of the exploitant from starting, told in French."""

import errno
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from ssl import SSLError
from typing import Final, TypeVar

import psycopg
from psycopg.errors import LockNotAvailable
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from pfcng.mistakes import french, place, reason, toml_fault
from pfcng.pki.signers.sources import CredentialError
from pfcng.pki.trust import InvalidTrustAnchors
from pfcng.store.migrations import UnsuitableDatabase
from pfcng.store.reaching import Unreachable, UnreadableDsn
from pfcng.watch.tracing import TracesUnavailable

T = TypeVar("T")
_PASSING: Final = frozenset(
    {errno.EAGAIN, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.ESTALE, errno.ETIMEDOUT}
)
"""What a system refuses for a time; the rest (no such file, no right to it) is to be corrected."""


class StartFault(Exception):
    """The program cannot start; the message is French and says what to do.

    Attributes:
        is_outage: Something does not answer, which may answer later; else something is to be corrected.
    """

    def __init__(self, message: str, *, is_outage: bool = False) -> None:
        super().__init__(message)
        self.is_outage = is_outage


def read_settings(where: str, read: Callable[[], T], unsound: Callable[[], list[str]] = list) -> T:
    """The settings, or every fault of them at once.

    Args:
        where: What is told of the place of the settings.
        read: Reads them.
        unsound: Looks at what the settings lead to; called unless there is nothing that can be read.

    Raises:
        StartFault: They are to be corrected.
    """
    try:
        settings, faults = read(), unsound()
    except OSError as error:
        faults = [f"le fichier ne peut pas être lu ({reason(error)})"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults = [toml_fault(error)]
    except SettingsError:
        faults = ["une variable PFCNG_… n’est pas de la forme attendue : une liste ou une table s’écrit en JSON"]
    except ValidationError as error:
        faults = [_told(fault) for fault in error.errors(include_input=False, include_url=False)] + unsound()
    else:
        if not faults:
            return settings
    lines = "".join(f"\n  {fault}" for fault in faults)
    raise StartFault(f"les réglages de {where} sont à corriger.{lines}")


def _told(fault: ErrorDetails) -> str:
    setting = ".".join(map(str, fault["loc"]))
    return f"{setting} : {french(fault)}" if setting else french(fault)


def settings_place(file: Path | None) -> str:
    """How the place of the settings is told."""
    return "l’environnement" if file is None else str(file)


@contextmanager
def faults_told() -> Iterator[None]:
    """Tell what fails while the parts of a program are put together.

    Raises:
        StartFault: Something did.
    """
    try:
        yield
    except (CredentialError, InvalidTrustAnchors) as error:
        raise StartFault(f"un certificat ou sa clé ne peut pas servir : {error}") from error
    except TracesUnavailable as error:
        raise StartFault("« traces » demande OpenTelemetry : pip install 'pfcng[traces]'.") from error
    except SSLError as error:
        raise StartFault(f"OpenSSL refuse un certificat ou une clé des réglages ({error.reason}).") from error
    except UnsuitableDatabase as error:
        raise StartFault(str(error)) from error
    except UnreadableDsn:
        raise StartFault("dsn : la chaîne de connexion ne se lit pas.") from None
    except Unreachable as error:
        raise StartFault(f"la base ne répond pas : {error}.", is_outage=True) from None
    except LockNotAvailable:
        raise StartFault(
            "une longue transaction, une sauvegarde par exemple, tient des tables de pfcng : rien n’a été changé, "
            "recommencez quand elle sera finie.",
            is_outage=True,
        ) from None
    except psycopg.Error as error:
        # libpq's own words would show a part of the string, which may hold a password.
        told = "ne répond pas" if error.sqlstate is None else f"a refusé (SQLSTATE {error.sqlstate})"
        raise StartFault(f"la base {told}.", is_outage=True) from None
    except OSError as error:
        told = f"{place(error) or 'le système'} : {reason(error)}."
        raise StartFault(told, is_outage=error.errno in _PASSING) from error

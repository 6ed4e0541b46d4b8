"""The ceremony as it is held: choices checked, questions asked, acts told. Loading it takes the longest of a start."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import fasteners
import typer
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.cli.ceremonie import Monde
from pfcng.cli.french import INTERRUPTED
from pfcng.cli.key_options import CeremonyKeys, Lieu
from pfcng.cli.output import Status
from pfcng.cli.work.asking import is_agreed
from pfcng.contract.catalogue import Environment
from pfcng.igc.ceremony import Ceremony, CeremonyFault, ForeignKey, Made
from pfcng.igc.ceremony_notes import Notes, NotesFault, write_whole
from pfcng.igc.lint import UnfitToSign
from pfcng.igc.record import RECORD, SIGNATURE, describe, sign_record, write_record
from pfcng.igc.root_crl import UnfitCrl
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import EMULATEUR, AuthorityName
from pfcng.pki.signers.keyring import Keyring
from pfcng.pki.signers.outside import KeyUnavailable
from pfcng.pki.signers.sources import CredentialError, KeySource
from pfcng.watch.log import log_for_people

SIZES: Final = (2048, 3072, 4096)
_MIN_YEARS: Final = 4
"""A holder's certificate lives three years, and inside its authority's life."""
_MAX_YEARS: Final = 50


class CeremonyStopped(Exception):
    """The ceremony does not go on; the message is French, and what was done stays done."""

    def __init__(self, message: str, status: Status) -> None:
        super().__init__(message)
        self.status = status


def stop_for(faults: Sequence[str]) -> None:
    """Stop when there are any.

    Raises:
        CeremonyStopped: so.
    """
    if faults:
        raise CeremonyStopped("\n".join(f"Erreur : {text}" for text in faults), Status.USAGE)


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The command line."""

    folder: Path
    environment: Monde
    url_http: str
    url_ldap: str | None
    place: Lieu
    root_place: Lieu
    bits: int
    years: int
    strict: bool
    keys: CeremonyKeys
    accept_existing: bool
    participants: tuple[str, ...]
    yes: bool

    def check(self) -> None:
        """See that what was given holds together.

        Raises:
            CeremonyStopped: it does not.
        """
        no_ldap = self.url_ldap is not None and not _is_root(self.url_ldap, "ldap")
        faults = (
            (self.bits not in SIZES, "--taille : 2048, 3072 ou 4096."),
            (not _MIN_YEARS <= self.years <= _MAX_YEARS, f"--validite : de {_MIN_YEARS} à {_MAX_YEARS} ans."),
            (not _is_root(self.url_http, "http"), "--url-http : une adresse http:// sans barre finale."),
            (no_ldap, "--url-ldap : une adresse ldap:// sans barre finale."),
        )
        found = [text for is_fault, text in faults if is_fault]
        stop_for(found + self.keys.options.faults((self.place, self.root_place)))

    @property
    def ldap(self) -> str:
        """The directory of the CRLs."""
        return self.url_ldap or f"ldap://{urlsplit(self.url_http).hostname or ''}"

    def key_of(self, name: AuthorityName) -> KeySource:
        """Where the key of an authority is, or is to be made."""
        return self.keys.source(name.file_stem, self.root_place if name.is_root else self.place)


def run(choices: Choices) -> None:
    """Hold the ceremony, from where it was left.

    Raises:
        CeremonyStopped: it does not go on.
    """
    log_for_people()
    choices.check()
    with faults_told(), Keyring() as keyring, alone(choices.folder):
        ceremony = Ceremony(
            environment=Environment(choices.environment),
            folder=choices.folder,
            markers=() if choices.strict else (EMULATEUR,),
            urls=PublicationUrls(http=choices.url_http, ldap=choices.ldap, ocsp=f"{choices.url_http}/ocsp"),
            bits=choices.bits,
            years=choices.years,
            key_of=choices.key_of,
            keyring=keyring,
            clock=lambda: datetime.now(UTC),
            accept_existing=choices.accept_existing,
        )
        notes = ceremony.notes()
        if (choices.folder / SIGNATURE).exists():
            typer.echo(f"Cette cérémonie est finie. Procès-verbal : {choices.folder / RECORD}")
            return
        _hold(ceremony, choices, notes)


def _hold(ceremony: Ceremony, choices: Choices, notes: Notes) -> None:
    made: dict[AuthorityName, Made] = {}
    steps = len(ceremony.names) + 1
    for number, name in enumerate(ceremony.names, 1):
        typer.echo(f"\nÉtape {number} sur {steps} : {name.common_name}")
        if ceremony.certificate(name) is None:
            kind = "racine" if name.is_root else f"AC sous {name.root.common_name}"
            typer.echo(f"  {kind} ; clé RSA de {choices.bits} bits. {ceremony.key_of(name)}.")
            confirm(yes=choices.yes)
        made[name] = ceremony.make(name, notes, made)
        _tell(made[name])
    typer.echo(f"\nÉtape {steps} sur {steps} : CRL des racines et procès-verbal")
    confirm(yes=choices.yes)
    _conclude(ceremony, choices, made)


def _conclude(ceremony: Ceremony, choices: Choices, made: dict[AuthorityName, Made]) -> None:
    """The CRLs and the signed record; the signature comes last, and says that all is done."""
    roots = [one for one in made.values() if one.name.is_root]
    crls = [(root.name.file_stem, ceremony.make_crl(root)) for root in roots]
    text = write_record(
        environment=ceremony.environment,
        made=made.values(),
        crls=crls,
        participants=choices.participants,
        now=ceremony.clock(),
    ).encode()
    write_whole(choices.folder / "racines.pem", _bundle(roots))
    write_whole(choices.folder / RECORD, text)
    signature = sign_record(text, [(root.certificate, ceremony.open(root)) for root in roots])
    write_whole(choices.folder / SIGNATURE, signature)
    typer.echo(f"  Procès-verbal : {choices.folder / RECORD}")
    typer.echo("  Pour le vérifier, dans ce dossier :")
    typer.echo(
        f"    openssl cms -verify -binary -inform DER -in {SIGNATURE} -content {RECORD} -CAfile racines.pem "
        "-purpose any -out /dev/null"
    )


def _tell(made: Made) -> None:
    typer.echo("  Faite." if made.new else "  Déjà faite, et vérifiée.")
    for label, value in describe(made):
        typer.echo(f"  {label:<20} {value}")


def confirm(*, yes: bool) -> None:
    """Ask whether to go on.

    Raises:
        CeremonyStopped: no.
    """
    if not (yes or is_agreed("  Continuer ?")):
        raise CeremonyStopped("Arrêtée. Relancez la même commande pour reprendre.", Status.REFUSED)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One ceremony at a time in a folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = fasteners.InterProcessLock(folder / ".verrou")
        if not lock.acquire(blocking=False):
            raise CeremonyStopped(f"Erreur : une cérémonie est en cours dans {folder}.", Status.USAGE)
    except OSError as error:
        raise CeremonyStopped(f"Erreur : {folder} ne peut pas servir : {error.strerror}.", Status.USAGE) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def stops_told() -> Iterator[None]:
    """Exit as a ceremony that stopped says."""
    try:
        yield
    except CeremonyStopped as stopped:
        typer.echo(str(stopped), err=True)
        raise typer.Exit(stopped.status) from None
    except KeyboardInterrupt:
        typer.echo("\nInterrompue. Relancez la même commande pour reprendre.", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def faults_told() -> Iterator[None]:
    """Whatever stops a ceremony, told in French."""
    try:
        yield
    except ForeignKey as error:
        advice = "Si c’est bien la clé à employer, ajoutez --cles-existantes."
        raise CeremonyStopped(f"Erreur : {error} {advice}", Status.USAGE) from error
    except (CeremonyFault, NotesFault, CredentialError, UnfitCrl) as error:
        raise CeremonyStopped(f"Erreur : {error}", Status.USAGE) from error
    except KeyUnavailable as error:
        message = f"Erreur : {error}\nRien n’est perdu : relancez la même commande pour reprendre."
        raise CeremonyStopped(message, Status.TRANSPORT) from error
    except UnfitToSign as error:
        raise CeremonyStopped(f"Erreur : un certificat n’a pas été signé ({error}).", Status.USAGE) from error
    except OSError as error:
        raise CeremonyStopped(f"Erreur : {error.filename} : {error.strerror}.", Status.USAGE) from error


def _bundle(made: list[Made]) -> bytes:
    return b"".join(one.certificate.public_bytes(Encoding.PEM) for one in made)


def _is_root(url: str, scheme: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme == scheme
            and bool(parts.hostname)
            and url.isascii()
            and not url.endswith("/")
            and not parts.query
        )
    except ValueError:
        return False

"""The ceremony that makes a hierarchy: three roots, the authorities below them, a CRL of each root.

Each act is noted before it is done: the serial and the dates of an authority are reserved, then its key is made, then
its certificate signed. A run that was cut goes on with the same values, and since a signature of these bytes is always
the same there is never a second certificate. A key that is there and that this ceremony did not announce is somebody's:
it is not taken without a word.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pfcng.contract.catalogue import Environment
from pfcng.igc import root_crl
from pfcng.igc.ceremony_notes import Notes, Reservation, write_whole
from pfcng.igc.hierarchy import AuthorityPlan, authority_serial, certify
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import AUTHORITIES, ROOTS, AuthorityName
from pfcng.pki.keys import Credential
from pfcng.pki.signers.keyring import Keyring
from pfcng.pki.signers.outside import is_key_of
from pfcng.pki.signers.sources import CredentialError, FileKey, KeySource

NOTES: Final = "ceremonie.json"
_BELOW: Final = timedelta(days=1)
"""An authority ends a day before its root, as the real ones."""


class CeremonyFault(Exception):
    """The ceremony cannot go on; the message is French."""


class ForeignKey(CeremonyFault):
    """There is a key already where one was to be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An authority that is there.

    Attributes:
        name: Which.
        certificate: Its certificate.
        key: Where its key is.
        reservation: What was noted before.
        new: Whether this run has made it.
    """

    name: AuthorityName
    certificate: x509.Certificate
    key: KeySource
    reservation: Reservation
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceremony:
    """One ceremony, cut or not.

    Attributes:
        environment: Whose hierarchy.
        folder: Where everything is written that is public, and the notes.
        markers: Organisational units that tell the authorities from the real ones.
        urls: Where they will publish.
        bits: Of each key.
        years: How long the roots live.
        key_of: Where the key of an authority is, or is to be made.
        keyring: Leads there.
        clock: The present, aware.
        accept_existing: Whether a key that is there already may be taken.
    """

    environment: Environment
    folder: Path
    markers: tuple[str, ...]
    urls: PublicationUrls
    bits: int
    years: int
    key_of: Callable[[AuthorityName], KeySource]
    keyring: Keyring = field(repr=False)
    clock: Callable[[], datetime]
    accept_existing: bool = False

    @property
    def names(self) -> tuple[AuthorityName, ...]:
        """In the order in which they are made."""
        return tuple(name for name in (*ROOTS, *AUTHORITIES) if name.environment is self.environment)

    def notes(self) -> Notes:
        """The notes of this ceremony.

        Raises:
            NotesFault: the folder has another ceremony's.
        """
        return Notes(self.folder / NOTES, self._choices())

    def make(self, name: AuthorityName, notes: Notes, made: Mapping[AuthorityName, Made]) -> Made:
        """Make an authority, or what is not done of it yet.

        Args:
            name: Which.
            notes: Of this ceremony.
            made: What is there, its root among it.

        Raises:
            ForeignKey: a key is there that was not announced.
            CeremonyFault: a certificate is there that is not the one that was noted.
            CredentialError: the key cannot be used or made.
            KeyUnavailable: it cannot be reached.
        """
        source = self.key_of(name)
        reservation = notes.find(name.file_stem) or self._reserve(name, source, notes, made)
        key = self._key(source, reservation)
        plan = AuthorityPlan(
            name=name,
            markers=self.markers,
            serial=reservation.serial,
            not_before=reservation.not_before,
            not_after=reservation.not_after,
            urls=self.urls,
        )
        root = None if name.is_root else made[name.root].certificate
        certificate = self.certificate(name)
        new = certificate is None
        if certificate is None:
            certificate = certify(
                plan,
                key.public_key(),
                Credential(certificate=root, chain=(), key=self.open(made[name.root])) if root else key,
            )
            self._store(name, certificate)
        self._check(certificate, plan, key, root or certificate)
        return Made(name=name, certificate=certificate, key=source, reservation=reservation, new=new)

    def make_crl(self, root: Made) -> x509.CertificateRevocationList:
        """The first CRL of a root, without entries."""
        credential = Credential(certificate=root.certificate, chain=(), key=self.open(root))
        der = root_crl.renew(credential, None, now=self.clock())
        write_whole(crl_path(self.folder, root.name), der)
        return x509.load_der_x509_crl(der)

    def open(self, made: Made) -> rsa.RSAPrivateKey:
        """The key of an authority that is there.

        Raises:
            CredentialError: it cannot be used.
        """
        public_key = made.certificate.public_key()
        assert isinstance(public_key, rsa.RSAPublicKey)  # noqa: S101 - `_check` has seen it
        return self.keyring.at(made.key).open(public_key)

    def certificate(self, name: AuthorityName) -> x509.Certificate | None:
        """The certificate that is in the folder.

        Raises:
            CeremonyFault: it cannot be read.
        """
        return certificate_in(self.folder, name)

    def words(self, source: KeySource) -> str:
        """Where a key is; a file, by its place in the folder, which may be moved between two runs."""
        if isinstance(source, FileKey) and source.path.is_relative_to(self.folder):
            return f"La clé {source.path.relative_to(self.folder)}"
        return str(source)

    def _reserve(
        self, name: AuthorityName, source: KeySource, notes: Notes, made: Mapping[AuthorityName, Made]
    ) -> Reservation:
        if self.certificate(name) is not None:
            raise CeremonyFault(
                f"{_path(self.folder, name, 'pem')} est là, et les notes de cette cérémonie n’en disent rien."
            )
        existed = self.keyring.at(source).find() is not None
        if existed and not self.accept_existing:
            raise ForeignKey(f"{source} existe déjà, et les notes de cette cérémonie n’en disent rien.")
        first = self.clock().replace(microsecond=0)
        last = _years_later(first, self.years) if name.is_root else made[name.root].reservation.not_after - _BELOW
        reservation = Reservation(
            serial=authority_serial(),
            not_before=first,
            not_after=last,
            key=self.words(source),
            existed=existed,
        )
        notes.reserve(name.file_stem, reservation)
        return reservation

    def _key(self, source: KeySource, reservation: Reservation) -> rsa.RSAPrivateKey:
        if reservation.key != self.words(source):
            raise CeremonyFault(f"Les notes de cette cérémonie annoncent une autre clé : {reservation.key}.")
        if isinstance(source, FileKey):
            source.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = self.keyring.at(source)
        return place.find() or place.make(self.bits)

    def _check(
        self, certificate: x509.Certificate, plan: AuthorityPlan, key: rsa.RSAPrivateKey, issuer: x509.Certificate
    ) -> None:
        """That the certificate is the noted one, under its root, and of this key, which shows it by signing."""
        path = _path(self.folder, plan.name, "pem")
        if (certificate.serial_number, certificate.subject) != (plan.serial, plan.subject):
            raise CeremonyFault(f"{path} n’est pas le certificat que les notes annoncent.")
        try:
            certificate.verify_directly_issued_by(issuer)
        except (InvalidSignature, ValueError, TypeError) as error:
            raise CeremonyFault(f"{path} n’est pas signé par sa racine.") from error
        if certificate.public_key() != key.public_key() or not is_key_of(key, key.public_key()):
            raise CredentialError(f"{path} n’est pas le certificat de sa clé.")

    def _store(self, name: AuthorityName, certificate: x509.Certificate) -> None:
        write_whole(_path(self.folder, name, "cer"), certificate.public_bytes(Encoding.DER))
        write_whole(_path(self.folder, name, "pem"), certificate.public_bytes(Encoding.PEM))

    def _choices(self) -> dict[str, Any]:
        """What may not change between two runs, by the names that people know."""
        return {
            "environnement": str(self.environment),
            "OU": list(self.markers),
            "adresses": self.urls.to_json(),
            "taille": self.bits,
            "validité": self.years,
        }


def certificate_in(folder: Path, name: AuthorityName) -> x509.Certificate | None:
    """The certificate of an authority that the folder of a ceremony has.

    Raises:
        CeremonyFault: it cannot be read.
    """
    path = _path(folder, name, "pem")
    if not path.exists():
        return None
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError as error:
        raise CeremonyFault(f"{path} n’est pas un certificat PEM.") from error


def crl_path(folder: Path, name: AuthorityName) -> Path:
    """Where a root's CRL is written."""
    return folder / "crl" / f"{name.file_stem}.crl"


def _path(folder: Path, name: AuthorityName, kind: str) -> Path:
    return folder / "certificats" / f"{name.file_stem}.{kind}"


def _years_later(first: datetime, years: int) -> datetime:
    leap_day = (first.month, first.day) == (2, 29)
    return first.replace(year=first.year + years, day=28 if leap_day else first.day)

"""The CRLs of the roots as they are made again: the folder of the ceremony read, questions asked, acts told.

Each CRL takes the place of the one before as a whole, then the record is written, then signed. A run that was cut is
made again: what was revoked stays revoked, and the numbers go on.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from pfcng.cli.crl_racine import Raison
from pfcng.cli.key_options import CeremonyKeys, Lieu
from pfcng.cli.work.ceremonie import alone, confirm, faults_told, stop_for
from pfcng.igc import root_crl
from pfcng.igc.ceremony import CeremonyFault, certificate_in, crl_path
from pfcng.igc.ceremony_notes import write_whole
from pfcng.igc.record import sign_record, write_crl_record
from pfcng.igc.root_crl import REASONS, Withdrawn
from pfcng.igc.serials import to_octets
from pfcng.pki.authorities import AUTHORITIES, ROOTS, AuthorityName
from pfcng.pki.keys import Credential
from pfcng.pki.signers.keyring import Keyring
from pfcng.pki.signers.outside import is_key_of
from pfcng.pki.signers.sources import CredentialError
from pfcng.watch.log import log_for_people


@dataclass(frozen=True, kw_only=True)
class Order:
    """The command line."""

    folder: Path
    roots: tuple[str, ...]
    withdrawn: str | None
    reason: Raison | None
    place: Lieu
    keys: CeremonyKeys
    participants: tuple[str, ...]
    yes: bool

    def check(self) -> None:
        """See that what was given holds together.

        Raises:
            CeremonyStopped: it does not.
        """
        known = {name.file_stem: name for name in (*ROOTS, *AUTHORITIES)}
        unknown = [stem for stem in self.roots if stem not in known or not known[stem].is_root]
        is_authority = self.withdrawn is None or (self.withdrawn in known and not known[self.withdrawn].is_root)
        faults = (
            *((True, f"--racine : {stem} n’est pas une racine, comme ACR-EL-TEST.") for stem in unknown),
            (not is_authority, f"--revoquer : {self.withdrawn} n’est pas une AC, comme ACI-EL-ORG-TEST."),
            ((self.withdrawn is None) != (self.reason is None), "--revoquer et --raison vont ensemble."),
            (bool(self.withdrawn and self.roots), "--racine ne va pas avec --revoquer : l’AC dit sa racine."),
            (not self.folder.is_dir(), f"--dossier : {self.folder} n’est pas un dossier."),
        )
        found = [text for is_fault, text in faults if is_fault]
        stop_for(found + self.keys.options.faults((self.place,)))

    @property
    def authority(self) -> AuthorityName | None:
        """The one to be revoked."""
        return next((name for name in AUTHORITIES if name.file_stem == self.withdrawn), None)

    def names(self) -> list[AuthorityName]:
        """The roots whose CRL is made.

        Raises:
            CeremonyFault: the folder has none.
        """
        if self.authority is not None:
            return [self.authority.root]
        there = [name for name in ROOTS if certificate_in(self.folder, name) is not None]
        wanted = [name for name in ROOTS if name.file_stem in self.roots] or there
        if not wanted:
            raise CeremonyFault(f"{self.folder} n’a le certificat d’aucune racine.")
        return wanted


def run(order: Order) -> None:
    """Make the CRLs.

    Raises:
        CeremonyStopped: it does not go on.
    """
    log_for_people()
    order.check()
    with faults_told(), Keyring() as keyring, alone(order.folder):
        signers = {name: _open(order, name, keyring) for name in order.names()}
        withdrawn = _withdrawn(order)
        made = {name: _make(order, name, signer, withdrawn) for name, signer in signers.items()}
        _conclude(order, signers, made, withdrawn)


def _open(order: Order, name: AuthorityName, keyring: Keyring) -> Credential:
    """A root with its key, which shows that it is the certificate's by signing."""
    certificate = _certificate(order.folder, name)
    public_key = certificate.public_key()
    source = order.keys.source(name.file_stem, order.place)
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise CeremonyFault(f"Le certificat {name.file_stem} n’a pas de clé RSA.")
    key = keyring.at(source).open(public_key)
    if not is_key_of(key, public_key):
        raise CredentialError(f"{source} n’est pas la clé du certificat {name.file_stem}.")
    return Credential(certificate=certificate, chain=(), key=key)


def _withdrawn(order: Order) -> list[Withdrawn]:
    if order.authority is None or order.reason is None:
        return []
    return [Withdrawn(certificate=_certificate(order.folder, order.authority), reason=REASONS[order.reason])]


def _certificate(folder: Path, name: AuthorityName) -> x509.Certificate:
    certificate = certificate_in(folder, name)
    if certificate is None:
        raise CeremonyFault(f"{folder} n’a pas le certificat {name.file_stem}.")
    return certificate


def _make(
    order: Order, name: AuthorityName, signer: Credential, withdrawn: list[Withdrawn]
) -> x509.CertificateRevocationList:
    previous = _previous(order.folder, name)
    typer.echo(f"\n{name.file_stem} : {name.common_name}")
    typer.echo(f"  CRL précédente : numéro {root_crl.number_of(previous)}, révocations : {len(previous)}")
    for one in withdrawn:
        is_there = _has(previous, one.certificate)
        told = "est déjà révoquée, et le reste" if is_there else f"sera révoquée pour toujours ({order.reason})"
        typer.echo(f"  L’AC {order.withdrawn} {told}.")
    confirm(yes=order.yes)
    der = root_crl.renew(signer, previous, withdrawn, now=datetime.now(UTC))
    write_whole(crl_path(order.folder, name), der)
    made = x509.load_der_x509_crl(der)
    typer.echo(f"  Faite : {crl_path(order.folder, name)}, numéro {root_crl.number_of(made)}.")
    return made


def _previous(folder: Path, name: AuthorityName) -> x509.CertificateRevocationList:
    """The newest CRL of a root: a CRL made without it would forget who was revoked."""
    path = crl_path(folder, name)
    if not path.exists():
        raise CeremonyFault(f"{path} n’est pas là : remettez-y la dernière CRL publiée de cette racine.")
    try:
        return x509.load_der_x509_crl(path.read_bytes())
    except ValueError as error:
        raise CeremonyFault(f"{path} n’est pas une CRL.") from error


def _has(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    return any(to_octets(entry.serial_number) == to_octets(certificate.serial_number) for entry in crl)


def _conclude(
    order: Order,
    signers: dict[AuthorityName, Credential],
    made: dict[AuthorityName, x509.CertificateRevocationList],
    withdrawn: list[Withdrawn],
) -> None:
    """The signed record; its signature comes last, and says that all is done."""
    now = datetime.now(UTC)
    text = write_crl_record(
        crls=[(name.file_stem, crl) for name, crl in made.items()],
        withdrawn=[(one.certificate, str(order.reason)) for one in withdrawn],
        participants=order.participants,
        now=now,
    ).encode()
    record = order.folder / f"proces-verbal-crl-{now:%Y%m%d-%H%M%S}.txt"
    write_whole(record, text)
    signature = sign_record(text, [(one.certificate, one.key) for one in signers.values()])
    write_whole(record.with_suffix(".p7s"), signature)
    typer.echo(f"\nProcès-verbal : {record}")

"""A certificate that the platform holds for delivered and that never came: renewed, then revoked (docs/client.md)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509

from pfcng.client.client import Client
from pfcng.client.dossier import Acte, Dossier, DossierError, Etape, Nature
from pfcng.client.exchanges import Reference
from pfcng.client.profile import Profile
from pfcng.client.recovery import find_line
from pfcng.contract.catalogue import Motif
from pfcng.pki import names
from pfcng.pki.bundles import read_certificates

_REVOKED: Final = "révoqué"
_DESCRIPTION: Final = "Certificat perdu à la remise : remplacé."


class Begin(Protocol):
    """Writes an act that begins."""

    def __call__(
        self, dossier: Dossier, nature: Nature, profile: Profile, *, remplace: tuple[str, str] | None = None
    ) -> Dossier:
        """The folder with it."""


def replace_lost(dossier: Dossier, client: Client, profile: Profile, chains: Iterable[Path], begin: Begin) -> Dossier:
    """End the act whose certificate was lost, and begin the renouvellement of it.

    Args:
        dossier: Stopped at the retrait.
        client: Of who ordered.
        profile: Whose authorities may be the issuer.
        chains: Further files of authorities.
        begin: Writes an act that begins.

    Raises:
        DossierError: It is not lost, or the platform does not say enough of it.
        ClientError: The suivi cannot be read.
    """
    acte = dossier.dernier
    if acte.etape is not Etape.RETRAIT or not acte.envoi_le or not acte.indice_demande:
        raise DossierError("--remplacer ne sert qu’après un retrait dont le certificat est perdu.")
    line = find_line(client, dossier.demande, datetime.fromisoformat(acte.envoi_le), acte.indice_demande)
    if line is None or not line.numero_serie or not line.dn_autorite:
        raise DossierError("Le suivi ne montre pas de certificat remis pour cette demande : reprenez sans --remplacer.")
    aki = _key_of(line.dn_autorite, [*profile.autorites, *profile.confiance, *_read_all(chains)])
    lost = replace(acte, etape=Etape.PERDUE, numero_serie=line.numero_serie, aki=aki)
    return begin(dossier.with_acte(lost), Nature.RENOUVELLEMENT, profile, remplace=(aki, line.numero_serie))


def is_revocation_due(dossier: Dossier) -> bool:
    """Whether something lost is still to be revoked."""
    return any(map(_is_waiting, dossier.actes))


def revoke_lost(dossier: Dossier, client: Client) -> Dossier:
    """Revoke what was lost and has been replaced since.

    Raises:
        ClientError: The platform refuses, or does not answer.
    """
    for lost in dossier.actes:
        if _is_waiting(lost) and lost.aki and lost.numero_serie:
            client.revoquer_certificat(
                Reference(aki=lost.aki, numero_serie=lost.numero_serie),
                Motif.AUTRE,
                autre_description=_DESCRIPTION,
                mail_demandeur=dossier.demande.mail_demandeur,
                mail_personne_a_informer=dossier.demande.mail_personne_a_informer,
                id_nat_tiers=dossier.demande.id_nat_tiers,
            )
            done = replace(lost, message=_REVOKED)
            dossier = replace(dossier, actes=tuple(done if acte is lost else acte for acte in dossier.actes))
            dossier.save()
    return dossier


def _is_waiting(acte: Acte) -> bool:
    return acte.etape is Etape.PERDUE and acte.message != _REVOKED


def _key_of(name: str, authorities: Iterable[x509.Certificate]) -> str:
    """The key identifier of the authority of that name."""
    wanted = names.canonical(names.parse(name))
    for authority in authorities:
        if names.canonical(authority.subject) == wanted:
            extension = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
            return extension.value.digest.hex().upper()
    raise DossierError(f"Le certificat de l’autorité « {name} » manque : donnez-le dans « autorites » du profil.")


def _read_all(files: Iterable[Path]) -> list[x509.Certificate]:
    found: list[x509.Certificate] = []
    for file in files:
        try:
            found += read_certificates(file.read_bytes())
        except (OSError, ValueError):
            continue  # a folder that is not finished, or gone
    return found

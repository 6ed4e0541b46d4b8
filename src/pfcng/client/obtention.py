"""From an order to a certificate in service: the steps O1 to O10 of docs/client.md, each written before its act.

An ``Obtention`` begins where its folder says, whatever stopped the one before.
"""

import hashlib
import secrets
import string
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pfcng.client import csr, forms
from pfcng.client.certificates.fetching import Fetch, fetch
from pfcng.client.chain import find_chain
from pfcng.client.client import Client
from pfcng.client.deployment import Deployment, DeploymentError
from pfcng.client.dossier import Acte, Dossier, DossierError, Etape, Nature
from pfcng.client.errors import RefusedError, TransportError
from pfcng.client.exchanges import OK, Reference
from pfcng.client.files import create_whole, file_fault
from pfcng.client.profile import Profile
from pfcng.client.recovery import find_order, presented_number
from pfcng.client.vault import Entry, Vault
from pfcng.contract import codes
from pfcng.contract.codes import Raison
from pfcng.pki import names

_ALPHABET: Final = string.ascii_uppercase.translate(str.maketrans("", "", "IO")) + "23456789"
"""Nothing that is read for something else: people copy these by hand."""
_GROUPS: Final = 6
_GROUP: Final = 4
_GONE: Final = (codes.WSMG_16.value, codes.WSMG_17.value)
"""The authority refused: no retrait will ever give this certificate (RMT_ERR_004, 007)."""


class LostCertificate(DossierError):
    """The platform holds the certificate for delivered, and it never came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What an obtention works with.

    Attributes:
        profile: Who orders, and from which platform.
        client: Talks to it.
        vault: Keeps the secrets.
        known: Numbers of demandes that belong to other folders.
        progress: Told before each step, in French.
        clock: The present, aware.
        fetch: Reads published certificates of authorities.
    """

    profile: Profile
    client: Client
    vault: Vault
    known: Collection[str] = ()
    progress: Callable[[str], None] = lambda _: None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    fetch: Fetch = fetch


class Obtention:
    """Leads the last act of a folder to its end."""

    def __init__(self, dossier: Dossier, means: Means) -> None:
        self.dossier = dossier
        self._means = means
        self._may_have_been_sent = dossier.dernier.etape is Etape.DEMANDE
        self._steps: dict[Etape, tuple[str, Callable[[], None]]] = {
            Etape.PREPAREE: ("Code de révocation mis au coffre", self._keep_secrets),
            Etape.SECRETS: ("Création de la clé", self._make_key),
            Etape.CLE: ("Envoi de la demande", self._announce_order),
            Etape.DEMANDE: ("Envoi de la demande", self._order),
            Etape.INDICE: ("Retrait du certificat", self._announce_retrait),
            Etape.RETRAIT: ("Retrait du certificat", self._withdraw),
            Etape.RETIRE: ("Chaîne et fichiers", self._make_files),
            Etape.FICHIERS: ("Mise en service", self._switch),
            Etape.BASCULE: ("Copies et crochets", self._deploy),
        }

    def run(self) -> Dossier:
        """Take every step that is left.

        Raises:
            ClientError: A step failed; the folder says which, and another run goes on from there.
        """
        while not self._acte.ended:
            text, step = self._steps[self._acte.etape]
            self._means.progress(text)
            try:
                step()
            except OSError as error:
                text = f"Un fichier de {self.dossier.chemin} ne peut pas être lu ou écrit"
                raise DossierError(f"{text} : {file_fault(error)}.") from error
        return self.dossier

    @property
    def _acte(self) -> Acte:
        return self.dossier.dernier

    def _advance(self, etape: Etape, **changes: object) -> None:
        """Write the next step, before its act."""
        acte = replace(self._acte, etape=etape, **changes)  # type: ignore[arg-type]  # the callers name fields
        self.dossier = self.dossier.with_acte(acte)
        self.dossier.save()

    def _keep_secrets(self) -> None:
        vault, acte = self._means.vault, self._acte
        if vault.find(acte.identifiant) is None:
            entry = Entry(
                identifiant=acte.identifiant,
                nom=self.dossier.nom,
                dossier=str(self.dossier.chemin),
                creee_le=self._means.clock().isoformat(timespec="seconds"),
                code_revocation=new_secret(),
                mot_de_passe_p12=self._password_in_use() or new_secret(),
            )
            vault.put(entry)
        self._advance(Etape.SECRETS)

    def _password_in_use(self) -> str | None:
        """What opens the PKCS#12 in service: a renewed one opens with it too, so nothing has to be set anew."""
        current = self.dossier.en_service
        entry = self._means.vault.find(current.identifiant) if current else None
        return entry.mot_de_passe_p12 if entry else None

    def _make_key(self) -> None:
        try:
            key = forms.read_key(self.dossier.chemin, self._acte.radical)
        except FileNotFoundError:
            key = rsa.generate_private_key(public_exponent=65537, key_size=csr.KEY_BITS)
            content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            create_whole(self.dossier.chemin / forms.CLE.name(self._acte.radical), content)
        self._advance(Etape.CLE, cle=_fingerprint(key.public_key()))

    def _announce_order(self) -> None:
        self._may_have_been_sent = False
        self._advance(Etape.DEMANDE, envoi_le=self._means.clock().isoformat())

    def _order(self) -> None:
        numero = self._sent_before() if self._may_have_been_sent else None
        if numero is not None:
            self._advance(Etape.INDICE, indice_demande=numero, indice_retrait=numero)
            return
        try:
            indices = self._send_order()
        except RefusedError as error:
            presented = presented_number(error)
            if presented is None:
                self._refused(error)
                raise
            indices = {"indice_demande": presented, "indice_retrait": presented}
        except TransportError as error:
            if not error.maybe_received:
                self._advance(Etape.CLE, envoi_le=None)
            raise
        self._advance(Etape.INDICE, **indices)

    def _sent_before(self) -> str | None:
        """The number of the demande that was sent before a kill, when the suivi shows exactly one that may be it."""
        since = datetime.fromisoformat(self._acte.envoi_le or "")
        found = find_order(self._means.client, self.dossier.demande, since, self._means.known)
        return found[0] if len(found) == 1 else None

    def _send_order(self) -> dict[str, str | None]:
        client, demande, acte = self._means.client, self.dossier.demande, self._acte
        pem = csr.make(forms.read_key(self.dossier.chemin, acte.radical))
        if acte.nature is Nature.RENOUVELLEMENT and acte.remplace:
            renewed = client.renouveler_certificat(
                Reference(aki=acte.remplace[0], numero_serie=acte.remplace[1]),
                pem,
                mail_demandeur=demande.mail_demandeur,
                mail_personne_a_informer=demande.mail_personne_a_informer,
                id_nat_tiers=demande.id_nat_tiers,
            )
            return {"indice_demande": renewed.indice_retrait, "indice_retrait": renewed.indice_retrait}
        reply = client.demander_certificats([replace(demande, csr=pem)])
        answer = reply.demandes[0]
        if answer.statut_demande != OK:
            raise RefusedError(answer.statut_demande, answer.message, reply)
        return {
            "indice_lot": reply.indice_lot,
            "indice_demande": answer.indice_demande,
            "indice_retrait": answer.indice_retrait,
        }

    def _refused(self, error: RefusedError) -> None:
        """End an act that will never have a certificate; its key and its secrets are of no use."""
        self._advance(Etape.REFUSEE, code=error.code, message=error.message)
        (self.dossier.chemin / forms.CLE.name(self._acte.radical)).unlink(missing_ok=True)
        self._means.vault.remove(self._acte.identifiant)

    def _announce_retrait(self) -> None:
        self._advance(Etape.RETRAIT)

    def _withdraw(self) -> None:
        acte, folder = self._acte, self.dossier.chemin
        try:
            certificate = forms.read_certificate(folder, acte.radical)
        except FileNotFoundError:
            certificate = self._withdrawn()
            if _fingerprint(certificate.public_key()) != acte.cle:
                raise DossierError(
                    f"Le certificat retiré (demande {acte.indice_demande}) n’est pas celui de la clé de ce dossier ; "
                    "il n’est pas écrit.",
                    conseil="Deux demandes identiques ont été faites en même temps : « pfcng suivre » les montre.",
                ) from None
            content = certificate.public_bytes(Encoding.PEM)
            create_whole(folder / forms.CERTIFICAT.name(acte.radical), content)
        reference = Reference.of(certificate)
        self._advance(
            Etape.RETIRE,
            numero_serie=reference.numero_serie,
            aki=reference.aki,
            sujet=names.rfc4514(certificate.subject),
            debut_validite=certificate.not_valid_before_utc.isoformat(),
            fin_validite=certificate.not_valid_after_utc.isoformat(),
        )

    def _withdrawn(self) -> x509.Certificate:
        client, acte = self._means.client, self._acte
        try:
            return client.retirer_certificat(
                acte.indice_retrait or "", self._secrets().code_revocation, self.dossier.demande.id_nat_tiers
            ).certificate
        except RefusedError as error:
            if error.code in _GONE:
                self._refused(error)
            if error.code == codes.WSMG_11.value and Raison.PRODUIT_PAS_A_RETIRER.rstrip(".") in error.message:
                raise LostCertificate(
                    f"La plateforme dit que le certificat de la demande {acte.indice_demande} a déjà été remis : "
                    "l’arrêt a eu lieu entre sa réponse et l’écriture du fichier, et le Web Service ne le rend pas.",
                    conseil="Relancez avec --remplacer : le produit est renouvelé avec une nouvelle clé, et le "
                    "certificat perdu est révoqué.",
                ) from error
            raise

    def _secrets(self) -> Entry:
        entry = self._means.vault.find(self._acte.identifiant)
        if entry is None:
            raise DossierError("Les secrets de ce certificat ne sont pas dans le coffre : est-ce le bon ?")
        return entry

    def _make_files(self) -> None:
        folder, acte = self.dossier.chemin, self._acte
        known = (*self._means.profile.autorites, *self._means.profile.confiance)
        chain = find_chain(forms.read_certificate(folder, acte.radical), known, self._means.fetch)
        password = self._secrets().mot_de_passe_p12
        forms.write_forms(folder, acte.radical, chain, password, ancien=self.dossier.p12_ancien)
        self._advance(Etape.FICHIERS)

    def _switch(self) -> None:
        forms.put_in_service(self.dossier.chemin, self._acte.radical)
        self._advance(Etape.BASCULE)

    def _deploy(self) -> None:
        """Copies and hooks; what fails puts the certificate before back, and the next run tries again."""
        previous = self.dossier.en_service
        deployment = Deployment.load(self.dossier.chemin)
        forms.put_in_service(self.dossier.chemin, self._acte.radical)  # a kill may have left the one before
        try:
            deployment.run(self._acte)
        except DeploymentError as error:
            if previous is not None and previous.radical != self._acte.radical:
                forms.put_in_service(self.dossier.chemin, previous.radical)
                deployment.restore(previous)
            self._advance(Etape.FICHIERS, echec=error.message)
            raise
        self.dossier = replace(self.dossier, courante=self._acte.radical, revocation=None)
        self._advance(Etape.TERMINEE, echec=None)


def new_secret() -> str:
    """24 characters in six groups: 118 bits, easy to read aloud."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def _fingerprint(key: object) -> str:
    if not isinstance(key, rsa.RSAPublicKey):
        return ""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()

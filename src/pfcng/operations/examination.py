"""What becomes of one demande of a lot: the checks of the guide, in their order, without a word to the database."""

from dataclasses import asdict, dataclass, replace

from pfcng.contract import codes
from pfcng.contract.catalogue import Offre, Product, Usage
from pfcng.contract.codes import Raison
from pfcng.contract.messages import DemandeCertificat
from pfcng.contract.refusal import Refusal
from pfcng.domain import departements
from pfcng.domain.acteur import Acteur
from pfcng.domain.annuaire import Annuaire, Genre, Personne, Structure
from pfcng.domain.habilitation import check_habilitation, is_in_perimetre
from pfcng.domain.presence import check_presence
from pfcng.domain.rules import Rules
from pfcng.domain.states import Transition
from pfcng.igc.profiles import subject_name
from pfcng.igc.requests import CertificateRequest, OrganisationIdentity, OrganisationSubject, PersonSubject
from pfcng.operations.context import RequestContext
from pfcng.operations.identification import identify_or_refuse
from pfcng.pki import csr
from pfcng.pki.csr import CsrPublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A demande as far as it came; ``refusal`` says where it stopped.

    Attributes:
        outcome: The transition out of « Demande enregistrée » (guide §14.2, RMT_ERR_001, RMT_ERR_002).
        key: The public key it presents; None when the CSR was not read or is not a good one.
        in_perimetre: Whether it is for what its acteur administers, however it ends.
    """

    demande: DemandeCertificat
    outcome: Transition = Transition.VALIDER
    refusal: Refusal | None = None
    key: CsrPublicKey | None = None
    acteur: Acteur | None = None
    in_perimetre: bool = False
    structure: Structure | None = None
    beneficiaire: Personne | None = None
    request: CertificateRequest | None = None

    def refused(self, refusal: Refusal, outcome: Transition = Transition.REJETER) -> "Examined":
        """The same demande, stopped here."""
        return replace(self, refusal=refusal, outcome=outcome)


def examine_content(demande: DemandeCertificat, rules: Rules) -> Examined:
    """Presence rules, CSR, open products: what can be said without knowing anybody (05, 32 to 37, 09, 10)."""
    examined = Examined(demande=demande)
    try:
        check_presence(demande)
    except Refusal as refusal:
        return examined.refused(refusal, Transition.NE_PAS_TRAITER)
    try:
        examined = replace(examined, key=csr.read(demande.csr))
    except Refusal as refusal:
        return examined.refused(refusal)
    if Product(demande.offre, demande.usage) in rules.closed_products:
        return examined.refused(Refusal(codes.WSMG_10, Raison.PRODUIT_FERME))
    return examined


def identify_acteur(examined: Examined, annuaire: Annuaire, context: RequestContext) -> Examined:
    """Who acts, before anything else is said of the demande (code 10)."""
    try:
        acteur = identify_or_refuse(context.signataire, examined.demande.id_nat_tiers, annuaire, codes.WSMG_10)
    except Refusal as refusal:
        return examined.refused(refusal)
    demande, held = examined.demande, annuaire.habilitations.get(acteur.personne.id_nat, ())
    within = is_in_perimetre(
        acteur.personne, held, context.today, offre=demande.offre, id_nat_struct=demande.id_nat_struct
    )
    return replace(examined, acteur=acteur, in_perimetre=within)


def examine_rights(examined: Examined, annuaire: Annuaire, context: RequestContext) -> Examined:
    """Habilitation, then completion from the annuaire (codes 10, then 44). A demande that stopped stays so."""
    acteur, key = examined.acteur, examined.key
    if examined.refusal or acteur is None or key is None:
        return examined
    try:
        held = annuaire.habilitations.get(acteur.personne.id_nat, ())
        check_habilitation(examined.demande, acteur.personne, held, context.today)
        return _complete(examined, acteur, key, annuaire)
    except Refusal as refusal:
        return examined.refused(refusal)


def _complete(examined: Examined, acteur: Acteur, key: CsrPublicKey, annuaire: Annuaire) -> Examined:
    """Take the names of the certificate from the annuaire.

    Raises:
        Refusal: WSMG-00000010 when the bénéficiaire or the structure is unknown, WSMG-00000044 when they do not agree.
    """
    demande = examined.demande
    structure = _structure(demande, annuaire)
    beneficiaire = _beneficiaire(demande, acteur, annuaire)
    request = CertificateRequest(
        environment=acteur.personne.environment,
        product=Product(demande.offre, demande.usage),
        spki=key.spki_der,
        subject=_subject(demande, structure, beneficiaire),
        fqdn=tuple({name.lower(): name for name in reversed(demande.fqdn)}.values())[::-1],
        mail_sujet=demande.mail_sujet,
        upn=demande.upn,
    )
    _check_subject(request)
    return replace(examined, structure=structure, beneficiaire=beneficiaire, request=request)


def _check_subject(request: CertificateRequest) -> None:
    """What X.509 cannot hold is refused now, not when the certificate is made: a CN has 64 octets of UTF-8 at most."""
    try:
        subject_name(request)
    except ValueError as error:
        reason = Raison.CONTRAINTE.format(attribut="sujet du certificat", contrainte="trop long")
        raise Refusal(codes.WSMG_10, reason, diagnostic=str(error)) from error


def _structure(demande: DemandeCertificat, annuaire: Annuaire) -> Structure | None:
    if demande.id_nat_struct is None:
        return None
    structure = annuaire.structures.get(demande.id_nat_struct)
    if structure is None:
        raise Refusal(codes.WSMG_10, Raison.STRUCTURE_INCONNUE)
    if not structure.raison_sociale.strip():
        raise _incoherent("idNat_struct", "raison sociale absente")
    if not departements.is_known(structure.departement):
        raise _incoherent("idNat_struct", "département inconnu")
    return structure


def _incoherent(donnee: str, reference: str) -> Refusal:
    return Refusal(codes.WSMG_44, Raison.INCOHERENT.format(donnee=donnee, reference=reference))


def _beneficiaire(demande: DemandeCertificat, acteur: Acteur, annuaire: Annuaire) -> Personne | None:
    if demande.offre not in {Offre.PS, Offre.PRO}:
        return None
    if demande.offre is Offre.PS:
        beneficiaire: Personne | None = acteur.personne
    else:
        beneficiaire = annuaire.personnes.get(demande.id_nat_beneficiaire or "")
    if beneficiaire is None:
        raise Refusal(codes.WSMG_10, Raison.BENEFICIAIRE_INCONNU)
    if demande.offre is Offre.PRO and demande.id_nat_struct not in beneficiaire.structures:
        raise _incoherent("idNat_bénéficiaire", "structures de rattachement")
    if not all(part.strip() for part in (beneficiaire.nom, beneficiaire.prenom, beneficiaire.titre)):
        raise _incoherent("idNat_bénéficiaire", "nom, prénom ou profession absents")
    return beneficiaire


def _subject(
    demande: DemandeCertificat, structure: Structure | None, beneficiaire: Personne | None
) -> OrganisationSubject | PersonSubject:
    """The subject of the certificate: ORG and SERV name a structure, PS and PRO a person."""
    organisation = None if structure is None else _organisation(structure)
    if beneficiaire is None:
        assert organisation is not None  # noqa: S101 - presence rules: no bénéficiaire means ORG or SERV
        common_name = demande.fqdn[0] if demande.usage is Usage.SSL_SERV else demande.nom_applicatif or ""
        return OrganisationSubject(**asdict(organisation), common_name=common_name)
    in_training = beneficiaire.genre is Genre.PF
    return PersonSubject(
        id_nat=beneficiaire.id_nat,
        nom=beneficiaire.nom,
        prenom=beneficiaire.prenom,
        title=beneficiaire.titre,
        profession_code=None if in_training else beneficiaire.profession,
        formation_code=beneficiaire.profession if in_training else None,
        savoir_faire=beneficiaire.savoir_faire,
        organisation=organisation,
    )


def _organisation(structure: Structure) -> OrganisationIdentity:
    return OrganisationIdentity(
        departement_label=departements.label(structure.departement),
        raison_sociale=structure.raison_sociale,
        id_nat_struct=structure.id_nat,
    )

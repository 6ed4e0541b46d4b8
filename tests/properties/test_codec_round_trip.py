"""Whatever a message holds, encode and decode give it back."""

from dataclasses import fields
from datetime import date

from hypothesis import given, strategies as st
from lxml import etree

from pfcng.contract.catalogue import Motif, Offre, TypeDemande, Usage
from pfcng.contract.messages import (
    DemandeCertificat,
    ReponseDemande,
    ReponseDemandeCertificats,
    ReponseRenouvellementCertificat,
    ReponseRetraitCertificat,
    ReponseRevocationCertificat,
    ReponseSuiviActivite,
    Request,
    RequeteDemandeCertificats,
    RequeteRenouvellementCertificat,
    RequeteRetraitCertificat,
    RequeteRevocationCertificat,
    RequeteSuiviActivite,
    Response,
    Resultat,
)
from pfcng.contract.operations import Operation, by_request_type
from pfcng.xml.codec import decode, decode_response, encode
from support.messages import unsigned_body

# XML 1.0 §2.2: every character that a document can hold.
CHARACTERS = st.one_of(
    st.sampled_from("\t\n\r <>&\"'“’\u00a0\u0085\u2028😀"),
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"),
)


def text(smallest: int, longest: int) -> st.SearchStrategy[str]:
    """Text whose white space counts."""
    return st.text(CHARACTERS, min_size=smallest, max_size=longest)


def collapsed(longest: int, smallest: int = 1) -> st.SearchStrategy[str]:
    """Text whose white space is layout: none at the ends, single spaces inside."""

    def collapse(value: str) -> str:
        for layout in "\t\r\n":
            value = value.replace(layout, " ")
        return " ".join(part for part in value.split(" ") if part)

    return text(smallest, longest).map(collapse).filter(lambda value: len(value) >= smallest)


def optional(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.none() | strategy


LABELS = st.from_regex(r"\A[a-zA-Z0-9]([a-z0-9-]{0,18}[a-z0-9])?\Z")
HOSTS = st.lists(LABELS, min_size=1, max_size=3).map(".".join)
MAILS = st.builds("{}@{}.{}".format, st.text("ab0-_+.'!#", min_size=1, max_size=20), LABELS, HOSTS)
IDS = collapsed(64)
HEXADECIMAL = st.from_regex(r"\A[0-9A-Fa-f]([:\- ]?[0-9A-Fa-f]){0,40}\Z")
INDICES = collapsed(20, smallest=0)
STATUTS = st.sampled_from(["OK", "KO", "WSMG-00000005"])
TEXTS = text(0, 80)
DATES = st.none() | st.dates(min_value=date(1, 1, 1))

DEMANDES = st.builds(
    DemandeCertificat,
    offre=st.sampled_from(Offre),
    gamme=st.just("EL"),
    usage=st.sampled_from(Usage),
    id_nat_struct=optional(IDS),
    id_nat_beneficiaire=optional(IDS),
    id_nat_tiers=optional(IDS),
    nom_applicatif=optional(collapsed(63)),
    fqdn=st.lists(HOSTS.filter(lambda name: len(name) <= 63), max_size=5).map(tuple),
    upn=optional(MAILS),
    mail_sujet=optional(MAILS),
    mail_personne_a_informer=MAILS,
    csr=text(1, 200),
    mail_demandeur=MAILS,
)
REQUESTS: st.SearchStrategy[Request] = st.one_of(
    st.builds(RequeteDemandeCertificats, demandes=st.lists(DEMANDES, min_size=1, max_size=20).map(tuple)),
    st.builds(
        RequeteRetraitCertificat, id_nat_tiers=optional(IDS), indice_retrait=collapsed(20), code_revocation=text(1, 64)
    ),
    st.builds(
        RequeteRevocationCertificat,
        id_nat_tiers=optional(IDS),
        aki=HEXADECIMAL,
        numero_serie=HEXADECIMAL,
        gamme=st.just("EL"),
        motif=st.sampled_from(Motif),
        autre_description=optional(text(1, 150)),
        date_effet=DATES,
        mail_demandeur=MAILS,
        mail_personne_a_informer=MAILS,
    ),
    st.builds(
        RequeteRenouvellementCertificat,
        id_nat_tiers=optional(IDS),
        aki=HEXADECIMAL,
        numero_serie=HEXADECIMAL,
        mail_demandeur=MAILS,
        mail_personne_a_informer=MAILS,
        csr=text(1, 200),
    ),
    st.builds(
        RequeteSuiviActivite,
        type_demande=st.sampled_from(TypeDemande),
        offre=st.sampled_from(Offre),
        usage=st.none() | st.sampled_from(Usage),
        indice_lot=optional(st.from_regex(r"\A[0-9]{1,150}\Z")),
        date_creation_demande=DATES,
        id_nat_beneficiaire=optional(IDS),
        id_nat_struct=optional(IDS),
        id_nat_acteur=optional(IDS),
        id_nat_tiers=optional(IDS),
    ),
)
RESULTATS = st.one_of(
    st.builds(Resultat, erreur=TEXTS),
    st.fixed_dictionaries({}, optional={field.name: TEXTS for field in fields(Resultat) if field.name != "erreur"}).map(
        lambda values: Resultat(**values)
    ),
)
RESPONSES: st.SearchStrategy[tuple[Operation, Response]] = st.one_of(
    st.tuples(
        st.just(Operation.DEMANDER_CERTIFICATS),
        st.builds(
            ReponseDemandeCertificats,
            indice_lot=optional(st.from_regex(r"\A[0-9]{0,20}\Z")),
            statut_lot=STATUTS,
            message=TEXTS,
            demandes=st.lists(
                st.builds(
                    ReponseDemande,
                    indice_demande=optional(INDICES),
                    statut_demande=STATUTS,
                    message=TEXTS,
                    indice_retrait=optional(INDICES),
                ),
                max_size=20,
            ).map(tuple),
        ),
    ),
    st.tuples(
        st.just(Operation.RETIRER_CERTIFICAT),
        st.builds(ReponseRetraitCertificat, statut=STATUTS, message=TEXTS, certificat=optional(TEXTS)),
    ),
    st.tuples(
        st.just(Operation.REVOQUER_CERTIFICAT), st.builds(ReponseRevocationCertificat, statut=STATUTS, message=TEXTS)
    ),
    st.tuples(
        st.just(Operation.RENOUVELER_CERTIFICAT),
        st.builds(ReponseRenouvellementCertificat, indice_retrait=optional(INDICES), statut=STATUTS, message=TEXTS),
    ),
    st.tuples(
        st.just(Operation.SUIVRE_ACTIVITE),
        st.builds(
            ReponseSuiviActivite,
            statut=STATUTS,
            avertissement=optional(TEXTS),
            resultats=st.lists(RESULTATS, max_size=5).map(tuple),
        ),
    ),
)


@given(request=REQUESTS)
def test_any_request_comes_back_as_it_was_sent(request: Request) -> None:
    """Over octets, every request that the tables allow (§14 to §18)."""
    payload = etree.fromstring(etree.tostring(encode(request), encoding="UTF-8"))
    assert decode(unsigned_body(by_request_type(type(request)), payload)) == request


@given(pair=RESPONSES)
def test_any_reply_comes_back_as_it_was_sent(pair: tuple[Operation, Response]) -> None:
    """Over octets, every reply that the tables allow (§14 to §18)."""
    operation, response = pair
    payload = etree.fromstring(etree.tostring(encode(response), encoding="UTF-8"))
    assert decode_response(payload, operation) == response

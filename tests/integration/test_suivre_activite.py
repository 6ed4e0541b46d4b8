"""A suivi from its request to its lines: filters, rights, table 21 field by field, damaged rows (guide §18)."""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from cryptography import x509
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pfcng.contract import codes
from pfcng.contract.catalogue import TABLE_11, Environment, Motif, Offre, Product, TypeDemande, Usage
from pfcng.contract.codes import Raison
from pfcng.contract.messages import (
    XML_NAME,
    DemandeCertificat,
    ReponseSuiviActivite,
    RequeteDemandeCertificats,
    RequeteRetraitCertificat,
    RequeteRevocationCertificat,
    RequeteSuiviActivite,
    Resultat,
)
from pfcng.contract.operations import Operation, error_response
from pfcng.contract.refusal import Refusal
from pfcng.domain.annuaire import Genre, Habilitation, Personne
from pfcng.domain.rules import Rules
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.operations.context import RequestContext
from pfcng.operations.demander_certificats import demander_certificats, record_refused_lot
from pfcng.operations.retirer_certificat import confirm_delivery, retirer_certificat
from pfcng.operations.revoquer_certificat import revoquer_certificat
from pfcng.operations.suivre_activite import suivre_activite
from pfcng.store import migrations
from pfcng.store.annuaire import save_habilitations, save_personnes
from pfcng.store.database import Database, Row
from pfcng.xml import codec
from support.csrs import make_csr
from support.databases import make_database
from support.demandes import AGENT, HOPITAL, demande_for
from support.platform import EDITEUR, NOW, load_annuaire, make_context
from support.suivi_rows import AUTORITE, PRO, PS, add_produit, add_revocation

ADMIN = "599900012800010/CPAT0001"
MEDECIN = "899700990015"
CENTRE = "1690099023"
EDITEUR_PRODUCTION = "599900034200017/CPAP0001"
DEMANDES, PRODUITS, REVOCATIONS = TypeDemande
RULES = Rules()


def follow(
    database: Database,
    kind: TypeDemande,
    offre: Offre = Offre.ORG,
    *,
    context: RequestContext | None = None,
    **changes: Any,
) -> ReponseSuiviActivite:
    """A suivi of the demonstration's administrateur technique for the hospital, with these changes."""
    base = RequeteSuiviActivite(type_demande=kind, offre=offre, id_nat_struct=None if offre is Offre.PS else HOPITAL)
    requete = replace(base, **changes)
    return suivre_activite(requete, database=database, context=context or make_context(), rules=RULES)


def numbers(database: Database, kind: TypeDemande, offre: Offre = Offre.ORG, **changes: Any) -> list[int]:
    """The numbers of the lines; none when the code says that nothing was found."""
    try:
        return [int(line.numero or "") for line in follow(database, kind, offre, **changes).resultats]
    except Refusal as refusal:
        if refusal.code != (codes.WSMG_08 if kind is PRODUITS else codes.WSMG_07):
            raise
        return []


def refusal_of(database: Database, kind: TypeDemande, offre: Offre = Offre.ORG, **changes: Any) -> tuple[str, str]:
    """The code and the reason by which a suivi is refused."""
    with pytest.raises(Refusal) as refused:
        follow(database, kind, offre, **changes)
    return refused.value.code.value, refused.value.raison


def entries(database: Database) -> list[tuple[str, str, str | None]]:
    """Act, result and detail of the journal."""
    with database.transaction() as connection:
        rows = connection.execute("SELECT acte, resultat, detail FROM journal ORDER BY id").fetchall()
    return [(row["acte"], row["resultat"], row["detail"]) for row in rows]


def rows(database: Database, query: str) -> list[Row]:
    """What the database has."""
    with database.transaction() as connection:
        return connection.execute(query.encode()).fetchall()


def elements(line: Resultat) -> dict[str, str]:
    """The line as it is sent: element → text, in its order; what is absent is not in it."""
    reply = codec.encode(ReponseSuiviActivite(statut="OK", resultats=(line,)))
    return {child.tag: child.text or "" for child in reply.find("resultat")}  # type: ignore[union-attr]  # one line


# Table 21


@pytest.fixture(scope="module")
def lines(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, str]]]:
    """Lines by kind, and by what is special about them."""
    database = Database(make_database(postgres, "tableau21"))
    load_annuaire(database, tmp_path_factory.mktemp("annuaire"))
    admin: dict[str, Any] = {
        "administrateur": ADMIN,
        "nom_administrateur": "ROBERT-TEST",
        "prenom_administrateur": "CLAUDE",
    }
    add_produit(database, 1, **PRO, **admin)
    add_produit(database, 2, **PRO)
    add_revocation(
        database,
        5,
        1_002,
        acteur=AGENT,
        nom_acteur="PETIT-TEST",
        prenom_acteur="LUC",
        mail_demandeur="r@x.example",
        **admin,
    )
    found = {kind.value: follow(database, kind, Offre.PRO).resultats for kind in TypeDemande}
    yield {kind: elements(resultats[-1]) for kind, resultats in found.items()}
    database.close()


ABSENT = None
TABLE_21: dict[str, tuple[str | None, str | None, str | None]] = {
    # element: demandes, produits, révocations
    "numero": ("1", "1001", "5"),
    "canal": ("WS", "WS", "WS"),
    "creationDate": ("2026-03-02T11:00:00+01:00", ABSENT, "2026-03-02T11:00:00+01:00"),
    "dateDebutValidite": (ABSENT, "2026-03-02T11:00:00+01:00", ABSENT),
    "dateFinValidite": (ABSENT, "2029-07-01T11:30:00+02:00", ABSENT),
    "offre": ("PRO", "PRO", "PRO"),
    "usage": ("SIGN", "SIGN", "SIGN"),
    "idNatStruct": (HOPITAL, HOPITAL, HOPITAL),
    "raisonSociale": ("HOPITAL FICTIF DES LILAS",) * 3,
    "idNatAdministrateur": (ADMIN, ADMIN, ADMIN),
    "nomAdministrateur": ("ROBERT-TEST",) * 3,
    "prenomAdministrateur": ("CLAUDE",) * 3,
    "idNatBeneficiaire": (AGENT, AGENT, AGENT),
    "nomBeneficiaire": ("PETIT-TEST",) * 3,
    "prenomBeneficiaire": ("LUC",) * 3,
    "idNatActeur": (EDITEUR, EDITEUR, AGENT),
    "nomActeur": ("GARNIER-TEST", "GARNIER-TEST", "PETIT-TEST"),
    "prenomActeur": ("DENISE", "DENISE", "LUC"),
    "etat": ("Demande close", "Produit actif", "Demande enregistrée"),
    "emailActeur": ("demandeur@hopital.example", ABSENT, "r@x.example"),
    "emailNotification": ("informer@hopital.example", ABSENT, "informer@hopital.example"),
    "dateExpiration": ("", ABSENT, ABSENT),
    "dateRevocation": (ABSENT, ABSENT, "2026-07-14T00:00:00+02:00"),
    "motifRevocation": (ABSENT, ABSENT, "PERTE"),
    "motifAutre": (ABSENT, ABSENT, ""),
    "numeroSerie": ("1AB", "1AB", "2AB"),
    "dnAutorite": (AUTORITE, AUTORITE, AUTORITE),
    "dnSujet": ("CN=PETIT-TEST,C=FR",) * 3,
    "domaines": ("", "", ""),
    "nomApplicatif": ("", "", ""),
    "eMailSujet": ("sujet@hopital.example",) * 3,
}


@pytest.mark.parametrize("kind", TypeDemande)
@pytest.mark.parametrize("element", TABLE_21)
def test_row_of_table_21_is_told(lines: dict[str, dict[str, str]], element: str, kind: TypeDemande) -> None:
    """The crosses of the table say which kind has the element; no cross, no element (§18.2 table 21)."""
    assert lines[kind].get(element) == TABLE_21[element][list(TypeDemande).index(kind)]


def test_table_21_of_this_file_has_every_element_in_order(lines: dict[str, dict[str, str]]) -> None:
    """Lines are sent in the order of the table."""
    names = [field.metadata[XML_NAME] for field in fields(Resultat)]
    assert ["erreur", *TABLE_21] == names
    for kind in TypeDemande:
        assert list(lines[kind]) == [name for name in names if name in lines[kind]]


STRUCTURE_ELEMENTS = {"idNatStruct", "raisonSociale"}
BENEFICIAIRE_ELEMENTS = {"idNatBeneficiaire", "nomBeneficiaire", "prenomBeneficiaire"}


@pytest.mark.parametrize("kind", TypeDemande)
@pytest.mark.parametrize(
    ("product", "columns", "expected"),
    [
        (Product(Offre.PS, Usage.SIGN), {**PS, "acteur": MEDECIN}, BENEFICIAIRE_ELEMENTS),
        (Product(Offre.PRO, Usage.SIGN), PRO, STRUCTURE_ELEMENTS | BENEFICIAIRE_ELEMENTS),
        (Product(Offre.ORG, Usage.SIGN), {}, STRUCTURE_ELEMENTS),
        (Product(Offre.SERV, Usage.SIGN), {}, STRUCTURE_ELEMENTS),
    ],
)
def test_elements_that_depend_on_the_offre_are_absent_from_others(
    annuaire: Database,
    kind: TypeDemande,
    product: Product,
    columns: dict[str, Any],
    expected: set[str],
) -> None:
    """« Si l’offre est PRO, SERV ou ORG », « Si l’offre est PS ou PRO » (§18.2 table 21)."""
    add_produit(annuaire, 1, **{**columns, "offre": product.offre, "usage": product.usage})
    add_revocation(annuaire, 1, 1_001)
    context = make_context(columns.get("acteur", EDITEUR))
    [line] = follow(annuaire, kind, product.offre, context=context).resultats
    assert elements(line).keys() & (STRUCTURE_ELEMENTS | BENEFICIAIRE_ELEMENTS) == expected


@pytest.mark.parametrize("etat", ["Produit demandé", "Produit à retirer", "Produit annulé"])
def test_produit_without_certificate_has_a_date_of_expiration_alone(annuaire: Database, etat: str) -> None:
    """DateFinValidite, numeroSerie, dnAutorite empty; dateExpiration thirty days after validation (table 21)."""
    add_produit(annuaire, 1, etat=etat)
    [demande] = follow(annuaire, DEMANDES).resultats
    [produit] = follow(annuaire, PRODUITS).resultats
    assert (produit.date_fin_validite, demande.date_expiration) == ("", "2026-04-01T12:00:00+02:00")
    assert {(line.numero_serie, line.dn_autorite) for line in (demande, produit)} == {("", "")}


@pytest.mark.parametrize("etat", ["Produit retiré", "Produit actif", "Produit révoqué"])
def test_withdrawn_produit_has_its_certificate_and_expires_no_more(annuaire: Database, etat: str) -> None:
    """DateFinValidite, numeroSerie, dnAutorite « toujours présent sinon »; dateExpiration empty (table 21)."""
    add_produit(annuaire, 1, etat=etat)
    [demande] = follow(annuaire, DEMANDES).resultats
    [produit] = follow(annuaire, PRODUITS).resultats
    assert (produit.date_fin_validite, demande.date_expiration) == ("2029-07-01T11:30:00+02:00", "")
    assert {(line.numero_serie, line.dn_autorite) for line in (demande, produit)} == {("1AB", AUTORITE)}


def test_demande_that_was_never_validated_has_no_date_of_expiration(annuaire: Database) -> None:
    """The date counts from validation (§18.2 table 21, dateExpiration)."""
    add_produit(annuaire, 1, etat="Produit annulé", demande_igc=None)
    [demande] = follow(annuaire, DEMANDES).resultats
    assert demande.date_expiration == ""


def test_revocation_under_way_empties_the_end_of_validity(annuaire: Database) -> None:
    """« Si le produit ne fait pas l’objet d’une demande de révocation en cours » (table 21, dateFinValidite)."""
    add_produit(annuaire, 1)
    add_revocation(annuaire, 1, 1_001)
    [produit] = follow(annuaire, PRODUITS).resultats
    assert produit.date_fin_validite == ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("2026-07-14T00:00:00+02:00", "PERTE", "")),
        ({"date_effet": date(2026, 3, 29)}, ("2026-03-29T00:00:00+01:00", "PERTE", "")),
        ({"etat": "Demande close", "revoque_le": NOW}, ("", "PERTE", "")),
        ({"etat": "Demande non traitée"}, ("", "PERTE", "")),
        (
            {"motif": "AUTRE", "autre_description": "Migration"},
            ("2026-07-14T00:00:00+02:00", "AUTRE", "Migration"),
        ),
    ],
)
def test_date_and_motif_of_a_revocation(
    annuaire: Database, changes: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    """DateRevocation while under way, else empty; motif and motifAutre always (§18.2 table 21)."""
    add_produit(annuaire, 1)
    add_revocation(annuaire, 1, 1_001, **changes)
    [line] = follow(annuaire, REVOCATIONS).resultats
    assert (line.date_revocation, line.motif_revocation, line.motif_autre) == expected


def test_several_server_names_are_joined_by_a_space(annuaire: Database) -> None:
    """« Si multivalué, chaque valeur est séparée par le caractère espace » (§18.2 table 21, domaines)."""
    fqdn = ["www.hopital.example", "hopital.example"]
    add_produit(annuaire, 1, offre="SERV", usage="SSL_SERV", fqdn=fqdn, nom_applicatif=None)
    [line] = follow(annuaire, PRODUITS, Offre.SERV).resultats
    assert (line.domaines, line.nom_applicatif) == ("www.hopital.example hopital.example", "")


def test_e_mail_of_the_subject_is_told_for_the_products_that_have_one(annuaire: Database) -> None:
    """SERV SIGN, S/MIME, CONF always; PS, PRO SIGN and CONF when given; empty for others (table 21, eMailSujet)."""
    told = {}
    for numero, product in enumerate(TABLE_11, start=1):
        columns = {Offre.PS: {**PS, "acteur": MEDECIN}, Offre.PRO: PRO}.get(product.offre, {})
        given = {"offre": product.offre, "usage": product.usage, "mail_sujet": "sujet@hopital.example"}
        add_produit(annuaire, numero, **{**columns, **given})
        context = make_context(MEDECIN if product.offre is Offre.PS else EDITEUR)
        [line] = follow(annuaire, PRODUITS, product.offre, usage=product.usage, context=context).resultats
        told[product.label] = line.email_sujet
    assert {label for label, mail in told.items() if mail == "sujet@hopital.example"} == {
        *("PS_SIGN", "PS_CONF", "PRO_SIGN", "PRO_CONF", "SERV_SIGN", "SERV_S/MIME", "SERV_CONF")
    }
    assert set(told.values()) == {"", "sujet@hopital.example"}


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        (datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), "2026-03-29T01:59:59+01:00"),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "2026-03-29T03:00:00+02:00"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-10-25T02:30:00+02:00"),
        (datetime(2026, 10, 25, 1, 30, 0, 999_999, tzinfo=UTC), "2026-10-25T02:30:00+01:00"),
    ],
)
def test_moments_are_told_with_the_offset_of_paris(annuaire: Database, moment: datetime, told: str) -> None:
    """Whole seconds, and the offset that tells the two 02:30 of October apart (§18.2)."""
    add_produit(annuaire, 1, creee_le=moment)
    [line] = follow(annuaire, DEMANDES).resultats
    assert line.creation_date == told


# Table 20


def test_row_statut_of_table_20_is_ok_and_an_entry_is_left(annuaire: Database) -> None:
    """« OK », no avertissement, and who looked at what is in the journal (§18.2 table 20, §20)."""
    add_produit(annuaire, 1)
    reply = follow(annuaire, PRODUITS)
    assert (reply.statut, reply.avertissement, len(reply.resultats)) == ("OK", None, 1)
    assert entries(annuaire) == [("suivreActivite", "accepté", None)]


def test_row_message_of_table_20_holds_the_error_alone(annuaire: Database) -> None:
    """« Sinon le message associé au code d’erreur est inséré dans une balise <erreur> » (§18.2 table 20)."""
    with pytest.raises(Refusal) as refused:
        follow(annuaire, PRODUITS)
    reply = codec.encode(error_response(Operation.SUIVRE_ACTIVITE, refused.value.code.value, refused.value.message))
    assert [child.tag for child in reply] == ["statut", "resultat"]
    assert reply.findtext("resultat/erreur") == (
        "Erreur lors de la recherche de certificat. Veuillez vérifier et renouveler votre demande."
    )


@pytest.mark.parametrize("kind", TypeDemande)
@pytest.mark.parametrize("count", [500, 501])
def test_row_avertissement_of_table_20_tells_that_more_exist(annuaire: Database, kind: TypeDemande, count: int) -> None:
    """500 lines, the newest first; one more brings the avertissement (§18, §18.2)."""
    with annuaire.transaction() as connection:
        connection.execute("INSERT INTO lot VALUES (1, 'TEST', 'x', 'OK', now())")
        for statement in MANY:
            connection.execute(statement.encode(), {"count": count, "acteur": EDITEUR, "structure": HOPITAL})
    reply = follow(annuaire, kind)
    oldest_told = count - 499
    assert [int(line.numero or "") for line in reply.resultats] == list(range(count, oldest_told - 1, -1))
    assert reply.avertissement == (
        None
        if count == 500
        else "MESSAGE : La recherche donne un trop grand nombre de résultats. La réponse n’est pas exhaustive et se "
        "limite à 500 réponses. Veuillez restreindre la recherche."
    )


MANY = (
    """
    INSERT INTO demande (numero, environnement, lot, canal, acteur, nom_acteur, prenom_acteur, mail_demandeur,
                         mail_a_informer, etat, creee_le)
    SELECT n, 'TEST', 1, 'WS', %(acteur)s, 'N', 'P', 'a@b.example', 'a@b.example', 'Demande close', now()
    FROM generate_series(1, %(count)s) AS n
    """,
    """
    INSERT INTO produit (numero, demande, environnement, offre, usage, id_nat_struct, etat, demande_igc, certificat,
                         numero_serie, autorite, debut_validite, fin_validite)
    SELECT n, n, 'TEST', 'ORG', (ARRAY['SIGN', 'CONF', 'AUTH_CLI'])[1 + n %% 3], %(structure)s, 'Produit actif', '{}',
           'DER', upper(to_hex(n)), 'CN=AC', now(), now() + interval '3 years'
    FROM generate_series(1, %(count)s) AS n
    """,
    """
    INSERT INTO revocation (numero, environnement, produit, canal, acteur, nom_acteur, prenom_acteur, mail_demandeur,
                            mail_a_informer, motif, date_effet, etat, creee_le)
    SELECT n, 'TEST', n, 'WS', %(acteur)s, 'N', 'P', 'a@b.example', 'a@b.example', 'VOL', now(), 'Demande enregistrée',
           now()
    FROM generate_series(1, %(count)s) AS n
    """,
)


# Table 19: every element given is a filter


def test_row_type_demande_chooses_what_is_listed(annuaire: Database) -> None:
    """Demandes, produits, révocations by their own numbers (§18.1 table 19)."""
    add_produit(annuaire, 1)
    add_revocation(annuaire, 7, 1_001)
    assert [numbers(annuaire, kind) for kind in TypeDemande] == [[1], [1_001], [7]]


@pytest.mark.parametrize("kind", TypeDemande)
def test_row_offre_and_row_usage_filter(annuaire: Database, kind: TypeDemande) -> None:
    """The offre always, the usage when it is given (§18.1 table 19)."""
    for numero, (offre, usage) in enumerate([("ORG", "SIGN"), ("ORG", "CONF"), ("SERV", "SIGN")], start=1):
        add_produit(annuaire, numero, offre=offre, usage=usage)
        add_revocation(annuaire, numero + 1_000, numero + 1_000)
    shift = 0 if kind is DEMANDES else 1_000
    assert numbers(annuaire, kind, Offre.ORG) == [shift + 2, shift + 1]
    assert numbers(annuaire, kind, Offre.ORG, usage=Usage.SIGN) == [shift + 1]
    assert numbers(annuaire, kind, Offre.SERV, usage=Usage.SIGN) == [shift + 3]
    assert numbers(annuaire, kind, Offre.SERV, usage=Usage.CONF) == []


def test_row_indice_lot_filters_demandes(annuaire: Database) -> None:
    """The index of the lot, with or without leading zeros; one that can be nobody's finds nothing (table 19)."""
    for numero, lot in ((1, 8), (2, 9), (3, 9)):
        add_produit(annuaire, numero, lot=lot)
    assert numbers(annuaire, DEMANDES, indice_lot="9") == [3, 2]
    assert numbers(annuaire, DEMANDES, indice_lot="0008") == [1]
    assert numbers(annuaire, DEMANDES, indice_lot="7") == []
    assert numbers(annuaire, DEMANDES, indice_lot="9" * 150) == []


@pytest.mark.parametrize("kind", TypeDemande)
@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        (date(2026, 3, 2), datetime(2026, 3, 1, 23, tzinfo=UTC), datetime(2026, 3, 2, 22, 59, 59, 999_999, tzinfo=UTC)),
        (date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC)),
        (date(2026, 10, 25), datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC)),
    ],
    ids=["24 hours", "23 hours", "25 hours"],
)
def test_row_date_creation_demande_is_a_day_of_paris(
    annuaire: Database, kind: TypeDemande, day: date, first: datetime, last: datetime
) -> None:
    """From the first to the last instant of the day; a produit by its demande's creation, a révocation by its own."""
    second = (last - first).resolution * 1_000_000
    for numero, moment in enumerate((first - second, first, last, last + second), start=1):
        add_produit(annuaire, numero, creee_le=moment)
        add_revocation(annuaire, numero + 1_000, numero + 1_000, creee_le=moment)
    shift = 0 if kind is DEMANDES else 1_000
    assert numbers(annuaire, kind, date_creation_demande=day) == [shift + 3, shift + 2]


@pytest.mark.parametrize("day", [date.min, date.max])
def test_days_at_the_ends_of_the_calendar_find_nothing(annuaire: Database, day: date) -> None:
    """The schema lets them in: they are days like others."""
    add_produit(annuaire, 1)
    assert numbers(annuaire, PRODUITS, date_creation_demande=day) == []


def test_revocation_is_filtered_by_its_own_creation(annuaire: Database) -> None:
    """« Demande de révocation - Date création », not that of the certificate (§18.1 table 19)."""
    add_produit(annuaire, 1, creee_le=datetime(2025, 1, 15, 9, tzinfo=UTC))
    add_revocation(annuaire, 1, 1_001)
    assert numbers(annuaire, REVOCATIONS, date_creation_demande=date(2026, 3, 2)) == [1]
    assert numbers(annuaire, REVOCATIONS, date_creation_demande=date(2025, 1, 15)) == []
    assert numbers(annuaire, PRODUITS, date_creation_demande=date(2025, 1, 15)) == [1_001]


@pytest.mark.parametrize("kind", TypeDemande)
def test_row_id_nat_beneficiaire_filters(annuaire: Database, kind: TypeDemande) -> None:
    """PRO: the bénéficiaire; PS: oneself or nothing (§18.1 table 19)."""
    add_produit(annuaire, 1, **PRO)
    add_produit(annuaire, 2, **{**PRO, "id_nat_beneficiaire": MEDECIN})
    add_produit(annuaire, 3, **PS, acteur=MEDECIN)
    for numero in (1_001, 1_002, 1_003):
        add_revocation(annuaire, numero, numero)
    shift = 0 if kind is DEMANDES else 1_000
    assert numbers(annuaire, kind, Offre.PRO, id_nat_beneficiaire=AGENT) == [shift + 1]
    medecin = make_context(MEDECIN)
    assert numbers(annuaire, kind, Offre.PS, id_nat_beneficiaire=MEDECIN, context=medecin) == [shift + 3]
    assert numbers(annuaire, kind, Offre.PS, id_nat_beneficiaire=AGENT, context=medecin) == []


@pytest.mark.parametrize("kind", TypeDemande)
def test_row_id_nat_struct_filters(annuaire: Database, kind: TypeDemande) -> None:
    """One structure at a time (§18.1 table 19)."""
    with annuaire.transaction() as connection:
        held = [Habilitation(acteur=EDITEUR, offre=Offre.ORG, id_nat_struct=CENTRE)]
        save_habilitations(connection, Environment.TEST, held)
    add_produit(annuaire, 1)
    add_produit(annuaire, 2, id_nat_struct=CENTRE)
    for numero in (1_001, 1_002):
        add_revocation(annuaire, numero, numero)
    shift = 0 if kind is DEMANDES else 1_000
    assert numbers(annuaire, kind) == [shift + 1]
    assert numbers(annuaire, kind, id_nat_struct=CENTRE) == [shift + 2]


@pytest.mark.parametrize("kind", TypeDemande)
def test_row_id_nat_acteur_filters_by_oneself(annuaire: Database, kind: TypeDemande) -> None:
    """Of a structure's, what the acteur asked for: of a révocation, its own acteur (§18.1 table 19)."""
    add_produit(annuaire, 1)
    add_produit(annuaire, 2, acteur=AGENT)
    add_revocation(annuaire, 1_001, 1_002)
    add_revocation(annuaire, 1_002, 1_001, acteur=AGENT)
    expected = {DEMANDES: [1], PRODUITS: [1_001], REVOCATIONS: [1_001]}
    assert numbers(annuaire, kind, id_nat_acteur=EDITEUR) == expected[kind]


@pytest.mark.parametrize("kind", TypeDemande)
def test_row_id_nat_tiers_follows_for_the_tiers(annuaire: Database, kind: TypeDemande) -> None:
    """An AdminASIP sees what the tiers would; idNatActeur may name the tiers then (§18, « Agir pour un tiers »)."""
    add_produit(annuaire, 1)
    add_revocation(annuaire, 1_001, 1_001)
    found = numbers(annuaire, kind, context=make_context(ADMIN), id_nat_tiers=EDITEUR, id_nat_acteur=EDITEUR)
    assert found == numbers(annuaire, kind)
    assert len(found) == 1
    with annuaire.transaction() as connection:
        [row, _] = connection.execute("SELECT acteur, administrateur FROM journal ORDER BY id").fetchall()
    assert (row["acteur"], row["administrateur"]) == (EDITEUR, ADMIN)


def test_filters_are_anded(annuaire: Database) -> None:
    """« Une série de filtres en mode ET logique » (§18.2)."""
    other_day = datetime(2026, 3, 3, 9, tzinfo=UTC)
    add_produit(annuaire, 1, lot=1, usage="SIGN")
    add_produit(annuaire, 2, lot=2, usage="SIGN")
    add_produit(annuaire, 3, lot=1, usage="CONF")
    add_produit(annuaire, 4, lot=1, usage="SIGN", creee_le=other_day)
    filters: dict[str, Any] = {"indice_lot": "1", "usage": Usage.SIGN, "date_creation_demande": date(2026, 3, 2)}
    assert numbers(annuaire, DEMANDES, **filters) == [1]


# Rights


def test_demandes_of_others_are_not_seen(annuaire: Database) -> None:
    """« Le suivi des demandes est possible par l’acteur de la demande » (§18)."""
    add_produit(annuaire, 1, acteur=AGENT)
    assert numbers(annuaire, DEMANDES) == []
    assert numbers(annuaire, DEMANDES, context=make_context(AGENT)) == [1]


@pytest.mark.parametrize("kind", [PRODUITS, REVOCATIONS])
def test_produits_of_a_structure_are_seen_whoever_asked_for_them(annuaire: Database, kind: TypeDemande) -> None:
    """The habilitation is on the perimeter, not on the person (§18)."""
    add_produit(annuaire, 1, acteur=AGENT)
    add_revocation(annuaire, 1_001, 1_001, acteur=AGENT)
    assert numbers(annuaire, kind) == [1_001]


@pytest.mark.parametrize("kind", TypeDemande)
def test_professional_sees_their_own_alone(annuaire: Database, kind: TypeDemande) -> None:
    """Offre PS « à titre personnel » (§8 table 6, §18)."""
    for numero, acteur in ((1, MEDECIN), (2, "899700990023")):
        add_produit(annuaire, numero, **PS, acteur=acteur)
        add_revocation(annuaire, numero + 1_000, numero + 1_000)
    shift = 0 if kind is DEMANDES else 1_000
    assert numbers(annuaire, kind, Offre.PS, context=make_context(MEDECIN)) == [shift + 1]


@pytest.mark.parametrize("kind", [PRODUITS, REVOCATIONS])
def test_porteur_sees_their_own_alone(annuaire: Database, kind: TypeDemande) -> None:
    """A bénéficiaire without habilitation sees neither a colleague's nor another structure's (§8 table 5)."""
    add_produit(annuaire, 1, **PRO)
    add_produit(annuaire, 2, **{**PRO, "id_nat_beneficiaire": MEDECIN})
    add_produit(annuaire, 3, **{**PRO, "id_nat_struct": CENTRE})
    for numero in (1_001, 1_002, 1_003):
        add_revocation(annuaire, numero, numero)
    agent = make_context(AGENT)
    assert numbers(annuaire, kind, Offre.PRO, context=agent) == [1_001]
    assert numbers(annuaire, kind, Offre.PRO, context=agent, id_nat_beneficiaire=MEDECIN) == []


def test_porteur_who_left_the_structure_still_sees_their_own(annuaire: Database) -> None:
    """A produit makes a porteur, and another filter that finds nothing does not unmake them (§8 table 5)."""
    add_produit(annuaire, 1, **{**PRO, "id_nat_struct": CENTRE})
    wanted: dict[str, Any] = {"id_nat_struct": CENTRE, "context": make_context(AGENT)}
    assert numbers(annuaire, PRODUITS, Offre.PRO, **wanted) == [1_001]
    assert numbers(annuaire, PRODUITS, Offre.PRO, **wanted, usage=Usage.CONF) == []
    assert numbers(annuaire, REVOCATIONS, Offre.PRO, **wanted) == []


HORS_PERIMETRE = ("WSMG-00000043", Raison.HORS_PERIMETRE.value)


@pytest.mark.parametrize("kind", [PRODUITS, REVOCATIONS])
def test_foreign_and_unknown_structures_get_one_answer(annuaire: Database, kind: TypeDemande) -> None:
    """Without rights nothing is learnt of what exists (§18, RMT_ERR_016 <Erreur_Habilitation>)."""
    for numero, (offre, columns) in enumerate(((Offre.PRO, PRO), (Offre.ORG, {}), (Offre.SERV, {})), start=1):
        add_produit(annuaire, numero, **{**columns, "offre": offre, "usage": "SIGN", "id_nat_struct": CENTRE})
        for structure in (CENTRE, "1999999999"):
            assert refusal_of(annuaire, kind, offre, id_nat_struct=structure) == HORS_PERIMETRE


def test_acteur_of_another_is_refused_with_the_text_of_18_3(annuaire: Database) -> None:
    """Non-passing case 1 of §18.3, word for word."""
    with pytest.raises(Refusal) as refused:
        follow(annuaire, PRODUITS, id_nat_acteur=AGENT)
    assert refused.value.message == (
        "Erreur lors de la vérification de la validité de la demande de suivi : Le bénéficiaire n’est pas habilité "
        "pour l’offre demandée."
    )


def test_index_of_a_lot_with_produits_is_refused(annuaire: Database) -> None:
    """WSMG-00000005 names the element, before any right is looked at (§18.1 table 19)."""
    assert refusal_of(annuaire, PRODUITS, indice_lot="1", id_nat_struct=CENTRE) == ("WSMG-00000005", "IndiceLot")


@pytest.mark.parametrize(
    ("signataire", "tiers", "raison"),
    [
        ("599900034200017/CPAT0099", None, Raison.ACTEUR_INCONNU),
        (ADMIN, "899799999999", Raison.ACTEUR_INCONNU),
        (EDITEUR, AGENT, Raison.HORS_PERIMETRE),
        (EDITEUR, EDITEUR, Raison.HORS_PERIMETRE),
    ],
)
def test_signer_must_be_known_and_tiers_needs_an_admin(
    annuaire: Database, signataire: str, tiers: str | None, raison: Raison
) -> None:
    """RMT_ERR_016: the acteur in the annuaire; idNatTiers from an AdminASIP alone (decisions §4)."""
    refused = refusal_of(annuaire, DEMANDES, context=make_context(signataire), id_nat_tiers=tiers)
    assert refused == ("WSMG-00000043", raison)


def test_beneficiaire_that_nobody_knows_is_told_to_an_administrateur_alone(annuaire: Database) -> None:
    """RMT_ERR_016, once nothing was found: a former bénéficiaire's produits stay visible."""
    unknown: dict[str, Any] = {"id_nat_beneficiaire": "899799999999"}
    expected = ("WSMG-00000043", Raison.BENEFICIAIRE_INCONNU)
    assert refusal_of(annuaire, PRODUITS, Offre.PRO, **unknown) == expected
    stranger = refusal_of(annuaire, DEMANDES, Offre.PRO, **unknown, context=make_context(AGENT))
    assert stranger == ("WSMG-00000007", "")
    add_produit(annuaire, 1, **{**PRO, **unknown})
    assert numbers(annuaire, PRODUITS, Offre.PRO, **unknown) == [1_001]


def test_structure_that_nobody_knows_is_told_to_an_admin_asip_alone(annuaire: Database) -> None:
    """RMT_ERR_016: « La structure n’existe pas dans l’annuaire »."""
    unknown: dict[str, Any] = {"id_nat_struct": "1999999999"}
    for_tiers: dict[str, Any] = {"context": make_context(ADMIN), "id_nat_tiers": EDITEUR}
    assert refusal_of(annuaire, DEMANDES, **unknown, **for_tiers) == ("WSMG-00000043", Raison.STRUCTURE_INCONNUE)
    assert refusal_of(annuaire, DEMANDES, **unknown) == ("WSMG-00000007", "")


@pytest.mark.parametrize(
    ("kind", "code"), [(DEMANDES, "WSMG-00000007"), (PRODUITS, "WSMG-00000008"), (REVOCATIONS, "WSMG-00000007")]
)
def test_nothing_found_has_the_code_of_its_kind(annuaire: Database, kind: TypeDemande, code: str) -> None:
    """7 for demandes and révocations, 8 for produits; a suivi that is refused is journaled by who called it."""
    assert refusal_of(annuaire, kind) == (code, "")
    assert entries(annuaire) == []


# Environments


@pytest.mark.parametrize("kind", TypeDemande)
def test_environments_never_see_each_other(annuaire: Database, kind: TypeDemande) -> None:
    """The same acteur, structure and bénéficiaire in both: each sees its own rows (§13)."""
    with annuaire.transaction() as connection:
        person = Personne(
            environment=Environment.PRODUCTION, id_nat=EDITEUR, genre=Genre.PA, nom="N", prenom="P", titre="T"
        )
        save_personnes(connection, [person])
        held = [Habilitation(acteur=EDITEUR, offre=Offre.PRO, id_nat_struct=HOPITAL, domaine="*@hopital.example")]
        save_habilitations(connection, Environment.PRODUCTION, held)
    for numero, environnement in ((1, "TEST"), (2, "PRODUCTION")):
        add_produit(annuaire, numero, lot=numero, environnement=environnement, **PRO)
        add_revocation(annuaire, numero + 1_000, numero + 1_000, environnement=environnement)
    shift = 0 if kind is DEMANDES else 1_000
    for numero, environment in ((1, Environment.TEST), (2, Environment.PRODUCTION)):
        context = make_context(environment=environment)
        other = str(3 - numero)
        assert numbers(annuaire, kind, Offre.PRO, context=context) == [shift + numero]
        assert numbers(annuaire, kind, Offre.PRO, context=context, id_nat_beneficiaire=AGENT) == [shift + numero]
        if kind is DEMANDES:
            assert numbers(annuaire, kind, Offre.PRO, context=context, indice_lot=other) == []


# What a stranger asked for


def ask_as_a_stranger(annuaire: Database, *demandes: DemandeCertificat, signataire: str = AGENT) -> None:
    """A lot of somebody without rights on the perimeter, refused whole or one by one."""
    requete = RequeteDemandeCertificats(demandes=demandes)
    reply = demander_certificats(requete, database=annuaire, context=make_context(signataire), rules=RULES)
    assert all(demande.statut_demande != "OK" for demande in reply.demandes)


ORG_SIGN, PRO_SIGN = Product(Offre.ORG, Usage.SIGN), Product(Offre.PRO, Usage.SIGN)


@pytest.mark.parametrize(
    "changes", [{}, {"csr": "bm90IGEgQ1NS"}, {"nom_applicatif": None}, {"id_nat_tiers": EDITEUR}], ids=str
)
@pytest.mark.parametrize("signataire", [AGENT, "599900034200017/CPAT0099"], ids=["without rights", "unknown"])
def test_stranger_writes_nothing_into_the_produits_of_a_structure(
    annuaire: Database, changes: dict[str, Any], signataire: str
) -> None:
    """Whatever it was refused for: PRODUITS shows a perimeter to who administers it, not who names it (§18)."""
    ask_as_a_stranger(annuaire, demande_for(ORG_SIGN, make_csr(), **changes), signataire=signataire)
    assert numbers(annuaire, PRODUITS) == []
    [row] = rows(annuaire, "SELECT etat, hors_perimetre FROM produit")
    assert row == {"etat": "Produit annulé", "hors_perimetre": True}


def test_stranger_sees_their_own_refused_demande(annuaire: Database) -> None:
    """« Le suivi des demandes est possible par l’acteur de la demande » (§18)."""
    ask_as_a_stranger(annuaire, demande_for(ORG_SIGN, make_csr()))
    [line] = follow(annuaire, DEMANDES, context=make_context(AGENT)).resultats
    assert (line.etat, line.raison_sociale) == ("Demande rejetée", "")


def test_stranger_makes_nobody_a_porteur(annuaire: Database) -> None:
    """A bénéficiaire whom somebody without rights names has no produit there, nor any right (§8 table 5)."""
    ask_as_a_stranger(annuaire, demande_for(PRO_SIGN, make_csr(), id_nat_struct=CENTRE), signataire=EDITEUR)
    wanted: dict[str, Any] = {"id_nat_struct": CENTRE, "context": make_context(AGENT)}
    assert refusal_of(annuaire, PRODUITS, Offre.PRO, **wanted) == HORS_PERIMETRE


def test_lot_of_a_stranger_refused_whole_is_nobody_elses(annuaire: Database) -> None:
    """Its demandes are kept as « Demande non traitée », for their acteur alone (§14.2)."""
    demande = demande_for(ORG_SIGN, make_csr())
    record_refused_lot([demande], Refusal(codes.WSMG_23), database=annuaire, context=make_context(AGENT))
    assert numbers(annuaire, PRODUITS) == []
    assert len(numbers(annuaire, DEMANDES, context=make_context(AGENT))) == 1


def test_refused_demande_within_the_perimeter_is_seen_there(annuaire: Database) -> None:
    """A colleague sees what an administrateur technique asked for in vain, as « Produit annulé » (§14.2)."""
    with annuaire.transaction() as connection:
        held = [Habilitation(acteur=AGENT, offre=Offre.ORG, id_nat_struct=HOPITAL)]
        save_habilitations(connection, Environment.TEST, held)
    ask_as_a_stranger(annuaire, demande_for(ORG_SIGN, "bm90IGEgQ1NS"), signataire=EDITEUR)
    record_refused_lot(
        [demande_for(ORG_SIGN, make_csr())], Refusal(codes.WSMG_23), database=annuaire, context=make_context()
    )
    told = [line.etat for line in follow(annuaire, PRODUITS, context=make_context(AGENT)).resultats]
    assert told == ["Produit annulé", "Produit annulé"]


# Damage


EVERY_CHECK = """
    DO $$
    DECLARE
        regle record;
    BEGIN
        FOR regle IN SELECT conrelid::regclass AS la_table, conname FROM pg_constraint
            WHERE contype = 'c' AND conrelid IN ('demande'::regclass, 'produit'::regclass, 'revocation'::regclass) LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', regle.la_table, regle.conname);
        END LOOP;
        FOR regle IN SELECT attrelid::regclass AS la_table, attname FROM pg_attribute
            WHERE attnotnull AND attnum > 0 AND attname <> 'numero'
              AND attrelid IN ('demande'::regclass, 'produit'::regclass, 'revocation'::regclass) LOOP
            EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', regle.la_table, regle.attname);
        END LOOP;
    END $$
"""
"""Takes away what keeps a row sound: a damaged disk asks no constraint."""


def damage(dsn: str, table: str, change: str, number: int) -> None:
    """Change a row as nothing but damage can."""
    with psycopg.connect(dsn) as connection:
        connection.execute(EVERY_CHECK)
        connection.execute(f"UPDATE {table} SET {change} WHERE numero = {number}".encode())  # noqa: S608 - of this file


@pytest.mark.parametrize(
    ("kind", "table", "change"),
    [
        (DEMANDES, "produit", "numero_serie = 'pas un nombre'"),
        (DEMANDES, "produit", "numero_serie = '1_0'"),
        (PRODUITS, "produit", "autorite = NULL"),
        (PRODUITS, "produit", "nom_applicatif = E'INSI\\x0b'"),
        (REVOCATIONS, "produit", "dn_sujet = E'CN=\\x01'"),
        (REVOCATIONS, "produit", "numero_serie = ''"),
        *((kind, "produit", "fin_validite = 'infinity'") for kind in TypeDemande),
        (PRODUITS, "produit", "debut_validite = '-infinity'"),
        (PRODUITS, "produit", "debut_validite = '10000-01-01 00:00+00'"),
        (PRODUITS, "produit", "fin_validite = '0044-03-15 00:00+00 BC'"),
        (PRODUITS, "produit", "fin_validite = NULL"),
        (PRODUITS, "produit", "etat = NULL"),
        (PRODUITS, "produit", "etat = 'Produit égaré'"),
        (PRODUITS, "produit", "fqdn = NULL"),
        (PRODUITS, "produit", "fqdn = ARRAY['a.example', NULL]"),
        (PRODUITS, "produit", "fqdn = ARRAY[ARRAY['a.example']]"),
        (DEMANDES, "demande", "creee_le = 'infinity'"),
        (DEMANDES, "demande", "creee_le = NULL"),
        (DEMANDES, "demande", "nom_acteur = NULL"),
        (DEMANDES, "demande", "mail_demandeur = NULL"),
        (DEMANDES, "demande", "canal = NULL"),
        (DEMANDES, "demande", "etat = NULL"),
        (PRODUITS, "demande", "prenom_acteur = NULL"),
        (REVOCATIONS, "revocation", "date_effet = 'infinity'"),
        (REVOCATIONS, "revocation", "date_effet = '-infinity'"),
        (REVOCATIONS, "revocation", "date_effet = NULL"),
        (REVOCATIONS, "revocation", "creee_le = '-infinity'"),
        (REVOCATIONS, "revocation", "motif = NULL"),
    ],
)
def test_damaged_row_is_left_out_and_journaled(
    annuaire: Database, dsn: str, kind: TypeDemande, table: str, change: str
) -> None:
    """One bad row never empties the answer: at odds with itself, beyond the calendar, not fit for XML (§18)."""
    for numero in (1, 2, 3):
        add_produit(annuaire, numero)
        add_revocation(annuaire, numero + 1_000, numero + 1_000)
    damage(dsn, table, change, 2 if table == "demande" else 1_002)
    reply = follow(annuaire, kind)
    codec.encode(reply)
    shift = 0 if kind is DEMANDES else 1_000
    assert [line.numero for line in reply.resultats] == [str(shift + 3), str(shift + 1)]
    [(_, left_out, detail), (_, accepted, _)] = entries(annuaire)
    assert (left_out, accepted) == ("ligne écartée", "accepté")
    assert str(detail).startswith(f"{kind.value} {shift + 2} : ")


def test_answer_of_damaged_rows_alone_is_no_result(annuaire: Database, dsn: str) -> None:
    """Nothing can be told: the code of an empty search, and the journal says why."""
    add_produit(annuaire, 1)
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE produit SET autorite = NULL")
    assert refusal_of(annuaire, PRODUITS) == ("WSMG-00000008", "")
    assert [result for _, result, _ in entries(annuaire)] == ["ligne écartée"]


def test_every_other_row_of_a_spoilt_table_is_told(annuaire: Database, dsn: str) -> None:
    """Several damages at once: each one has its entry, and the sound rows are all there."""
    for numero in range(1, 7):
        add_produit(annuaire, numero)
    for numero, change in ((1_001, "fin_validite = 'infinity'"), (1_003, "etat = NULL"), (1_006, "autorite = ''")):
        damage(dsn, "produit", change, numero)
    assert numbers(annuaire, PRODUITS) == [1_005, 1_004, 1_002]
    assert [result for _, result, _ in entries(annuaire)] == ["ligne écartée"] * 3 + ["accepté"]


def test_broken_certificate_damages_no_line(annuaire: Database, dsn: str) -> None:
    """A line is told from its columns: what cannot be parsed is not looked at."""
    add_produit(annuaire, 1)
    damage(dsn, "produit", "certificat = '\\x3082'", 1_001)
    assert numbers(annuaire, PRODUITS) == [1_001]


# With the other operations


def test_life_of_a_produit_is_followed(authority: EmbeddedAuthority, annuaire: Database) -> None:
    """Demanded, withdrawn, delivered, revoked: each step is seen, with the certificate's own serial number (§18)."""
    context = make_context()
    requete = RequeteDemandeCertificats(demandes=(demande_for(Product(Offre.ORG, Usage.SIGN), make_csr()),))
    lot = demander_certificats(requete, database=annuaire, context=context, rules=RULES)
    [demande] = follow(annuaire, DEMANDES, indice_lot=lot.indice_lot).resultats
    assert (demande.etat, demande.numero_serie) == ("Demande validée", "")
    indice = lot.demandes[0].indice_retrait or ""
    retrait = retirer_certificat(
        RequeteRetraitCertificat(indice_retrait=indice, code_revocation="code"),
        database=annuaire,
        authority=authority,
        context=context,
    )
    confirm_delivery(retrait, database=annuaire, context=context)
    [produit] = follow(annuaire, PRODUITS).resultats
    assert produit.etat == "Produit actif"
    with annuaire.transaction() as connection:
        [row] = connection.execute("SELECT certificat FROM produit").fetchall()
    certificate = x509.load_der_x509_certificate(row["certificat"])
    assert produit.numero_serie == f"{certificate.serial_number:X}"
    aki = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    revoquer_certificat(
        RequeteRevocationCertificat(
            aki=(aki or b"").hex(),
            numero_serie=produit.numero_serie,
            gamme="EL",
            motif=Motif.FIN_DACTIVITE,
            mail_demandeur="demandeur@hopital.example",
            mail_personne_a_informer="informer@hopital.example",
        ),
        database=annuaire,
        authority=authority,
        context=context,
        rules=Rules(),
    )
    [revocation] = follow(annuaire, REVOCATIONS).resultats
    assert (revocation.etat, revocation.motif_revocation) == ("Demande close", "FIN_DACTIVITE")
    assert follow(annuaire, PRODUITS).resultats[0].etat == "Produit révoqué"


def test_refused_demandes_are_followed_too(annuaire: Database) -> None:
    """Non traitée for a usage its offre has not, rejetée for its CSR: their acteur sees both (§14.2, §18)."""
    org = Product(Offre.ORG, Usage.SIGN)
    lot = (demande_for(org, make_csr(), usage=Usage.SSL_SERV), demande_for(org, "bm90IGEgQ1NS"))
    requete = RequeteDemandeCertificats(demandes=lot)
    demander_certificats(requete, database=annuaire, context=make_context(), rules=RULES)
    told = [(line.etat, line.usage, line.date_expiration) for line in follow(annuaire, DEMANDES).resultats]
    assert told == [("Demande rejetée", "SIGN", ""), ("Demande non traitée", "SSL_SERV", "")]


def database_of(postgres: str, name: str, revision: str) -> str:
    """The DSN of a new database as it was at a revision."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    dsn = make_conninfo(postgres, dbname=name)
    config = Config()
    config.set_main_option("script_location", str(migrations.PLATFORM.folder))
    config.attributes.update(dsn=dsn, schema="public", oldest=revision)
    command.upgrade(config, revision)
    return dsn


def test_rows_older_than_the_indexes_are_found(postgres: str, tmp_path: Any) -> None:
    """The migration fills what the suivi searches by, for what was there before it."""
    dsn = database_of(postgres, "avant_suivi", "0002")
    database = Database(dsn)
    add_produit(database, 1, **PRO)
    add_revocation(database, 1_001, 1_001)
    database.close()
    migrations.migrate(dsn)
    database = Database(dsn)
    load_annuaire(database, tmp_path)
    assert [numbers(database, kind, Offre.PRO) for kind in TypeDemande] == [[1], [1_001], [1_001]]
    database.close()


def test_refused_demandes_older_than_the_perimeter_are_sorted_by_the_habilitations_of_their_day(
    postgres: str, tmp_path: Any
) -> None:
    """SERV counts for ORG; a habilitation that had ended, or none, leaves the produit out of the structure's."""
    dsn = database_of(postgres, "avant_perimetre", "0006")
    database = Database(dsn)
    load_annuaire(database, tmp_path)
    with database.transaction() as connection:
        connection.execute("DELETE FROM habilitation")
        held = [
            Habilitation(acteur="par SERV", offre=Offre.SERV, id_nat_struct=HOPITAL, domaine="hopital.example"),
            Habilitation(acteur="fini", offre=Offre.ORG, id_nat_struct=HOPITAL, fin=date(2026, 3, 1)),
            Habilitation(acteur="du jour", offre=Offre.ORG, id_nat_struct=HOPITAL, fin=date(2026, 3, 2)),
            Habilitation(acteur="ailleurs", offre=Offre.ORG, id_nat_struct=CENTRE),
            Habilitation(acteur=EDITEUR, offre=Offre.ORG, id_nat_struct=HOPITAL),
        ]
        save_habilitations(connection, Environment.TEST, held)
    for numero, acteur in enumerate(("par SERV", "fini", "du jour", "ailleurs", AGENT), start=1):
        add_produit(database, numero, etat="Produit annulé", demande_igc=None, acteur=acteur)
    add_produit(database, 6, etat="Produit annulé", acteur=AGENT)
    database.close()
    migrations.migrate(dsn)
    database = Database(dsn)
    assert numbers(database, PRODUITS) == [1_006, 1_003, 1_001]
    database.close()

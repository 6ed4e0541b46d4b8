"""The way of a request: each step is taken, in its order, and leaves what it must (guide §14 to §19)."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from psycopg import OperationalError
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from pfcng.contract.catalogue import Environment
from pfcng.contract.messages import RequeteDemandeCertificats
from pfcng.domain.annuaire import Genre, Habilitation, Personne
from pfcng.domain.rules import Rules
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.operations.context import Arrival
from pfcng.store.annuaire import load_annuaire, save_habilitations, save_personnes
from pfcng.store.database import Database, Row
from pfcng.web.pipeline import Call, Reply, guard, serve
from pfcng.web.platform import Platform
from pfcng.web.service import create_service
from pfcng.web.threads import MAX_THREADS
from pfcng.web.trust import LiveTrust
from pfcng.xml import codec, dsig
from support.asgi import AsgiClient
from support.csrs import make_csr
from support.demandes import HOPITAL, demande_for
from support.minimal_pki import MinimalPki
from support.scenario import ORG


@pytest.fixture
def platform(annuaire: Database, authority: EmbeddedAuthority, minimal_pki: MinimalPki) -> Platform:
    """A platform that believes the minimal hierarchy; its one card may order for the hospital."""
    holder = "899700000001"
    with annuaire.transaction() as connection:
        person = Personne(
            environment=Environment.TEST, id_nat=holder, genre=Genre.PS, nom="N", prenom="P", titre="Médecin"
        )
        save_personnes(connection, [person])
        held = Habilitation(acteur=holder, offre=ORG.offre, id_nat_struct=HOPITAL)
        save_habilitations(connection, Environment.TEST, [held])
    return Platform(
        database=annuaire,
        authority=authority,
        trust=LiveTrust(minimal_pki.trust, clock=lambda: minimal_pki.now),
        clock=lambda: minimal_pki.now,
        rules=Rules(),
    )


@pytest.fixture
def arrival(minimal_pki: MinimalPki) -> Arrival:
    """A request of that moment."""
    return Arrival(incident="0badcafe", titulaire_tls="CN=editeur", adresse="192.0.2.1", now=minimal_pki.now)


def lot_of(pki: MinimalPki, *, demandes: int = 1, fqdn: int = 0, mail: str = "a@hopital.example") -> bytes:
    """A signed lot of that many demandes; its first one has that many FQDN and that address."""
    lot = codec.encode(RequeteDemandeCertificats(demandes=(demande_for(ORG, make_csr()),)))
    [first] = lot
    [address] = first.iter("mailDemandeur")
    address.text = mail
    [before] = first.iter("mailPersonneAInformer")
    for number in range(fqdn):
        name = etree.Element("FQDN")
        name.text = f"a{number}.hopital.example"
        before.addprevious(name)
    for _ in range(demandes - 1):
        lot.append(etree.fromstring(etree.tostring(first)))
    return dsig.sign(lot, certificate=pki.signer.certificate, key=pki.signer.key)


def call_of(platform: Platform, raw: bytes | None, **headers: str | None) -> Call:
    call = Call(
        raw=raw,
        soap_action="demanderCertificats",
        content_type="text/xml",
        content_encoding=None,
        trust=platform.trust.current,
    )
    return replace(call, **headers)  # type: ignore[arg-type]  # the caller names fields


def statut_of(reply: Reply) -> str:
    """The reply's ``statutLot`` or faultcode."""
    root = etree.fromstring(reply.content)
    [found] = list(root.iter("statutLot", "faultcode"))
    return found.text or ""


def journal_of(database: Database) -> list[tuple[object, ...]]:
    """What the journal tells, without dates."""
    with database.transaction() as connection:
        rows: list[Row] = connection.execute(
            "SELECT acte, resultat, code, incident, adresse FROM journal ORDER BY id"
        ).fetchall()
    return [tuple(row.values()) for row in rows]


def test_accepted_lot_is_answered_and_journaled(platform: Platform, arrival: Arrival, minimal_pki: MinimalPki) -> None:
    """The whole way, from signed bytes to the reply."""
    reply = serve(call_of(platform, lot_of(minimal_pki)), arrival, platform)
    assert (reply.status, statut_of(reply)) == (200, "OK")
    assert journal_of(platform.database) == [("demanderCertificats", "accepté", None, "0badcafe", "192.0.2.1")]


def test_refused_signature_is_journaled(platform: Platform, arrival: Arrival, minimal_pki: MinimalPki) -> None:
    """WSMG-00000002: the act is traced though nobody is known to have done it."""
    reply = serve(call_of(platform, lot_of(minimal_pki).replace(b"INSI-AUTO", b"INSI-EVIL")), arrival, platform)
    assert statut_of(reply) == "WSMG-00000002"
    expected = ("demanderCertificats", "refusé", "WSMG-00000002", "0badcafe", "192.0.2.1")
    assert journal_of(platform.database) == [expected]


@pytest.mark.parametrize(
    ("demandes", "fqdn", "code", "kept"), [(21, 0, "WSMG-00000023", 20), (1, 6, "WSMG-00000042", 0)]
)
def test_limits_of_a_lot_come_before_its_schema(
    platform: Platform, arrival: Arrival, minimal_pki: MinimalPki, demandes: int, fqdn: int, code: str, kept: int
) -> None:
    """Both break the schema too; the limits have codes of their own, and the demandes are kept untreated (§14.2)."""
    reply = serve(call_of(platform, lot_of(minimal_pki, demandes=demandes, fqdn=fqdn)), arrival, platform)
    assert statut_of(reply) == code
    with platform.database.transaction() as connection:
        states = connection.execute("SELECT etat FROM demande").fetchall()
    assert [row["etat"] for row in states] == ["Demande non traitée"] * kept
    assert {entry[2] for entry in journal_of(platform.database)} == {code}


def test_schema_fault_names_its_element_and_is_journaled(
    platform: Platform, arrival: Arrival, minimal_pki: MinimalPki
) -> None:
    """WSMG-00000005 with ``MailDemandeur`` (§14.4, second example)."""
    reply = serve(call_of(platform, lot_of(minimal_pki, mail="a@hopital")), arrival, platform)
    assert b"Contenu de la demande non valide : MailDemandeur." in reply.content
    assert [entry[2] for entry in journal_of(platform.database)] == ["WSMG-00000005"]


@pytest.mark.parametrize(("action", "statut"), [("demanderCertificats", "WSMG-00000024"), ("", "soap:Client")])
def test_message_over_the_limit_is_journaled(platform: Platform, arrival: Arrival, action: str, statut: str) -> None:
    """The typed reply that SOAPAction names, else a fault with that text (§19)."""
    reply = serve(call_of(platform, None, soap_action=action), arrival, platform)
    assert statut_of(reply) == statut
    assert "10 méga-octets" in reply.content.decode()
    assert [entry[2] for entry in journal_of(platform.database)] == ["WSMG-00000024"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_compressed_message_is_not_looked_at(
    platform: Platform, arrival: Arrival, minimal_pki: MinimalPki, encoding: str
) -> None:
    """Even if the bytes would pass: a header that says otherwise is a contradiction."""
    reply = serve(call_of(platform, lot_of(minimal_pki), content_encoding=encoding), arrival, platform)
    assert statut_of(reply) == "soap:Client"


def test_what_nobody_foresaw_is_a_server_fault_with_its_incident() -> None:
    """The incident number and nothing else reaches the client."""

    def fail() -> Reply:
        raise OperationalError("secret detail")

    reply = guard(fail, "0badcafe")
    assert (reply.status, statut_of(reply)) == (500, "soap:Server")
    assert b"0badcafe" in reply.content
    assert b"secret" not in reply.content


def test_server_that_has_no_thread_more_says_so_as_a_fault(
    platform: Platform, minimal_pki: MinimalPki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Server fault with its incident, as of whatever else nobody foresaw; later messages are answered (§9)."""
    service = create_service(platform)
    shown = minimal_pki.authentication.certificate.public_bytes(Encoding.PEM).decode()

    async def behind_tls(scope: Scope, receive: Receive, send: Send) -> None:
        await service({**scope, "extensions": {"tls": {"client_cert_chain": [shown]}}}, receive, send)

    def refuse(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    client = AsgiClient(behind_tls)
    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr("pfcng.web.threads._thread.start_new_thread", refuse)
        replies = [client.post("/ws-apt", content=lot_of(minimal_pki)) for _ in range(MAX_THREADS + 1)]
    incidents = [log["incident"] for log in logs if log["event"] == "request.failed"]
    assert len(incidents) == len(replies)
    for reply, incident in zip(replies, incidents, strict=True):
        assert (reply.status_code, reply.headers["content-type"]) == (500, "text/xml; charset=utf-8")
        assert b"soap:Server" in reply.content
        assert incident in reply.text
    headers = {"Content-Type": "text/xml", "SOAPAction": "demanderCertificats"}
    assert ">OK<" in client.post("/ws-apt", content=lot_of(minimal_pki), headers=headers).text


def test_annuaire_of_the_other_environment_is_never_read(annuaire: Database) -> None:
    """One identifier in both: each environment has its own person and its own rights (§13)."""
    both = "899700000009"
    with annuaire.transaction() as connection:
        for environment, name in ((Environment.TEST, "ESSAI"), (Environment.PRODUCTION, "VRAI")):
            person = Personne(
                environment=environment, id_nat=both, genre=Genre.PS, nom=name, prenom="P", titre="Médecin"
            )
            save_personnes(connection, [person])
        held = Habilitation(acteur=both, offre=ORG.offre, id_nat_struct=HOPITAL)
        save_habilitations(connection, Environment.PRODUCTION, [held])
        test = load_annuaire(connection, Environment.TEST, personnes=[both], structures=[HOPITAL])
        production = load_annuaire(connection, Environment.PRODUCTION, personnes=[both], structures=[HOPITAL])
    assert (test.personnes[both].nom, production.personnes[both].nom) == ("ESSAI", "VRAI")
    assert (test.habilitations, production.habilitations) == ({}, {both: (held,)})

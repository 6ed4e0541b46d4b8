"""The pytest plug-in, in pytest runs of its own."""

import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = ("pytester",)

ANNOUNCED = {entry.name: entry.value for entry in entry_points(group="pytest11")}
LOADED = () if "pfcng" in ANNOUNCED else ("-p", "pfcng.pytest_plugin")
"""How a run of its own gets the plug-in: by itself where pfcng is installed, named where only its sources are."""

TESTS = """
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from pfcng.contract.catalogue import Offre, Usage
from pfcng.contract.messages import DemandeCertificat

places = set()

def demande():
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    key = rsa.generate_private_key(65537, 2048)
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return DemandeCertificat(
        offre=Offre.ORG, gamme="EL", usage=Usage.AUTH_CLI, id_nat_struct="1750099012", nom_applicatif="INSI-AUTO",
        csr=csr.public_bytes(Encoding.PEM).decode(), mail_demandeur="a@b.fr", mail_personne_a_informer="a@b.fr",
    )

def test_client_of_a_card_orders(pfcng_sandbox, pfcng_client):
    places.add(pfcng_sandbox.directory)
    reply = pfcng_client("cpa-editeur").demander_certificats([demande()])
    assert reply.statut_lot == "OK"

def test_another_card_has_other_rights(pfcng_sandbox, pfcng_client):
    places.add(pfcng_sandbox.directory)
    assert pfcng_client("cde-directeur").demander_certificats([demande()]).statut_lot == "KO"
    assert len(places) == 1
    assert pfcng_sandbox.ws_apt.endswith("/ws-apt") and pfcng_sandbox.confiance.exists()

def test_unknown_card_is_told_with_those_that_there_are(pfcng_client):
    with pytest.raises(KeyError, match="cps-inconnue : pas de tel profil.*cpa-editeur"):
        pfcng_client("cps-inconnue")
"""


def test_sandbox_is_one_a_session_and_clients_have_cards(pytester: pytest.Pytester) -> None:
    """Three tests, two cards, one sandbox, gone at the end; a slip in a card's name says how to put it right."""
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess(*LOADED, "-q")
    result.assert_outcomes(passed=3)


def test_run_that_asks_for_nothing_loads_nothing(pytester: pytest.Pytester) -> None:
    """The plug-in is loaded by every run of a machine that has pfcng: it must not be felt."""
    pytester.makepyfile(
        "import sys\n"
        "def test_nothing():\n"
        "    heavy = ('cryptography', 'httpx', 'lxml', 'xmlsec', 'pfcng.client', 'pfcng.sandbox')\n"
        "    assert [name for name in heavy if name in sys.modules] == []\n"
    )
    result = pytester.runpytest_subprocess(*LOADED, "-p", "no:hypothesispytest", "-q")
    result.assert_outcomes(passed=1)


def test_installed_distribution_announces_the_plugin() -> None:
    """``pip install pfcng`` is enough."""
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    assert declared["project"]["entry-points"]["pytest11"] == {"pfcng": "pfcng.pytest_plugin"}
    if ANNOUNCED.get("pfcng") is None:
        pytest.skip("the installed pfcng is older than these sources (make install)")
    assert ANNOUNCED["pfcng"] == "pfcng.pytest_plugin"

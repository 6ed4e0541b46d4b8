"""Every example of the guide and every code of table 22, through the real endpoint (guide §14 to §20).

What a case is made of is told in ``tests/support/golden.py``.
"""

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from pfcng.contract.codes import CODES, Raison
from support.distant import Distant
from support.faulty_proxy import Fault
from support.golden import STEPS, Case, Game, cases, find, reasons
from support.live import Sandbox, running_sandbox

EXAMPLES = (
    "14.2.1-lot-accepte",
    "14.2.2-1-plus-de-20-demandes",
    "14.2.2-2-lot-ko",
    "14.4-1-structure-hors-perimetre",
    "14.4-2-mail-demandeur",
    "15-retrait",
    "15.4-1-autre-acteur",
    "15.4-2-indice-inconnu",
    "16-revocation",
    "16.4-1-serie-inconnue",
    "16.4-2-produit-pas-actif",
    "17-renouvellement",
    "17.4-1-cle-deja-presentee",
    "17.4-2-serie-inconnue",
    "18-demandes-certificat",
    "18-produits",
    "18-demandes-revocation",
    "18.3-1-autre-acteur",
    "18.3-2-indice-de-lot",
)
"""The examples that the guide prints, passing and not."""


def open_endpoint(sandbox: Sandbox) -> httpx.Client:
    """ws-srv, as the white-listed server."""
    server = sandbox.description["serveurs"]["editeur"]
    context = ssl.create_default_context(cafile=sandbox.anchors)
    context.load_cert_chain(sandbox.path(server["certificat"]), sandbox.path(server["cle"]))
    url = sandbox.description["urls"]["ws_srv"]
    return httpx.Client(verify=context, trust_env=False, base_url=url, timeout=60)


@pytest.fixture(scope="module")
def platform_of(sandbox: Sandbox) -> Iterator[Callable[[Case], tuple[Sandbox, httpx.Client]]]:
    """The sandbox of the session for most cases, one more for each set of settings."""
    with ExitStack() as stack:
        opened: dict[frozenset[tuple[str, str]], tuple[Sandbox, httpx.Client]] = {}

        def find_platform(case: Case) -> tuple[Sandbox, httpx.Client]:
            settings = frozenset(case.reglages.items())
            if settings not in opened:
                running = stack.enter_context(running_sandbox(case.reglages)) if settings else sandbox
                opened[settings] = (running, stack.enter_context(open_endpoint(running)))
            return opened[settings]

        yield find_platform


@pytest.mark.parametrize("case", [case for case in cases() if case.panne is None], ids=lambda case: case.name)
def test_reply_is_the_golden_one(case: Case, platform_of: Callable[[Case], tuple[Sandbox, httpx.Client]]) -> None:
    """The whole reply to a signed request, after what the case says comes before it (§14 to §20)."""
    sandbox, client = platform_of(case)
    game = Game(sandbox=sandbox, endpoint=client)
    for play in case.plays():
        game.play(play)


@pytest.mark.parametrize("case", [case for case in cases() if case.panne is not None], ids=lambda case: case.name)
def test_reply_is_the_golden_one_when_the_authority_fails(case: Case, distant: Distant) -> None:
    """The same with a PFCNG-IGC of its own, which the last request alone finds at fault (§20)."""
    assert case.panne is not None
    act, fault = case.panne
    *before, last = case.plays()
    with open_endpoint(distant.sandbox) as client:
        game = Game(sandbox=distant.sandbox, endpoint=client)
        for play in before:
            game.play(play)
        distant.spoil(act, Fault[fault])
        try:
            game.play(last)
        finally:
            distant.mend()


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_of_the_guide_has_its_case(name: str) -> None:
    """§14.2.1, §14.2.2, §14.4, §15, §15.4, §16, §16.4, §17, §17.4, §18, §18.3."""
    assert find(name).name == name


@pytest.mark.parametrize("code", CODES)
def test_code_has_a_case_or_a_reason(code: str) -> None:
    """Each code of table 22 is provoked, or stands on the list that says why it is not; never both (§19)."""
    assert any(code in case.codes for case in cases()) != (code in reasons())


@pytest.mark.parametrize("raison", Raison)
def test_raison_has_a_case_or_a_reason(raison: Raison) -> None:
    """Each text that fills a code is told by the endpoint, or stands on the list that says why not (§14.4, §20)."""
    pieces = re.split(r"\{[a-z]+\}", raison.removesuffix("."))
    text = re.compile(".+".join(map(re.escape, pieces)))
    assert any(text.search(case.reply) for case in cases()) != (raison.name in reasons("raisons"))


def test_lists_of_reasons_know_their_codes_and_raisons() -> None:
    """A reason for what there is not would never be read (§19, §20)."""
    assert set(reasons()) <= set(CODES)
    assert set(reasons("raisons")) <= set(Raison.__members__)
    assert all(reason.endswith(".") for kind in ("codes", "raisons") for reason in reasons(kind).values())


@pytest.mark.parametrize(
    "case", [*cases(), *(find(folder.name) for folder in sorted(STEPS.iterdir()))], ids=lambda case: case.name
)
def test_case_says_what_it_shows(case: Case) -> None:
    """A title that is a sentence, a section of the guide, and steps that exist."""
    assert case.titre.endswith(".")
    assert case.section.startswith("§")
    assert case.plays()[-1] == case

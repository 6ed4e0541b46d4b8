"""`pfcng verifier` and the platform agree: the golden requests are told wrong where the golden replies refuse them."""

from pathlib import Path
from typing import Final

import pytest
from lxml import etree

from pfcng.cli.work.verification import verify
from pfcng.client.verification.demande import Known
from pfcng.contract import codes
from pfcng.xml.soap import wrap
from support.golden import Case, Names, cases, request_of

TOLD: Final = {
    code.value
    for code in (
        *(codes.WSMG_05, codes.WSMG_09, codes.WSMG_23, codes.WSMG_24, codes.WSMG_42),
        *(codes.WSMG_32, codes.WSMG_33, codes.WSMG_34, codes.WSMG_35, codes.WSMG_36, codes.WSMG_37),
    )
}
"""The codes that follow from the request alone; the others need the annuaire, the signer or what was done before."""
SELF_CONTAINED: Final = [case for case in cases() if not case.apres]


@pytest.mark.parametrize("case", SELF_CONTAINED, ids=lambda case: case.name)
def test_golden_request_is_told_wrong_for_what_the_platform_refuses(case: Case, tmp_path: Path) -> None:
    """Every code of the reply that the request alone explains, and no fault where the reply has none of them."""
    try:
        payload = request_of(case, Names())
    except KeyError:
        pytest.skip("the request names what an earlier one gave")
    (tmp_path / "requete.xml").write_bytes(wrap(payload))
    outcome = verify(None, file=tmp_path / "requete.xml", csr_file=None, known=Known(), seen_in=())
    findings = outcome.data["objets"]
    assert isinstance(findings, list)
    told = {remark["code"] for finding in findings for remark in finding["remarques"] if remark["gravite"] == "faute"}
    expected = case.codes & TOLD
    assert expected <= told
    assert bool(told) is bool(expected), told
    assert etree.QName(payload).localname.startswith("requete")

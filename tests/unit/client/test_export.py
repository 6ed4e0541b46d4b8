"""The inventory for other programs."""

import csv
import io
import json
import re
from datetime import UTC, datetime

import pytest

from pfcng.client.export import Format, export
from pfcng.client.parc import Line

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LINE = Line(
    nom="insi",
    dossier="/srv/insi",
    produit="ORG_AUTH_CLI",
    structure="1750099012",
    application='INSI "AUTO"\\',
    sujet="CN=INSI-AUTO",
    numero_serie="1F",
    debut_validite="2026-11-23T12:00:00+00:00",
    fin_validite="2026-12-03T12:00:00+00:00",
    etat="actif",
    lieux=("serveur 1", "/etc/nginx/a.pem"),
    profil="/etc/pfcng/profil.toml",
)
FOREIGN = Line(produit="SERV_SSL_SERV", application="=CMD()", etat="inconnu du parc", detail="obtenu autrement")


def test_csv_has_a_line_a_certificate() -> None:
    """And nothing that a spreadsheet would run."""
    rows = list(csv.DictReader(io.StringIO(export([LINE, FOREIGN], Format.CSV, now=NOW, read_at=None))))
    assert [row["jours"] for row in rows] == ["10", ""]
    assert rows[0]["lieux"] == "serveur 1 | /etc/nginx/a.pem"
    assert rows[1]["application"] == "'=CMD()"


def test_json_has_a_version_and_times() -> None:
    """For a program that keeps them."""
    document = json.loads(export([LINE], Format.JSON, now=NOW, read_at=NOW))
    assert (document["version"], document["plateforme_lue_le"]) == (1, "2026-11-23T12:00:00+00:00")
    assert document["certificats"][0]["jours"] == 10


def test_prometheus_text_is_well_formed() -> None:
    """Every metric has HELP and TYPE, label values are escaped (exposition format 0.0.4)."""
    text = export([LINE, FOREIGN], Format.PROMETHEUS, now=NOW, read_at=NOW)
    sample = re.compile(r'[a-z_]+(\{([a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? \d+')
    for line in text.splitlines():
        assert re.match(r"# (HELP|TYPE) pfcng_", line) or sample.fullmatch(line), line
    end = datetime(2026, 12, 3, 12, tzinfo=UTC).timestamp()
    assert f"}} {end:.0f}\n" in text
    assert 'application="INSI \\"AUTO\\"\\\\"' in text
    assert text.endswith("\n")


@pytest.mark.parametrize("form", Format)
def test_an_empty_parc_exports(form: Format) -> None:
    """A first run of a timer writes a file."""
    assert export([], form, now=NOW, read_at=None)

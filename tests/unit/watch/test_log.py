"""The log says what happened and to which request, and quotes nothing."""

import json
import logging
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from pfcng.watch import metrics
from pfcng.watch.log import log_as_json, log_for_people

CODE = "code de révocation 1234"


def fail() -> None:
    kept = CODE
    raise ValueError(f"the row was {kept}")


def test_event_has_the_incident_of_what_it_belongs_to(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever logs does not have to know it."""
    log_as_json()
    with bound_contextvars(incident="0123456789abcdef"):
        structlog.get_logger().info("produit.retire", numero=1)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["incident"], line["level"]) == ("produit.retire", "0123456789abcdef", "info")
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("is_ours", [True, False])
def test_exception_is_told_without_its_words_and_variables(capsys: pytest.CaptureFixture[str], is_ours: bool) -> None:
    """They quote rows; kind and frames say enough. What libraries log is held to the same."""
    log_as_json()
    log = structlog.get_logger() if is_ours else logging.getLogger("some.library")
    try:
        fail()
    except ValueError:
        log.exception("job.failed")
    text = capsys.readouterr().err
    line = json.loads(text)
    assert (line["event"], line["kind"]) == ("job.failed", "ValueError")
    assert "in fail" in line["frames"]
    assert CODE not in text
    assert "kept" not in line


def test_line_that_cannot_be_written_stops_nothing_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log on a full disk: requests are answered, and the threads that log what fails go on."""
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        log_as_json()
        before = metrics.REGISTRY.get_sample_value("pfcng_log_lines_lost_total") or 0
        structlog.get_logger().error("essai")
        logging.getLogger("bibliotheque").error("essai")
        assert metrics.REGISTRY.get_sample_value("pfcng_log_lines_lost_total") == before + 1
        with suppress(OSError):
            full.close()


def test_person_reads_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """In a sandbox: time, level, event; no object, no words of an exception."""
    log_for_people()
    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("job.failed", act="purge")
    text = capsys.readouterr().err
    assert "job.failed" in text
    assert "act=purge" in text
    assert CODE not in text
    assert "{" not in text.splitlines()[0]

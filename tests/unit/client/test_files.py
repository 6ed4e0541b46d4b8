"""Files that are whole or not there."""

import stat
from pathlib import Path

import pytest

from pfcng.client.files import clean_drafts, create_whole, point_to, replace_whole


def test_a_new_file_is_private_and_never_replaces(tmp_path: Path) -> None:
    """A key that is overwritten may be that of a certificate in service."""
    create_whole(tmp_path / "cle.pem", b"une")
    assert stat.S_IMODE((tmp_path / "cle.pem").stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        create_whole(tmp_path / "cle.pem", b"autre")
    assert (tmp_path / "cle.pem").read_bytes() == b"une"
    assert [file.name for file in tmp_path.iterdir()] == ["cle.pem"]


def test_what_is_replaced_is_replaced_whole(tmp_path: Path) -> None:
    """Readers find one or the other."""
    for content in (b"un", b"deux"):
        replace_whole(tmp_path / "etat", content)
    assert (tmp_path / "etat").read_bytes() == b"deux"


def test_a_stable_name_leads_elsewhere_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link, or a copy where the system has no links."""
    for name in ("un", "deux"):
        (tmp_path / name).write_text(name)
        point_to(tmp_path / "stable", name)
        assert (tmp_path / "stable").read_text() == name
    assert (tmp_path / "stable").is_symlink()

    def refused(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(Path, "symlink_to", refused)
    point_to(tmp_path / "stable", "un")
    assert (tmp_path / "stable").read_text() == "un"
    assert not (tmp_path / "stable").is_symlink()
    assert (tmp_path / "deux").read_text() == "deux"


def test_what_a_kill_left_is_taken_away(tmp_path: Path) -> None:
    """Half a key has no business on the disk; everything else stays."""
    for name in (
        ".asip-cle-EL-x.pem.0a1b2c3d",
        ".obtention.json.ffffffff",
        ".verrou",
        "deploiement.toml",
        "note.0a1b2c3d",
    ):
        (tmp_path / name).touch()
    clean_drafts(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {".verrou", "deploiement.toml", "note.0a1b2c3d"}

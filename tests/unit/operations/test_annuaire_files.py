"""Files of registers as streams of lines: encodings, archives, lines without end."""

import gzip
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from pfcng.operations.annuaire_files import MAX_LINE, Decoder, UnreadableFile, is_cut, open_source


def read(path: Path) -> list[bytes]:
    with open_source(path) as source:
        return list(source.lines())


def test_mark_of_utf_8_is_not_part_of_the_first_line() -> None:
    """With or without it."""
    assert Decoder().first(b"\xef\xbb\xbfid_nat;nom\r\n") == "id_nat;nom"
    assert Decoder().first(b"id_nat;nom\n") == "id_nat;nom"


def test_first_line_that_is_not_ascii_tells_the_encoding() -> None:
    """FINESS was in latin-1 for years and is in UTF-8 since 2026; its first line is ASCII in both."""
    latin, utf = Decoder(), Decoder()
    assert latin.first(b"finess;etalab;111") == utf.first(b"finess;etalab;111")
    assert latin.text("Santé".encode("latin-1")) == utf.text("Santé".encode()) == "Santé"
    assert latin.text("Santé".encode()) == "SantÃ©"


def test_line_that_is_not_in_the_encoding_of_its_file_is_not_guessed() -> None:
    """It would put wrong letters into certificates."""
    decoder = Decoder()
    decoder.first("Libellé".encode())
    with pytest.raises(UnicodeDecodeError):
        decoder.text("Libellé".encode("latin-1"))


def test_line_without_end_is_cut_and_the_next_one_is_read(tmp_path: Path) -> None:
    """Memory does not depend on the file."""
    path = tmp_path / "long"
    path.write_bytes(b"a" * (3 * MAX_LINE) + b"\nb\n" + b"c" * MAX_LINE)
    first, second, third = read(path)
    assert is_cut(first)
    assert second == b"b\n"
    assert is_cut(third)


def test_archive_is_read_through_its_one_file_of_activities(tmp_path: Path) -> None:
    """The published zip also holds diplomas and savoir-faire."""
    path = tmp_path / "PS_LibreAcces.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("PS_LibreAcces_Dipl_AutExerc_202601010000.txt", "autre\n")
        archive.writestr("PS_LibreAcces_Personne_activite_202601010000.txt", "une\ndeux\n")
    assert read(path) == [b"une\n", b"deux\n"]


def test_archive_without_activities_is_told(tmp_path: Path) -> None:
    """Nothing is guessed."""
    path = tmp_path / "autre.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr("autre.txt", "autre\n")
    with pytest.raises(UnreadableFile, match="Personne_activite"):
        read(path)


def test_damaged_archive_is_told(tmp_path: Path) -> None:
    """At its opening, or where its content is wrong."""
    path = tmp_path / "PS_LibreAcces.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("PS_LibreAcces_Personne_activite.txt", "".join(f"ligne {number}\n" for number in range(5000)))
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    with pytest.raises(UnreadableFile, match="illisible"):
        read(path)
    path.write_bytes(whole[:200] + b"\xff" * 50 + whole[250:])
    with pytest.raises(UnreadableFile, match="abîmé"):
        read(path)


def test_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    """In French, by its cause."""
    with pytest.raises(UnreadableFile, match="n’existe pas"):
        read(tmp_path / "absent")
    with pytest.raises(UnreadableFile, match="dossier"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "vide"),
        (gzip.compress(b"texte", mtime=0), "gzip : décompressez-le"),
        ("texte\n".encode("utf-16"), "UTF-16 : enregistrez-le en UTF-8"),
    ],
)
def test_file_of_a_kind_that_is_not_read_is_told_with_what_to_do(tmp_path: Path, content: bytes, told: str) -> None:
    """By its first octets."""
    path = tmp_path / "fichier"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=told):
        read(path)

"""The folder in which the processes of a node count (docs/serving.md, S3')."""

import os
import time
from pathlib import Path

import pytest

from pfcng.node import counts
from pfcng.node.counts import counts_folder


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(counts, "_MEMORY", tmp_path)
    return tmp_path


def left(memory: Path, name: str, *, age: float) -> Path:
    """What a node that was killed so long ago leaves."""
    folder = memory / f"pfcng-comptes-{name}"
    folder.mkdir()
    (folder / "counter_1.db").write_bytes(b"1")
    os.utime(folder, (time.time() - age,) * 2)
    return folder


@pytest.mark.skipif(not Path("/dev/shm").exists(), reason="the system has no files in memory")  # noqa: S108 - no file is made by that name
def test_counts_need_no_disk() -> None:
    """A write to a file of counts that finds no room on its disk ends the process (SIGBUS)."""
    with counts_folder() as name:
        assert Path(name).parent == Path("/dev/shm")  # noqa: S108 - no file is made by that name
        assert Path(name).stat().st_mode & 0o777 == 0o700
    assert not Path(name).exists()


def test_folder_of_a_node_that_was_killed_is_removed_by_the_next(memory: Path) -> None:
    """Nobody tidies memory up; who has just begun may not hold its folder yet."""
    old, young = left(memory, "mort", age=3600), left(memory, "naissant", age=1)
    with counts_folder():
        assert not old.exists()
        assert young.exists()


def test_folder_of_a_node_that_runs_is_left_alone(memory: Path) -> None:
    """Several nodes may be on a machine."""
    with counts_folder() as running:
        os.utime(running, (0, 0))
        with counts_folder() as other:
            assert Path(running).exists()
        assert not Path(other).exists()
    assert list(memory.iterdir()) == []

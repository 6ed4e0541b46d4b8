"""The revisions of the tables: one after the other (CONTRIBUTING.md)."""

import re
from itertools import pairwise

import pytest

from pfcng.igc.migrations import IGC
from pfcng.store.migrations import PLATFORM, Chain


@pytest.mark.parametrize("chain", [PLATFORM, IGC], ids=["platform", "igc"])
def test_each_revision_follows_the_one_before(chain: Chain) -> None:
    """Two of one number, which nothing but the start would tell, stop every program."""
    files = sorted((chain.folder / "versions").glob("[0-9]*.py"))
    told = [
        re.findall(r'^(?:down_)?revision = (?:"(\w+)"|None)', file.read_text("utf-8"), re.MULTILINE) for file in files
    ]
    assert [revision for revision, _ in told] == [file.name.partition("_")[0] for file in files]
    assert [former for _, former in told] == ["", *(revision for revision, _ in told[:-1])]
    assert all(int(after) == int(before) + 1 for (before, _), (after, _) in pairwise(told))

"""What is told of a start that fails, and what the service manager makes of it (deploy/systemd)."""

import errno

import pytest

from pfcng.node.faults import StartFault, faults_told


@pytest.mark.parametrize(
    ("number", "is_outage"),
    [(errno.ENOSPC, True), (errno.EMFILE, True), (errno.EIO, True), (errno.ENOENT, False), (errno.EACCES, False)],
)
def test_start_is_tried_again_after_what_passes(number: int, is_outage: bool) -> None:
    """A disk that is full for a minute at the start is no reason to stay away; a file that is not there is."""
    with pytest.raises(StartFault) as told, faults_told():
        raise OSError(number, "dit par le système", "/var/lib/pfcng/ancre")
    assert told.value.is_outage is is_outage
    assert "/var/lib/pfcng/ancre" in str(told.value)

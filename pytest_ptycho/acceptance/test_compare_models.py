"""Phase G: every comparison of the study ends with numbers that can be trusted."""

from pytest_ptycho.marks import marks
from pytest_ptycho.run_comparison import Evidence

pytestmark = marks("acceptance", "phase_g")


def test_every_arm_is_alive_and_scored(evidence: Evidence) -> None:
    """All required arms have scores on one mask, from artifacts that are as they were written."""
    assert evidence.findings == []

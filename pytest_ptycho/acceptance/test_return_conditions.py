"""The seven conditions under which a study that stood still may be counted again, in their order.

Each is brought about where it is not met, and blocked by the first before it that cannot be.
"""

from pytest_ptycho.marks import marks
from pytest_ptycho.return_conditions import ReturnConditions

pytestmark = marks("acceptance", "phase_g")


def test_1_both_full_tables_hold_every_baseline_score(return_conditions: ReturnConditions) -> None:
    """The comparisons of all splits, debug before full, with every required arm alive."""
    assert return_conditions.meet(1) == []


def test_2_the_summary_has_baseline_entries_that_are_not_zero(return_conditions: ReturnConditions) -> None:
    """In metrics_summary.json."""
    assert return_conditions.meet(2) == []


def test_3_phase_d_passes_its_acceptance(return_conditions: ReturnConditions) -> None:
    """On the hub's own files."""
    assert return_conditions.meet(3) == []


def test_4_the_counted_run_ends_well(return_conditions: ReturnConditions) -> None:
    """All phases and reports, with validated work used again by digest."""
    assert return_conditions.meet(4) == []


def test_5_the_report_is_written(return_conditions: ReturnConditions) -> None:
    """With its highlights and deltas, and says what the summary says."""
    assert return_conditions.meet(5) == []


def test_6_the_digest_is_written(return_conditions: ReturnConditions) -> None:
    """And says what summary and highlights say."""
    assert return_conditions.meet(6) == []


def test_7_the_verification_passes(return_conditions: ReturnConditions) -> None:
    """Of every artifact in the hub, by itself."""
    assert return_conditions.meet(7) == []

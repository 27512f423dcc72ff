"""Phase F: every split has an iterative reconstruction of its own."""

from ptycho_compare.hub import Hub
from ptycho_compare.study import Study, in_cells_of
from pytest_ptycho.cases import DoseAndView
from pytest_ptycho.marks import marks

pytestmark = marks("acceptance", "phase_f")


def test_every_reconstruction_is_alive_and_its_own_splits(
    hub: Hub, study: Study, reconstructions: DoseAndView
) -> None:
    """It can be read, is finite and not collapsed, and is the one that the manifest tells of."""
    from ptycho_compare.checks.phase_f import judge_phase_f  # loads scipy, which listing tests need not
    from ptycho_compare.scoring.collapse import limits_of

    findings = [
        finding
        for at, how in in_cells_of(hub, study, differing="reconstructions")
        for finding in judge_phase_f(at, *reconstructions, how.splits, limits=limits_of(how))
    ]
    assert findings == []

"""Phase E: the networks of the study are those that were trained for their place."""

from ptycho_compare.hub import Hub
from ptycho_compare.study import Study, in_cells_of, networks_of
from pytest_ptycho.cases import DoseAndView
from pytest_ptycho.marks import marks

pytestmark = marks("acceptance", "phase_e")


def test_networks_are_what_their_manifest_says(hub: Hub, study: Study, networks: DoseAndView) -> None:
    """Their bundles can be read, are of the right kind, and have the recorded digests, sizes and losses."""
    from ptycho_compare.checks.phase_e import judge_phase_e  # loads h5py, which listing tests need not

    findings = [
        finding
        for at, how in in_cells_of(hub, study, differing="networks")
        for finding in judge_phase_e(at, *networks, networks_of(how, at, *networks))
    ]
    assert findings == []

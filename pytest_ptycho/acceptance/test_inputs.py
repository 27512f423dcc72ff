"""Phase C: the data that everything rests on keep their contract."""

from ptycho_compare.hub import Hub
from ptycho_compare.study import Study
from pytest_ptycho.marks import marks

pytestmark = marks("acceptance", "phase_c")


def test_every_split_keeps_the_data_contract(hub: Hub, study: Study, study_dose: int) -> None:
    """It is there, its arrays fit together, and its metadata say how it was brought into the contract."""
    from ptycho_compare.checks.phase_c import judge_phase_c  # loads numpy, which listing tests need not

    assert judge_phase_c(hub, study_dose, study.splits) == []

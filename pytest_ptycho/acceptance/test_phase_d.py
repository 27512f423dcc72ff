"""Phase D: every view of the study is the subsample that it claims to be, and was measured right."""

from ptycho_compare.hub import Hub
from ptycho_compare.study import Study
from pytest_ptycho.cases import DoseAndView
from pytest_ptycho.marks import marks

pytestmark = marks("acceptance", "phase_d")


def test_a_view_holds_the_drawn_images_of_its_split(
    hub: Hub, study: Study, overlap_view: DoseAndView
) -> None:
    """Exactly the seeded images, all else of the split untouched, and metadata that say so."""
    from ptycho_compare.checks.phase_d import judge_views  # loads numpy, which listing tests need not

    assert judge_views(hub, study, *overlap_view) == []


def test_the_overlap_of_a_view_is_what_its_metrics_say(
    hub: Hub, study: Study, overlap_view: DoseAndView
) -> None:
    """Three metrics, the geometry bound and all counts, recomputed from the split."""
    from ptycho_compare.checks.phase_d import judge_metrics

    assert judge_metrics(hub, study, *overlap_view) == []

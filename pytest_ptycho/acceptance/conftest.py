"""The fixtures of this suite, also where the folder it is started in has others of these names."""

from pytest_ptycho.fixtures import (
    comparison,
    counted_run,
    dose_and_view,
    evidence,
    hub,
    hub_is_chosen,
    networks,
    overlap_view,
    reconstructions,
    return_conditions,
    study,
    study_dose,
)

__all__ = [
    "comparison",
    "counted_run",
    "dose_and_view",
    "evidence",
    "hub",
    "hub_is_chosen",
    "networks",
    "overlap_view",
    "reconstructions",
    "return_conditions",
    "study",
    "study_dose",
]

"""The study: what is made and compared, with which settings, and what counts as dead.

`study.toml` is read once, checked whole, and echoed into every artifact. A mistake in it
is reported by key and line before anything runs.
"""

from ptycho_compare.hub import Cell, Level, cell_text
from ptycho_compare.study.choosing import (
    WORKPLACE,
    choose_study,
    doses_of,
    require_about,
    require_commands_allowed,
    study_if_any,
    study_of,
)
from ptycho_compare.study.comparing import (
    ARM_NAME,
    BASELINE,
    NAME,
    PTYCHI,
    PTYCHOPINN,
    Acceptance,
    ArmOfStudy,
    EngineName,
    Grouping,
    Models,
    ScanFile,
    Scoring,
    Stitching,
    Tier,
    Tolerance,
    Tolerances,
    Uncertainty,
)
from ptycho_compare.study.factors import is_trial
from ptycho_compare.study.making import (
    Commands,
    NetworkTraining,
    Overlap,
    OverlapView,
    Reconstruction,
    Simulation,
    Training,
)
from ptycho_compare.study.own_arms import arms_of
from ptycho_compare.study.study import (
    NETWORKS,
    Comparison,
    Study,
    in_cell_of,
    in_cells_of,
    load_study,
    networks_of,
    parse_study,
)

__all__ = [
    "ARM_NAME",
    "BASELINE",
    "NAME",
    "NETWORKS",
    "PTYCHI",
    "PTYCHOPINN",
    "WORKPLACE",
    "Acceptance",
    "ArmOfStudy",
    "Cell",
    "Commands",
    "Comparison",
    "EngineName",
    "Grouping",
    "Level",
    "Models",
    "NetworkTraining",
    "Overlap",
    "OverlapView",
    "Reconstruction",
    "ScanFile",
    "Scoring",
    "Simulation",
    "Stitching",
    "Study",
    "Tier",
    "Tolerance",
    "Tolerances",
    "Training",
    "Uncertainty",
    "arms_of",
    "cell_text",
    "choose_study",
    "doses_of",
    "in_cell_of",
    "in_cells_of",
    "is_trial",
    "load_study",
    "networks_of",
    "parse_study",
    "require_about",
    "require_commands_allowed",
    "study_if_any",
    "study_of",
]

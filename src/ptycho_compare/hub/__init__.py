"""The hub: the one place that knows where a study keeps its files and what they are called.

Names are PtychoPINN's own, so that a hub written by it can be judged here and the other
way round. Functions return paths and touch nothing.
"""

from ptycho_compare.hub.answer_files import AnswerFiles
from ptycho_compare.hub.cells import NO_CELL, Cell, CellOfHub, Level, cell_text, in_cell, level_text
from ptycho_compare.hub.files import (
    MODEL_NAMES,
    AcceptedFiles,
    Artifacts,
    ReconstructionFiles,
    ReportFiles,
    StepFiles,
    TrainingFiles,
    VerdictFiles,
    short_name,
)
from ptycho_compare.hub.job_files import JobFiles
from ptycho_compare.hub.layout import (
    ACCEPTED,
    DEBUG_TIER,
    FULL_TIER,
    Hub,
    HubPlace,
    dose_of,
    place_in_hub,
    view_of_model,
)
from ptycho_compare.hub.moments import moment_of, stamp, utc_now, utc_text
from ptycho_compare.names import HUB_VARIABLE, STUDY_FILE

__all__ = [
    "ACCEPTED",
    "DEBUG_TIER",
    "FULL_TIER",
    "HUB_VARIABLE",
    "MODEL_NAMES",
    "NO_CELL",
    "STUDY_FILE",
    "AcceptedFiles",
    "AnswerFiles",
    "Artifacts",
    "Cell",
    "CellOfHub",
    "Hub",
    "HubPlace",
    "JobFiles",
    "Level",
    "ReconstructionFiles",
    "ReportFiles",
    "StepFiles",
    "TrainingFiles",
    "VerdictFiles",
    "cell_text",
    "dose_of",
    "in_cell",
    "level_text",
    "moment_of",
    "place_in_hub",
    "short_name",
    "stamp",
    "utc_now",
    "utc_text",
    "view_of_model",
]

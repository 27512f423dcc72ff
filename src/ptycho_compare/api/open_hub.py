"""`open_hub`: the way in to what a study left."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ptycho_compare.api.named import Named
from ptycho_compare.api.open_comparison import OpenComparison
from ptycho_compare.api.tidy import difference_frame, score_frame
from ptycho_compare.hub import Hub
from ptycho_compare.study import Study, study_of

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class OpenHub:
    """A hub and its study; see `open_hub`.

    Attributes
    ----------
    root : Path
        The hub's folder.
    study : Study
    study_file : Path
        Where the study was read.
    """

    root: Path
    study: Study
    study_file: Path

    @property
    def comparisons(self) -> Mapping[str, OpenComparison]:
        """Every comparison of the study by its id, in the study's order, compared or not."""
        from ptycho_compare.phases.comparison.job import ComparisonJob

        jobs = (
            ComparisonJob(Hub(self.root), self.study, self.study_file, each)
            for each in self.study.comparisons()
        )
        held = {job.id: OpenComparison(job.comparison, job) for job in jobs}
        return Named("comparison", str(self.root), held)

    @property
    def scores(self) -> DataFrame:
        """Scores of all comparisons that exist, one number a line.

        Columns: comparison, arm, metric, component ("amplitude", "phase", or "value" for the complex field
        and for numbers of neither), value, low, high (of its interval), unit, reference, mask (scored
        pixels). Units and definitions are those of docs/scores.md.

        Raises
        ------
        ResultsError
            A table is not the one that its comparison wrote.
        """
        return score_frame((each.id, each.score_rows()) for each in self._compared())

    @property
    def differences(self) -> DataFrame:
        """First arm minus second, for every two arms and score of all comparisons that exist."""
        return difference_frame((each.id, each.difference_rows()) for each in self._compared())

    def _compared(self) -> list[OpenComparison]:
        return [each for each in self.comparisons.values() if each.exists]


def open_hub(path: str | os.PathLike[str], *, study: str | os.PathLike[str] | None = None) -> OpenHub:
    """Open a hub to read what its comparisons left.

    Nothing is computed, and nothing in the hub is executed or written. Files are read when they are
    asked for.

    Parameters
    ----------
    path : str or path
        The hub's folder.
    study : str or path, optional
        The study's file; HUB/study.toml, or the one beside you, where not given.

    Returns
    -------
    OpenHub
        ``hub.comparisons[ID]``, ``hub.scores``, ``hub.differences``, ``hub.study``.

    Raises
    ------
    HubError
        There is no hub.
    StudyError
        There is no study of this hub, or it has a mistake.

    Examples
    --------
    >>> import ptycho_compare
    >>> hub = ptycho_compare.open_hub("demo")
    >>> comparison = hub.comparisons["dose_1000-dense-train-debug"]
    >>> list(hub.scores.columns)[:5]
    ['comparison', 'arm', 'metric', 'component', 'value']
    >>> ssim = hub.scores.query("metric == 'ssim' and component == 'phase'")
    >>> best = ssim.groupby("comparison")["value"].max()
    >>> arm = comparison.arms["PtyChi"]
    >>> arm.status, arm.image.values.shape == comparison.mask.values.shape
    ('ok', True)
    >>> comparison.verdict.state
    'accepted'
    """
    hub = Hub.open(Path(path).expanduser())
    found, file = study_of(hub, None if study is None else Path(study).expanduser())
    return OpenHub(hub.root, found, file)

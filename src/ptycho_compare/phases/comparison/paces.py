"""Paces of a hub's comparisons: what all of them took so far, read once by a command or a session."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.jobs.pace import NOTHING_MEASURED, MeasuredTimes, Pace
from ptycho_compare.jobs.progress import JobProgress, read_progress
from ptycho_compare.study import Comparison, Study


def progress_in(hub: Hub, place: Comparison) -> JobProgress:
    """Read how far a comparison is."""
    return read_progress(Artifacts(place.folder(hub)).job)


class Paces:
    """What comparisons of one study in one hub took; of those that are asked for the newest is known."""

    def __init__(self) -> None:
        self._known: dict[Comparison, MeasuredTimes] = {}
        self._all: MeasuredTimes | None = None

    def of(self, hub: Hub, study: Study, place: Comparison, progress: JobProgress) -> Pace | None:
        """Return the pace of a comparison: by itself, else by the tier before, else by any other."""
        if not self._known:
            self._known = {each: MeasuredTimes.of(progress_in(hub, each)) for each in study.comparisons()}
        own = MeasuredTimes.of(progress)
        if self._known.get(place) != own:
            self._known[place], self._all = own, None
        if self._all is None:
            self._all = _joined(self._known.values())
        before = study.prerequisite_of(place)
        nearest = NOTHING_MEASURED if before is None else self._known.get(before, NOTHING_MEASURED)
        return _joined([own, nearest, self._all]).pace()


def _joined(measured: Iterable[MeasuredTimes]) -> MeasuredTimes:
    return reduce(MeasuredTimes.then, measured, NOTHING_MEASURED)

"""The comparisons of a session as jobs, each by the first test that asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_ptycho.cases import comparison_of, study_for, study_path

if TYPE_CHECKING:
    from pathlib import Path

    from ptycho_compare.hub import Hub
    from ptycho_compare.phases.comparison.job import ComparisonJob
    from ptycho_compare.phases.comparison.paces import Paces
    from ptycho_compare.study import Comparison, Study

_PACES = pytest.StashKey["dict[Path, Paces]"]()


def job_of(item: pytest.Item, hub: Hub, comparison: Comparison, study: Study) -> ComparisonJob:
    """Return a comparison of the study of a test as a job."""
    from ptycho_compare.phases.comparison.job import ComparisonJob

    file = study_path(item.config, item.path)
    return ComparisonJob(hub, study, file, comparison, _paces_of(item.config, file))


def _paces_of(config: pytest.Config, study_file: Path) -> Paces:
    """Return what the comparisons of a study took, read once by a session."""
    from ptycho_compare.phases.comparison.paces import Paces

    return config.stash.setdefault(_PACES, {}).setdefault(study_file, Paces())


def jobs_of(items: Iterable[pytest.Item], hub: Hub) -> Iterator[tuple[pytest.Item, ComparisonJob]]:
    """Yield the comparisons that tests are cases of, in the order of the tests."""
    seen = set()
    for item in items:
        comparison = comparison_of(item)
        if comparison is not None and comparison not in seen:
            seen.add(comparison)
            yield item, job_of(item, hub, comparison, study_for(item.config, item.path))

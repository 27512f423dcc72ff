"""What a suite of one's own adds by its hooks: asked for, and told in one line where it raises."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy
import pytest

from ptycho_compare.errors import InputError
from pytest_ptycho.options import OPTIONS
from pytest_ptycho.outcomes import Blocked

if TYPE_CHECKING:
    from ptycho_compare.finding import Finding
    from ptycho_compare.phases.comparison.job import ComparisonJob

_PACKAGED = Path(__file__).resolve().parent
_PLUMBING = (str(Path(pluggy.__file__).parent), str(Path(pytest.__file__).parents[1] / "_pytest"))


class OwnCodeError(InputError):
    """A hook of the user's own raised; the text names its file and line."""


def hooks_seen_by(item: pytest.Item) -> Any:
    """Return the hooks that a suite has for a test: those of conftests beside it or above, and of plugins.

    The tests that come with the plugin lie where it is installed, and nobody's conftest lies there: they see
    the hooks of the folder in which pytest was started.
    """
    if not item.path.resolve().is_relative_to(_PACKAGED):
        return item.ihook
    return item.session.gethookproxy(item.config.invocation_params.dir)


def has_checks(item: pytest.Item) -> bool:
    """Say if a suite has checks of its own that see this test."""
    return bool(hooks_seen_by(item).pytest_ptycho_check.get_hookimpls())


def own_findings(item: pytest.Item, job: ComparisonJob) -> list[Finding]:
    """Ask the suite's own checks about a comparison whose evidence holds."""
    if not has_checks(item):
        return []
    from ptycho_compare.api import OpenComparison
    from ptycho_compare.finding import Finding

    hook, comparison = hooks_seen_by(item).pytest_ptycho_check, OpenComparison(job.comparison, job)
    try:
        texts = list(_texts(asked("pytest_ptycho_check", hook, comparison=comparison)))
    except OwnCodeError as error:
        texts = [str(error)]
    return [Finding("own", str(text)) for text in texts]


def take_arms(item: pytest.Item, job: ComparisonJob) -> None:
    """Write the arms that a suite adds to those of its study to where all commands find them.

    Raises
    ------
    Blocked
        One cannot be an arm, or has the name of another.
    """
    hook = hooks_seen_by(item).pytest_ptycho_arms
    if not hook.get_hookimpls():
        return
    from ptycho_compare.finding import Finding
    from ptycho_compare.study.own_arms import write_own_arms

    try:
        added = asked("pytest_ptycho_arms", hook, study=job.study)
        write_own_arms(job.hub, job.study, [each for each in added if each is not None])
    except InputError as error:
        raise Blocked([Finding("input", f"{job.id}: {error}")]) from None


def summary_lines(config: pytest.Config) -> Iterator[str]:
    """Yield the lines that a suite adds to the summary."""
    hub, hook = config.stash[OPTIONS].hub, config.hook.pytest_ptycho_summary
    if hub is None or not hook.get_hookimpls():
        return
    from ptycho_compare.api import open_hub

    try:
        opened = open_hub(hub.root, study=config.stash[OPTIONS].study)
        yield from _texts(asked("pytest_ptycho_summary", hook, hub=opened))
    except InputError as error:
        yield str(error)


def _texts(answers: Iterable[str | Iterable[str] | None]) -> Iterator[str]:
    for answer in answers:
        yield from [answer] if isinstance(answer, str) else answer or ()


def asked(name: str, hook: Any, **facts: Any) -> list[Any]:
    """Call a hook; what it yields is taken at once, so that it raises here if it does.

    Raises
    ------
    OwnCodeError
        It raised.
    """
    try:
        return [_taken(answer) for answer in hook(**facts)]
    except Exception as error:  # whatever a user's code raises
        raise OwnCodeError(f"{_place(error, hook)}: {name}: {type(error).__name__}: {error}") from error


def _taken(answer: Any) -> Any:
    return answer if answer is None or isinstance(answer, str | Mapping) else list(answer)


def _place(error: BaseException, hook: Any) -> str:
    """Return file and line of the user's code that an error came through, or of a hook without an answer."""
    frames = [
        (frame.filename, frame.lineno)
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(_PLUMBING) and frame.filename != __file__
    ]
    codes = (each.function.__code__ for each in hook.get_hookimpls())
    file, line = next(iter([*frames, *((code.co_filename, code.co_firstlineno) for code in codes)]))
    return f"{file}:{line}"

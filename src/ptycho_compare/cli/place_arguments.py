"""The arguments that every command on a hub has: which hub, by which study, which comparison."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ptycho_compare.duration import parse_duration
from ptycho_compare.errors import StudyError
from ptycho_compare.hub import Hub
from ptycho_compare.study import Comparison, Study, load_study
from ptycho_compare.study.steps import BASELINE_NETWORK


def add_place(parser: argparse.ArgumentParser) -> None:
    """Declare `--hub` and `--study`."""
    parser.add_argument("--hub", type=Path, required=True, help="the hub's folder")
    parser.add_argument("--study", type=Path, help="study file (default: HUB/study.toml)")


def place_of(arguments: argparse.Namespace, *, new: bool = False) -> tuple[Hub, Study, Path]:
    """Open the hub and its study; the file that the study was read from comes third.

    A `new` hub may be one that does not hold anything yet.

    Raises
    ------
    StudyError
        The hub has no study of its own and none was named.
    """
    hub = Hub(arguments.hub.resolve()) if new else Hub.open(arguments.hub)
    if arguments.study is None and not hub.study().is_file():
        raise StudyError(
            f"{hub.study()}: there is no such file; name the study that holds here by --study FILE"
        )
    file = (arguments.study or hub.study()).resolve()
    return hub, load_study(file), file


def require_of_study(study: Study, file: Path, arguments: argparse.Namespace) -> None:
    """See that the dose, view, split and network of a command line are of the study.

    Raises
    ------
    StudyError
        One is not; the message lists those that are.
    """
    known: dict[str, Sequence[object]] = {
        "dose": study.doses,
        "view": study.views,
        "split": study.splits,
        "network": (BASELINE_NETWORK, *study.views),
    }
    for name, values in known.items():
        value = getattr(arguments, name, None)
        for each in value if isinstance(value, list) else [value]:
            if each is not None and each not in values:
                raise StudyError(f"{file}: --{name} {each}: the study has {', '.join(map(str, values))}")


def find_comparison(study: Study, comparison_id: str) -> Comparison:
    """Find a comparison by its id.

    Raises
    ------
    StudyError
        The study has none of this id; the message lists those that it has.
    """
    known = {comparison.id: comparison for comparison in study.comparisons()}
    if comparison_id not in known:
        raise StudyError(f"{comparison_id}: no comparison of this study; known: {', '.join(known)}")
    return known[comparison_id]


def duration(text: str) -> float:
    """Read a length of time from a command line."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None

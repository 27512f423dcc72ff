"""The arguments that every command on a hub has: which hub, by which study, which comparison."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from ptycho_compare.duration import parse_duration
from ptycho_compare.errors import HubError, StudyError
from ptycho_compare.hub import HUB_VARIABLE, Hub
from ptycho_compare.study import WORKPLACE, Comparison, Study, study_of
from ptycho_compare.study.steps import BASELINE_NETWORK


def add_place(parser: argparse.ArgumentParser) -> None:
    """Declare `--hub` and `--study`."""
    add_hub(parser)
    parser.add_argument(
        "--study",
        type=local_path,
        metavar="FILE",
        help=f"study file (default: HUB/study.toml, then {' or '.join(map(str, WORKPLACE))} here, then that "
        "of the acceptance suite)",
    )


def add_hub(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """Declare `--hub`, which the environment may name; `again` for a command below one that has it."""
    parser.add_argument(
        "--hub",
        type=local_path,
        metavar="DIR",
        default=argparse.SUPPRESS if again else named_hub(),
        help=f"the hub's folder (default: what {HUB_VARIABLE} names)",
    )


def named_hub() -> Path | None:
    """Return the hub that the environment names."""
    named = os.environ.get(HUB_VARIABLE)
    return local_path(named) if named else None


def local_path(text: str) -> Path:
    """Read a path; shells leave the ``~`` of ``--hub=~/study`` to us."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # nobody is called so
        return Path(text)


OPTIONAL_STUDY = "study file (default: as for other commands, if there is one about the hub)"


def hub_of(arguments: argparse.Namespace, *, new: bool = False) -> Hub:
    """Open the hub; without data in it only a `new` one, of which the folder need not be there.

    Raises
    ------
    HubError
        There is none.
    """
    if arguments.hub is None:
        raise HubError(f"no hub: give --hub DIR, or set {HUB_VARIABLE}")
    return Hub(arguments.hub.resolve()) if new else open_hub(arguments.hub, "--hub")


def open_hub(folder: Path, option: str) -> Hub:
    """Open the hub that an option names; HubError, with the option, where there is none."""
    try:
        return Hub.open(folder)
    except HubError as error:
        raise HubError(f"{option} {error}") from None


def place_of(arguments: argparse.Namespace, *, new: bool = False) -> tuple[Hub, Study, Path]:
    """Open the hub and its study; the file that the study was read from comes third.

    A `new` hub may be one that does not hold anything of the study yet.

    Raises
    ------
    StudyError
        There is no study, or it is about another hub.
    """
    hub = hub_of(arguments, new=new)
    return hub, *study_of(hub, arguments.study, new=new)


def require_of_study(
    study: Study, file: Path, arguments: argparse.Namespace, *, needed: Sequence[str] = ()
) -> None:
    """See that the dose, view, split and network of a command line are of the study.

    Of what is `needed` and was not given, the study's only one is put in its place.

    Raises
    ------
    StudyError
        One is not of the study, or is needed and the study has several; the message lists them.
    """
    known: dict[str, Sequence[object]] = {
        "dose": study.doses,
        "view": study.views,
        "split": study.splits,
        "network": (BASELINE_NETWORK, *study.views),
    }
    for name in needed:
        if getattr(arguments, name) is None:
            only, *others = known[name]
            if others:
                raise StudyError(f"{file}: give --{name}: the study has {_listed(known[name])}")
            setattr(arguments, name, only)
    for name, values in known.items():
        value = getattr(arguments, name, None)
        for each in value if isinstance(value, list) else [value]:
            if each is not None and each not in values:
                raise StudyError(f"{file}: --{name} {each}: the study has {_listed(values)}")


def _listed(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))


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

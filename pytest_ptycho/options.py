"""Command-line options and ini keys: the hub that is judged, its study, and how its jobs run.

The hub is taken from the command line, then the environment, then the ini file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ptycho_compare.duration import parse_duration
from ptycho_compare.errors import HubError
from ptycho_compare.names import HUB_VARIABLE

if TYPE_CHECKING:
    from ptycho_compare.hub import Hub

DETACHED_SLOTS = 1
DETACHED_DEADLINE_S = 24 * 3600.0


@dataclass(frozen=True)
class Options:
    """The options of a session; `add_options` says what each means.

    Attributes
    ----------
    hub : Hub or None
        That it exists has been checked only where the command line named it.
    study : Path or None
        None means HUB/study.toml or the one beside the tests.
    slots : int or None
        None for as many as there are tests.
    tier_order : bool
        True makes a tier wait for the one before it.
    on : str
        The batch system whose jobs compute; empty for this machine.
    wait : bool
        Whether tests wait for these jobs.
    """

    hub: Hub | None
    study: Path | None
    window_s: float | None = None
    detach: bool = False
    deadline_s: float = DETACHED_DEADLINE_S
    slots: int | None = None
    fresh: bool = False
    tier_order: bool = True
    plan: bool = False
    adopt: Path | None = None
    verify: bool = False
    allow_commands: bool = False
    on: str = ""
    wait: bool = False


OPTIONS = pytest.StashKey[Options]()


def add_options(parser: pytest.Parser) -> None:
    """Declare the options and ini keys."""
    group = parser.getgroup("ptycho", "acceptance testing of ptychographic reconstructions")
    group.addoption(
        "--hub",
        "--ptycho-hub",
        dest="ptycho_hub",
        metavar="DIR",
        help=f"hub to judge (option, then environment {HUB_VARIABLE}, then ini ptycho_hub)",
    )
    group.addoption(
        "--ptycho-study",
        metavar="FILE",
        help="study file (default: HUB/study.toml, then study.toml beside the tests)",
    )
    _add_running(group)
    _add_queue(group)
    parser.addini("ptycho_hub", "hub to judge, relative to the root directory", default="")


def _add_running(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--ptycho-window",
        metavar="TIME",
        help="what the session may take, e.g. 9m: jobs then stop with their work saved, tests are deferred",
    )
    group.addoption(
        "--ptycho-detach",
        action="store_true",
        help="launch jobs and return; a later run collects them",
    )
    group.addoption(
        "--ptycho-deadline",
        metavar="TIME",
        help="after which a detached job stops by itself (default: 24h)",
    )
    group.addoption(
        "--ptycho-slots",
        metavar="N",
        type=int,
        help=f"jobs that may run at a time on this machine (default: no limit; {DETACHED_SLOTS} if detached)",
    )
    group.addoption(
        "--ptycho-adopt",
        metavar="DIR",
        help="take results from another hub, after verifying them and recomputing parts here",
    )
    group.addoption(
        "--ptycho-verify",
        action="store_true",
        help="judge the evidence that is there, compute nothing, and write the verdict into HUB/report",
    )
    group.addoption(
        "--ptycho-allow-commands",
        action="store_true",
        help="run [commands] of a study that lies in the hub: read them first",
    )
    group.addoption("--ptycho-fresh", action="store_true", help="compute anew what is done")
    group.addoption(
        "--ptycho-any-tier",
        "--ptycho-no-gate",
        action="store_true",
        help="start a tier without a green tier before it (full waits for debug)",
    )
    group.addoption(
        "--ptycho-plan",
        action="store_true",
        help="print the jobs, their forecasts and what each would reuse; run nothing",
    )


def _add_queue(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--ptycho-on",
        metavar="SYSTEM",
        help="submit comparisons to a batch system (slurm); their tests are deferred with the jobs' numbers",
    )
    group.addoption("--ptycho-wait", action="store_true", help="with --ptycho-on: wait for the jobs")


def resolve(config: pytest.Config) -> Options:
    """Work out the options.

    Raises
    ------
    pytest.UsageError
        A hub, a study or results named on the command line do not exist, a time is none, or options
        exclude each other.
    """
    detach = config.getoption("ptycho_detach")
    slots = config.getoption("ptycho_slots")
    if slots is not None and slots < 1:
        raise pytest.UsageError(f"--ptycho-slots: {slots}; needed: at least 1")
    if config.getoption("ptycho_plan") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--ptycho-plan prints from one process; add -n0")
    _refuse_together(
        config, "ptycho_verify", ("ptycho_fresh", "ptycho_detach", "ptycho_adopt", "ptycho_plan")
    )
    if detach:
        _refuse_detaching()
    _require_system(config)
    deadline_s = _seconds(config, "ptycho_deadline")
    _refuse_names_for_workers(config)
    chosen = Options(
        hub=_hub(config),
        study=_existing(config, "ptycho_study"),
        window_s=_seconds(config, "ptycho_window"),
        detach=detach,
        deadline_s=DETACHED_DEADLINE_S if deadline_s is None else deadline_s,
        slots=DETACHED_SLOTS if detach and slots is None else slots,
        fresh=config.getoption("ptycho_fresh"),
        tier_order=not config.getoption("ptycho_any_tier"),
        plan=config.getoption("ptycho_plan"),
        adopt=_existing(config, "ptycho_adopt"),
        verify=config.getoption("ptycho_verify"),
        allow_commands=config.getoption("ptycho_allow_commands"),
        on=config.getoption("ptycho_on") or "",
        wait=config.getoption("ptycho_wait"),
    )
    _require_study_to_verify(chosen)
    return chosen


def names_a_hub(config: pytest.Config) -> bool:
    """True where a hub is to be judged, as far as is known before conftest files are loaded."""
    named = getattr(config.known_args_namespace, "ptycho_hub", None)
    return bool(named or os.environ.get(HUB_VARIABLE) or config.getini("ptycho_hub"))


def _refuse_detaching() -> None:
    """Refuse what no executor may do here, before anything is collected."""
    from ptycho_compare.errors import JobError
    from ptycho_compare.jobs.allocation import refuse_detaching

    try:
        refuse_detaching()
    except JobError as error:
        raise pytest.UsageError(str(error)) from None


def _require_system(config: pytest.Config) -> None:
    """Refuse a batch system that there is not, or not here, and what means this machine beside it."""
    on = config.getoption("ptycho_on")
    if on is None:
        if config.getoption("ptycho_wait"):
            raise pytest.UsageError("--ptycho-wait goes with --ptycho-on slurm")
        return
    here = ("ptycho_detach", "ptycho_fresh", "ptycho_adopt", "ptycho_verify", "ptycho_slots", "ptycho_plan")
    _refuse_together(config, "ptycho_on", here)
    from ptycho_compare.errors import JobError
    from ptycho_compare.jobs.allocation import refuse_submitting
    from ptycho_compare.jobs.executors.systems import SYSTEMS

    if on not in SYSTEMS:
        raise pytest.UsageError(f"--ptycho-on: {on!r}; there is: {', '.join(SYSTEMS)}")
    try:
        refuse_submitting()
    except JobError as error:
        raise pytest.UsageError(str(error)) from None


def _refuse_names_for_workers(config: pytest.Config) -> None:
    """Refuse what pytest-xdist cannot hand to its workers: it ends in a traceback of its own."""
    for word in config.invocation_params.args if config.getoption("numprocesses", None) else ():
        shown = os.fsencode(word).decode("utf-8", errors="replace")
        if shown != str(word):
            raise pytest.UsageError(f"{shown}: is no UTF-8, and xdist's workers take no other names; add -n0")


def _require_study_to_verify(chosen: Options) -> None:
    """Refuse `--ptycho-verify` without a study: the gate asks for all of it, whichever tests are run."""
    if not chosen.verify or chosen.hub is None or chosen.study is not None:
        return
    if not chosen.hub.study().is_file():
        where = f"{chosen.hub.study()}: there is no such file"
        raise pytest.UsageError(
            f"--ptycho-verify: {where}; name the study: --ptycho-study FILE, or have ptycho-hub init write it"
        )


def _refuse_together(config: pytest.Config, option: str, others: Sequence[str]) -> None:
    for other in others:
        if config.getoption(option) and config.getoption(other):
            raise pytest.UsageError(f"{_flag(option)} and {_flag(other)} exclude each other")


def _hub(config: pytest.Config) -> Hub | None:
    named, variable = config.getoption("ptycho_hub"), os.environ.get(HUB_VARIABLE)
    key = config.getini("ptycho_hub")
    if not (named or variable or key):
        return None
    from ptycho_compare.hub import Hub

    if named:
        try:
            return Hub.open(_absolute(config, named))
        except HubError as error:
            raise pytest.UsageError(f"--hub: {error}") from None
    return Hub(_absolute(config, variable) if variable else config.rootpath / Path(key).expanduser())


def _existing(config: pytest.Config, option: str) -> Path | None:
    name = config.getoption(option)
    if name is None:
        return None
    path = _absolute(config, name)
    if not path.exists():
        raise pytest.UsageError(f"{_flag(option)}: {path}: there is no such file or folder")
    return path


def _seconds(config: pytest.Config, option: str) -> float | None:
    text = config.getoption(option)
    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise pytest.UsageError(f"{_flag(option)}: {error}") from None


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _absolute(config: pytest.Config, name: str) -> Path:
    try:
        path = Path(name).expanduser()  # shells leave the one of --hub=~/study to us
    except RuntimeError:  # nobody is called so
        path = Path(name)
    return (config.invocation_params.dir / path).resolve()

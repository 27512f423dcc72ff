"""`ptycho-hub simulate | overlap | train | reconstruct`: one phase that makes what is compared."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, place_of, require_of_study
from ptycho_compare.hub import Hub
from ptycho_compare.study import Study

Phase = Callable[[Hub, Study, argparse.Namespace], list[Path]]


def add_phases(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands."""
    _add(commands, "simulate", "phase C: make a dose's data from a known object", _simulate)
    overlap = _add(commands, "overlap", "phase D: subsample a view, and measure its overlap", _overlap)
    overlap.add_argument("--view", required=True)
    train = _add(commands, "train", "phase E: train one network", _train)
    train.add_argument("--network", required=True, help="'baseline', or a view for its PtychoPINN")
    reconstruct = _add(commands, "reconstruct", "phase F: reconstruct one split with pty-chi", _reconstruct)
    reconstruct.add_argument("--view", required=True)
    reconstruct.add_argument("--split", required=True)


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, phase: Phase
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text)
    add_place(parser)
    parser.add_argument("--dose", type=int, required=True, help="photons per exposure")
    parser.set_defaults(run=_run, phase=phase)
    return parser


def _run(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub, study, file = place_of(arguments, new=True)
    require_of_study(study, file, arguments)
    for path in arguments.phase(hub, study, arguments):
        print(f"wrote {hub.relative(path)}")
    return ExitCode.OK


# each phase loads libraries of its own, which the others need not


def _simulate(hub: Hub, study: Study, arguments: argparse.Namespace) -> list[Path]:
    from ptycho_compare.phases.simulate.simulate import simulate

    return simulate(hub, study, arguments.dose)


def _overlap(hub: Hub, study: Study, arguments: argparse.Namespace) -> list[Path]:
    from ptycho_compare.phases.overlap.overlap import overlap

    return overlap(hub, study, arguments.dose, arguments.view)


def _train(hub: Hub, study: Study, arguments: argparse.Namespace) -> list[Path]:
    from ptycho_compare.phases.train.train import train

    return train(hub, study, arguments.dose, arguments.network)


def _reconstruct(hub: Hub, study: Study, arguments: argparse.Namespace) -> list[Path]:
    from ptycho_compare.phases.reconstruct.reconstruct import reconstruct

    return reconstruct(hub, study, arguments.dose, arguments.view, arguments.split)

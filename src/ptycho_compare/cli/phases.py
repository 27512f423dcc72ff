"""`ptycho-hub simulate | overlap | train | reconstruct`: one phase that makes what is compared."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial
from importlib import import_module

from ptycho_compare.cli.bars import bars
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import add_place, place_of, require_of_study
from ptycho_compare.errors import StudyError
from ptycho_compare.hub import cell_text
from ptycho_compare.study import in_cells_of
from ptycho_compare.study.step import MakingStep
from ptycho_compare.study.steps import MAKING

_ONLY = "default: that of the study, if it has one only"
_HELP = {"network": "'baseline', or a view for its PtychoPINN"}


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare a command for each step of phases C to F; its options are the step's place."""
    for kind in MAKING:
        parser = commands.add_parser(kind.command, help=f"phase {kind.phase}: {kind.purpose}")
        add_place(parser)
        parser.add_argument("--dose", type=int, help=f"photons per exposure; {_ONLY}")
        for option in fields(kind)[2:]:
            parser.add_argument(f"--{option.name}", help=_HELP.get(option.name, _ONLY))
        if kind.in_cells:
            parser.add_argument("--cell", default="", help="levels of the study's factors, e.g. seed_1")
        parser.set_defaults(run=partial(_run, kind))


def _run(kind: type[MakingStep], arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub, study, file = place_of(arguments, new=True)
    names = [option.name for option in fields(kind)[2:]]
    require_of_study(study, file, arguments, needed=["dose", *names])
    options = {name: getattr(arguments, name) for name in names}
    step = kind(hub, arguments.dose, **options)
    if kind.in_cells:
        cells = {
            cell_text(replace(step, hub=here).cell): (here, how)
            for here, how in in_cells_of(hub, study, differing="comparisons")
        }
        if arguments.cell not in cells:
            known = ", ".join(filter(None, cells)) or "none"
            raise StudyError(f"{file}: --cell '{arguments.cell}': cells of {step.id} are: {known}")
        hub, study = cells[arguments.cell]
        step = replace(step, hub=hub)
    # each phase loads libraries of its own, which the others need not
    make = getattr(import_module(step.computed_by), step.command)
    with bars(lambda: [step.records.job]):
        written = make(hub, study, step.dose, **step.place)
    for path in written:
        print(f"wrote {hub.relative(path)}")
    return ExitCode.OK

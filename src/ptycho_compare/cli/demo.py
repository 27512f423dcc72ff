"""`ptycho-hub demo`: a whole study from nothing, small enough for a laptop."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.run import add_pace, carry_out
from ptycho_compare.files import write_text_atomic
from ptycho_compare.hub import FULL_TIER, Hub
from ptycho_compare.phases.pipeline.plan import Plan
from ptycho_compare.study import load_study

READY = "SUCCESS: The demo study is ready"
_FOLDER = Path("ptycho_demo")


def add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("demo", help="make a small study from nothing: data, networks, pty-chi")
    parser.add_argument("--hub", type=Path, default=_FOLDER, help="its folder (default: %(default)s)")
    add_pace(parser, at_a_time=2)
    parser.set_defaults(run=_demo)


def _demo(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub = Hub(arguments.hub.resolve())
    if not hub.study().exists():  # whoever changes it there makes the study their own
        hub.root.mkdir(parents=True, exist_ok=True)
        write_text_atomic(hub.study(), files("ptycho_compare.study").joinpath("demo.toml").read_text("utf-8"))
    study = load_study(hub.study())
    dose, view = study.doses[0], study.views[0]
    plan = Plan(hub, study, hub.study(), dose, view, study.splits)
    status = carry_out(plan, "demo", plan.making, arguments, success=READY)
    if status == ExitCode.OK:
        place = shlex.quote(str(arguments.hub))
        print(f"judge it:   pytest -m debug --hub={place}")
        print(f"count it:   pytest -m {FULL_TIER} --timeout=0 --hub={place}")
        print(f"report it:  ptycho-hub run --hub {place} --dose {dose} --view {view}")
        print(f"accept it:  ptycho-hub gate --hub {place}")
        print(f"look at it: ptycho-hub page --hub {place}")
    return status

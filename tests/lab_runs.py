"""A study whose phases E and F are a lab's own commands, and `ptycho-hub` on its hubs."""

from __future__ import annotations

import io
import subprocess
from contextlib import redirect_stdout
from pathlib import Path

from hubs import COMPARING, light
from processes import PTYCHO_HUB, ROOT, environment, nobody_left, run, variables
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub

DOSE = 1_000_000
LAB = ROOT / "tests" / "lab.py"
WHERE = ("--dose", str(DOSE), "--view", "dense")
COMMANDS = f"""\
[commands]
phase_e = ["{{python}}", "{LAB}", "train", "{{hub}}", "{{dose}}", "{{network}}", "{{cell}}"]
phase_f = ["{{python}}", "{LAB}", "reconstruct", "{{hub}}", "{{dose}}", "{{view}}", "{{split}}", "{{cell}}"]
"""
STUDY = f"""\
name = "a lab's own"
doses = [{DOSE}]
views = ["dense"]
splits = ["train", "test"]
{COMPARING}
[uncertainty]
draws = 20

[simulation]
object_px = 96
patch_px = 32
probe_fwhm_px = 8
images = 120

[overlap.views.dense]
s_img = 0.8
n_groups = 64

{COMMANDS}"""


def hub_of(root: Path, study: str = STUDY) -> Hub:
    """A hub with nothing but a study; its jobs do without frameworks."""
    root.mkdir(parents=True)
    (root / "study.toml").write_text(study)
    return Hub(light(root))


def ptycho_hub(hub: Hub, *words: str, measured: bool = False) -> subprocess.CompletedProcess[str]:
    command, *more = words
    if command in ("run", "conditions"):  # the study of these hubs lies in them, and is this test's own
        more.append("--allow-commands")
    return run((*PTYCHO_HUB, command, "--hub", str(hub.root), *more), hub.root, measured=measured)


def make_finished_hub(folder: Path) -> None:
    """Run a hub on one split, then bring it through all conditions; what was said lies beside it.

    Both commands run in this process, which has their code loaded; their jobs are processes as ever.
    """
    hub = hub_of(folder / "hub")
    with nobody_left(hub.root), variables(environment(hub.root)):
        for name, words in {
            "first": ("run", *WHERE, "--splits", "train", "--skip-post-verify"),
            "conditions": ("conditions", *WHERE, "--at-a-time", "2"),
        }.items():
            with redirect_stdout(io.StringIO()) as said:
                status = main([*words, "--hub", str(hub.root), "--allow-commands"])
            (folder / f"{name}.txt").write_text(said.getvalue())
            assert status == 0, said.getvalue()

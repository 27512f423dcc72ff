"""Every fenced block of the pages: how it is run, or by name why not; one of an unknown kind fails."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from functools import cache
from pathlib import Path

import pytest

from hubs import DOSE, QUICK_STUDY
from pages import Block, alternatives, blocks, can_be_typed, named
from processes import ROOT
from ptycho_compare import open_hub
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.site import Site, read_site
from ptycho_compare.study import load_study

BLOCKS = blocks()
SHELL = {
    "git": "where the project lies is not known to it",
    "python3": "plugin/test_installed.py makes an environment",
    "pip": "plugin/test_installed.py installs the wheel; the matrix installs libraries",
    "eval": "cli/test_completion.py",
    "make": "what CI runs",
}
"""Lines of the shell that are none of our programs, and who runs them."""
RUN_ELSEWHERE = {
    "accept": "cli/test_accept.py",
    "adopt": "plugin/test_adoption.py",
    "check-highlights": "cli/test_reports.py",
    "compare": "cli/test_ptycho_hub.py",
    "completion": "cli/test_completion.py",
    "conditions": "cli/test_run.py",
    "demo": "cli/test_demo.py",
    "network": "cli/test_network.py",
    "run": "cli/test_run.py",
    "rescore": "cli/test_rescore.py",
    "score": "cli/test_score.py",
    "seal": "cli/test_seal.py",
    "verify": "cli/test_reports.py",
    "watch": "cli/test_jobs.py",
    "resume": "cli/test_jobs.py",
    "stop": "cli/test_jobs.py",
}
"""Commands that take long, or need what a small hub has not: who types them."""
PICTURES = {
    "README.md": "the house, which test_floors.py holds the code to",
    "docs/comparison.md": "a drawing",
    "docs/house.md": "drawings; test_floors.py holds the code to the floors",
    "docs/howto/cluster.md": "a job script around a command that stands above it",
    "docs/howto/window.md": "a loop of the shell around a command that stands above it",
    "docs/own_tests.md": "what a test says, which plugin/test_scores.py compares",
    "docs/tutorials/my_scan.md": "where files lie: test_hub.py",
}
FRAGMENTS = {"docs/ready_made.md": "inside a program of the reader's: it is compiled"}


def of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def runner_of(block: Block) -> str | None:
    """Name who runs a block."""
    if block.language in ("bash", "toml", "{toctree}", "{eval-rst}"):
        return "tests below; `make docs`"
    if block.language == "python":
        # a module of tests that names the page runs its blocks; see the test below
        return FRAGMENTS.get(named(block.page)) or next(iter(modules_that_read(block.page)), None)
    return PICTURES.get(named(block.page)) if block.language in ("", "text") else None


@cache
def modules() -> dict[str, str]:
    """Return the text of every module of tests."""
    return {named(path): path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}


def modules_that_read(page: Path) -> list[str]:
    return sorted(name for name, text in modules().items() if re.search(rf"[\"/]{page.name}\"", text))


def test_every_block_is_run_or_it_is_said_why_not() -> None:
    assert len(BLOCKS) > 50
    assert [block.name for block in BLOCKS if runner_of(block) is None] == []


def test_who_is_said_to_type_a_command_does() -> None:
    for command, module in RUN_ELSEWHERE.items():
        text = (ROOT / "tests" / module).read_text(encoding="utf-8")
        assert re.search(rf"\b{command}\b", text), f"{module}: {command}"


@pytest.mark.parametrize("block", of("bash"), ids=lambda block: block.name)
def test_every_line_of_a_shell_is_a_command_that_somebody_runs(block: Block) -> None:
    for line in block.text.replace("\\\n", " ").splitlines():
        command = line.split(" #")[0].split("   ")[0].strip()
        program = command.partition(" ")[0]
        if not command:
            continue
        if program in SHELL:
            continue
        assert program in ("ptycho-hub", "compare_models", "pytest"), line
        for each in alternatives(command):
            assert " " not in command or can_be_typed(each), each


EARLIER = ("--against", "--signed-by", "--wait", "--answer")
"""Need an accepted run, a key, or another machine: cli/test_{gate,accept,seal,probe}.py."""


def quick_commands() -> list[str]:
    """List what is typed here, one of those that are the same in another hub."""
    lines = [line for block in of("bash") for line in block.text.splitlines()]
    found = {
        each.replace("ptycho_demo", "HUB")
        for line in lines
        for each in alternatives(line.split(" #")[0].split("   ")[0].strip() or "-")
        if each.startswith("ptycho-hub ") and not any(word in each for word in EARLIER)
    }
    return sorted(each for each in found if each.split()[1] not in {*RUN_ELSEWHERE, "--version"})


@pytest.mark.parametrize("command", quick_commands())
def test_a_quick_command_is_typed(
    command: str, quick_compared_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = Path(shutil.copytree(quick_compared_hub, tmp_path / "hub"))
    scan = str(hub / f"data/phase_c/dose_{DOSE}/patched_train.npz")
    stands_for = {"HUB": str(hub), "SCAN.npz": scan, "FILE": scan}
    words = [stands_for.get(word, word) for word in shlex.split(command)[1:]]
    if words[0] == "init":
        (hub / "study.toml").unlink()
    if words[0] == "blockers" and "close" in words:
        assert main(words) == 2  # there is no note of that name
        assert "ID" in capsys.readouterr().err
        return
    # the gate is red: the scans of this hub were not made by phase C
    assert main(words) == (1 if words[0] == "gate" else 0), capsys.readouterr().err


@pytest.mark.parametrize("block", of("toml"), ids=lambda block: block.name)
def test_what_is_written_as_toml_is_read(block: Block, tmp_path: Path) -> None:
    told = tomllib.loads(block.text)
    if "project" in told:
        return  # of a package of the reader's: models/own and cli/test_compare_options.py install one
    if "input" in told or "output" in told:
        assert modules_that_read(block.page), "a network's toml is read by tests of its page"
        return
    if told.keys() <= {*Site.model_fields}:
        Hub(tmp_path).site().write_text(block.text, encoding="utf-8")
        assert read_site(Hub(tmp_path)).model_fields_set == {*told}
        return
    study = tmp_path / "study.toml"
    study.write_text(f"{QUICK_STUDY}\n{block.text}", encoding="utf-8")
    read = load_study(study).model_dump()
    for table in told:
        assert read[table]


@pytest.mark.parametrize("block", of("python"), ids=lambda block: block.name)
def test_a_program_is_one(block: Block) -> None:
    text = block.text if "return" not in block.text.split("def ")[0] else f"def _():\n{block.text}"
    compile(text, block.name, "exec")


def test_the_tutorial_s_test_is_about_a_score_that_there_is(quick_compared_hub: Path) -> None:
    page = ROOT / "docs" / "tutorials" / "demo.md"
    (block,) = [each for each in of("python") if each.page == page]
    told = re.findall(r'scores\["(\w+)"\]\.(\w+)\.(\w+)', block.text)
    frame = open_hub(quick_compared_hub).scores
    known = set(zip(frame.arm, frame.component, frame.metric, strict=True))
    assert set(told) - known == set() != set(told)

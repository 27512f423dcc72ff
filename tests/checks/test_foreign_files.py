"""What is no file of ours in place of one: both judges name it or refuse it in one line, and never wait."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from lab_runs import DOSE, WHERE
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.phases.comparison import verified as computed_again

PATIENCE_S = 60
G = f"analysis/dose_{DOSE}/dense/test"
OVERLAP = f"jobs/steps/dose_{DOSE}-overlap-dense"
RECORDS = {
    "study": "study.toml",
    "manifest": f"{G}/manifest.json",
    "table": f"{G}/comparison_metrics.csv",
    "log": f"{G}/logs/logs/debug.log",
    "plan": f"{G}/plan.npz",
    "figure": f"{G}/comparison_plot.png",
    "launch": f"{G}/job/launch.json",
    "done": f"{G}/job/done.json",
    "states": f"{G}/job/states.jsonl",
    "claim": f"{G}/job/claim.json",
    "summary": "analysis/metrics_summary.json",
    "inventory": "analysis/artifact_inventory.txt",
    "digests": "analysis/artifact_digests.tsv",
    "list": "analysis/comparison_manifest.json",
    "doses": "data/phase_c/run_manifest.json",
    "scan": f"data/phase_c/dose_{DOSE}/patched_test.npz",
    "view metrics": f"data/phase_d/dose_{DOSE}/dense/test_metrics.json",
    "bundle": f"data/phase_e/dose_{DOSE}/dense/gs2/wts.h5.zip",
    "step record": f"{OVERLAP}/record.json",
    "step states": f"{OVERLAP}/job/states.jsonl",
    "transcript": "cli/run_phase_g_dense.log",
    "digest": "analysis/metrics_digest.md",
    "note": "red/blocked_20261128T000000Z_missing_input.md",
}
NOTE = f"# Blocked: dose_{DOSE}-dense-test-full: missing_input\n\n## What was found\n- missing: x\n"
ADDED = {"claim": json.dumps({"holder": {}, "token": ""}), "note": NOTE}
"""What a finished hub does not hold."""


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def zero(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def sparse(path: Path) -> None:
    os.truncate(path, 20 << 30)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def deep(path: Path) -> None:
    path.write_text('{"a":' * 100_000 + "1" + "}" * 100_000)


def byte_order_mark(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def utf16(path: Path) -> None:
    path.write_bytes(path.read_bytes().decode(errors="replace").encode("utf-16"))


def number(path: Path) -> None:
    path.write_text("1" + "0" * 5000)


NAMED = {"step record": "no record of a finished step vouches for it"}
Harm = Callable[[Path], None]
ANYWHERE: list[Harm] = [pipe, folder, zero, sparse]
TEXTS: list[Harm] = [empty, deep, byte_order_mark, utf16, number]
NO_TEXTS = ("plan", "scan", "figure", "bundle")
HARMLESS = {
    **{(name, byte_order_mark): "every event is read all the same" for name in ("states", "step states")},
    **{("note", harm): "a note by a person may say anything" for harm in TEXTS},
    **{("log", harm): "a light hub's networks are not logged" for harm in TEXTS},
    **{("transcript", harm): "logs may grow, and be of any text" for harm in (byte_order_mark,)},
}  # fmt: skip
TRIED = [
    pytest.param(name, harm, id=f"{harm.__name__}-{name.replace(' ', '-')}",
                 marks=[] if (place + kind) % 12 == 0 else pytest.mark.slow)
    for place, name in enumerate(RECORDS)
    for kind, harm in enumerate([*ANYWHERE, *([] if name in NO_TEXTS else TEXTS)])
    if (name, harm) not in HARMLESS
]  # fmt: skip


@pytest.fixture(scope="module")
def hub(run_hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """A copy of the finished hub whose files are exchanged and brought back."""
    return Hub(Path(shutil.copytree(run_hub.root, tmp_path_factory.mktemp("foreign") / "hub")))


@pytest.fixture(autouse=True)
def same_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read what places are drawn from, and look at the same ones: most need not be computed again."""
    read = computed_again.seed_of

    def the_same(hub: Hub, names: Artifacts) -> int:
        read(hub, names)
        return 1

    monkeypatch.setattr(computed_again, "seed_of", the_same)


@contextmanager
def exchanged(path: Path, harm: Harm, backup: Path) -> Iterator[None]:
    there = path.is_file()
    if there:
        shutil.copy2(path, backup)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(next(text for name, text in ADDED.items() if RECORDS[name].endswith(path.name)))
    try:
        harm(path)
        yield
    finally:
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
        if there:
            shutil.copy2(backup, path)


class WaitedError(BaseException):
    """A judge waited, or read without end."""


@contextmanager
def never_waiting() -> Iterator[None]:
    def late(_number: int, _frame: FrameType | None) -> None:
        raise WaitedError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(PATIENCE_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("unmeasured_here")
@pytest.mark.parametrize(("name", "harm"), TRIED)
def test_what_is_no_file_of_ours_is_named_by_a_judge(
    hub: Hub, tmp_path: Path, name: str, harm: Harm, capsys: pytest.CaptureFixture[str]
) -> None:
    path = hub.root / RECORDS[name]
    where = ["--hub", str(hub.root)]
    with exchanged(path, harm, tmp_path / "backup"), never_waiting():
        gate = main(["gate", *where])
        told = capsys.readouterr()
        verify = main(["verify", *where, *WHERE])
        told_by_verify = capsys.readouterr()
    statuses = (gate, verify)
    assert set(statuses) <= {0, 1, 2, 3}
    assert statuses != (0, 0)
    for status, output in ((gate, told), (verify, told_by_verify)):
        if status == 2:  # refused: one line that names the file
            assert output.err.count("\n") == 1
            assert path.name in output.err
    assert NAMED.get(name, path.name) in "".join([*told, *told_by_verify])

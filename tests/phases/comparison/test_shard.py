"""Shards of a comparison: whoever computes which, in whatever order, the results are those of one process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hubs import DOSE
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.errors import ArmError, InputError, JobError, ShardError
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.jobs.claim import take_claim
from ptycho_compare.jobs.states import read_states
from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.models.predictor import Predictor
from ptycho_compare.phases.comparison import network
from ptycho_compare.phases.comparison.compare import compare
from ptycho_compare.phases.comparison.request import CompareRequest, request_of
from ptycho_compare.phases.comparison.shard import run_shard
from ptycho_compare.phases.comparison.sharing import Shard
from ptycho_compare.study import load_study
from results import assert_same_results
from resume.runs import DEBUG, Whole, diagnostics, whole

pytestmark = pytest.mark.usefixtures("undrawn", "built_once")

GROUPS = 48  # in chunks of 20: segments 0-20, 20-40 and 40-48 of each of two networks
SEGMENTS = ("0-20", "20-40", "40-48")


@pytest.fixture(scope="module")
def unsharded(compared_hub: Path) -> Whole:
    return whole(Hub(compared_hub).comparison_dir(DOSE, "dense", "train", "debug"))


def request_in(hub: Path) -> CompareRequest:
    study = load_study(hub / "study.toml")
    return request_of(Hub(hub), study, next(each for each in study.comparisons() if each.id == DEBUG))


def shards_of(request: CompareRequest) -> Path:
    return Artifacts(request.output_dir).job.shards


def compute(request: CompareRequest, count: int, numbers: Sequence[int] | None = None) -> None:
    for number in numbers or range(1, count + 1):
        assert run_shard(request, Shard(number, count), console_level=None) == {}


def reduce(request: CompareRequest, *, shards_only: bool = False) -> None:
    scorecard = compare(request, command=[], console_level=None, shards_only=shards_only)
    assert scorecard.failed == ()


def saved(request: CompareRequest) -> list[str]:
    """The segments of which something is saved."""
    return sorted(f"{path.parent.name} {path.stem}" for path in shards_of(request).glob("[!0-9]*/*.json"))


@pytest.mark.parametrize(
    ("count", "numbers"),
    [
        (2, (2, 1)),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [(1, (1,)), (3, (3, 1, 2)), (3, (1, 2, 3)), (7, (5, 3, 7, 1, 2, 6, 4))]
        ),
    ],
)
def test_any_number_in_any_order_gives_the_same_bytes(
    count: int, numbers: tuple[int, ...], own_hub: Path, unsharded: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log too, line by line, with one statistic a chunk; who adds up loads no network."""
    request = request_in(own_hub)
    compute(request, count, numbers)
    assert saved(request) == [f"{arm} {each}" for arm in ("Baseline", "PtychoPINN") for each in SEGMENTS]
    assert not Artifacts(request.output_dir).manifest.exists()

    def loaded(*_: object, **__: object) -> None:
        raise AssertionError("a network was loaded")

    monkeypatch.setattr(network, "load_predictor", loaded)
    reduce(request, shards_only=True)
    assert_same_results(request.output_dir, unsharded.results)
    assert diagnostics(request.output_dir) == unsharded.diagnostics
    assert not shards_of(request).exists()
    taken = [
        each
        for each in read_states(Artifacts(request.output_dir).job.states)
        if each["state"] == "taken_over"
    ]
    assert [each["groups"] for each in taken] == [*SEGMENTS, *SEGMENTS]
    assert {each["device"] for each in taken} == {"cpu"}


def test_what_is_missing_is_named_or_computed(own_hub: Path, unsharded: Whole) -> None:
    request = request_in(own_hub)
    compute(request, 3, (1, 3))
    with pytest.raises(
        ShardError, match=r"shards: PtychoPINN groups 20 to 39, Baseline groups 20 to 39: not there"
    ):
        reduce(request, shards_only=True)
    assert not Artifacts(request.output_dir).manifest.exists()
    reduce(request)
    assert_same_results(request.output_dir, unsharded.results)
    assert diagnostics(request.output_dir) == unsharded.diagnostics


def test_what_is_damaged_or_of_something_else_is_set_aside_and_computed(
    own_hub: Path, unsharded: Whole
) -> None:
    """A torn file, and shards that another scan gave: each is refused by name, and kept."""
    request = request_in(own_hub)
    compute(request, 2)
    (torn,) = (shards_of(request) / "PtychoPINN").glob("20-40@*.npz")
    torn.write_bytes(torn.read_bytes()[:-7])
    record = shards_of(request) / "Baseline" / "0-20.json"
    held = json.loads(record.read_text())
    held["fingerprint"]["inputs"]["test_data"] = "0" * 64
    record.write_text(json.dumps(held))
    with pytest.raises(ShardError, match="PtychoPINN groups from 20 on"):
        reduce(request, shards_only=True)
    reduce(request)
    assert_same_results(request.output_dir, unsharded.results)
    aside = Artifacts(request.output_dir).job.set_aside
    reasons = {path.parts[-3]: path.read_text() for path in aside.glob("*/*/reason.txt")}
    assert reasons["PtychoPINN"].startswith("damaged: 20-40@")
    assert reasons["Baseline"].startswith("damaged: 0-20.json differs from its own digest")
    said = [
        each for each in read_states(Artifacts(request.output_dir).job.states) if each["state"] == "set_aside"
    ]
    assert {each["part"] for each in said} == {"PtychoPINN 20-40", "Baseline 0-20"}


def test_shards_of_another_scan_are_stale(own_hub: Path) -> None:
    request = request_in(own_hub)
    compute(request, 2, (1,))
    with request.test_data.open("ab") as file:
        file.write(b"\0")  # the same arrays: what counts is the digest
    compute(request, 2, (1,))
    aside = Artifacts(request.output_dir).job.set_aside
    assert len([*aside.glob("*/*/reason.txt")]) == 4
    assert all(path.read_text().startswith("input test_data was") for path in aside.glob("*/*/reason.txt"))


def test_a_mixture_of_devices_is_refused_by_name(own_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether shards differ from each other, or from the machine that computes what is missing."""
    request = request_in(own_hub)
    compute(request, 3, (1,))
    load = network.load_predictor

    def elsewhere(*given: object, **how: object) -> object:
        predictor = load(*given, **how)  # type: ignore[arg-type]
        monkeypatch.setattr(predictor, "device", "NVIDIA H200")
        return predictor

    with monkeypatch.context() as patch:
        patch.setattr(network, "load_predictor", elsewhere)
        compute(request, 3, (2,))
        with pytest.raises(ShardError, match="PtychoPINN: groups 20 to 39 were computed on NVIDIA H200"):
            reduce(request)
        shutil.rmtree(shards_of(request) / "PtychoPINN")
        shutil.rmtree(Artifacts(request.output_dir).job.checkpoints, ignore_errors=True)
        (shards_of(request) / "Baseline" / "20-40.json").unlink()
        with pytest.raises(ShardError, match="was computed by shards on cpu, and here is NVIDIA H200"):
            reduce(request)
    assert not Artifacts(request.output_dir).manifest.exists()


def test_nobody_does_the_same_twice(own_hub: Path) -> None:
    """Neither one shard, nor shards of another number, nor a shard beside the comparison itself."""
    request = request_in(own_hub)
    files = Artifacts(request.output_dir).job
    compute(request, 2, (1,))
    other, _ = take_claim(files.shard(1, 2).claim)
    with pytest.raises(JobError, match=r"shard 1/2 is at work \(pid \d+ on .*than 1/3"):
        compute(request, 3, (1,))
    other.release()
    mine, _ = take_claim(files.claim)
    with pytest.raises(JobError, match="the comparison itself is at work"):
        compute(request, 2, (2,))
    mine.release()


@pytest.mark.parametrize(
    "text", ["0/2", "3/2", "2", "1/0", "a/b", "-1/2", "1/1001", "1/2/3", "\u0661/\u0662", ""]
)
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(InputError, match="no shard; needed: I/K"):
        Shard.parse(text)


def test_turns_share_out_everything_once() -> None:
    for count in (1, 2, 7, 40):
        shards = [Shard(number, count) for number in range(1, count + 1)]
        assert [sum(shard.takes(segment) for shard in shards) for segment in range(32)] == [1] * 32


def test_a_shard_that_fails_is_named_and_the_others_are_kept(
    own_hub: Path, unsharded: Whole, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    request = request_in(own_hub)
    load = network.load_predictor

    def broken(model: ModelFile, **how: Any) -> Predictor:
        if model.group_size == 1:
            raise ArmError("its library is another one here")
        return load(model, **how)

    words = ["compare", DEBUG, "--hub", str(own_hub), "--shard"]
    assert main([*words, "1/2"]) == 0
    with monkeypatch.context() as patch:
        patch.setattr(network, "load_predictor", broken)
        assert main([*words, "2/2"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "shard 2/2: Baseline stopped: ArmError: its library is another one here"
    assert saved(request) == ["Baseline 0-20", "Baseline 40-48", *(f"PtychoPINN {each}" for each in SEGMENTS)]
    assert main([*words[:-1], "--shards-only"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"ptycho-hub: error: {shards_of(request)}: Baseline groups 20 to 39: not there")
    assert main([*words, "2/2"]) == 0
    assert main([*words[:-1], "--shards-only"]) == 0
    assert_same_results(request.output_dir, unsharded.results)


def test_what_is_no_shard_is_one_line(own_hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("compare", "work"):
        assert main([command, DEBUG, "--hub", str(own_hub), "--shard", "3/2"]) == 2
        said = capsys.readouterr().err.splitlines()
        assert said == [
            "ptycho-hub: error: '3/2': no shard; needed: I/K, the I-th of K, 1/K to K/K, K at most 1000"
        ]

"""`ptycho-hub rescore`: canvases that are stored are scored anew, without a network, beside the evidence."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab_runs import DOSE
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts, Hub

pytestmark = pytest.mark.usefixtures("undrawn")
ID = f"dose_{DOSE}-dense-test-debug"


def rescore(hub: Hub, *words: str) -> int:
    return main(["rescore", "--hub", str(hub.root), "--name", "fine", *words])


def kept(hub: Hub) -> Artifacts:
    return Artifacts(hub.rescored("fine") / f"dose_{DOSE}" / "dense" / "test_debug_v4")


def evidence(hub: Hub) -> Artifacts:
    return Artifacts(hub.comparison_dir(DOSE, "dense", "test", "debug"))


def record(hub: Hub) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kept(hub).rescoring.read_text())
    return found


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def digits(path: Path, *columns: str) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in columns) for row in rows(path)]


def test_with_nothing_changed_every_table_and_array_is_the_same_bytes(own: Hub) -> None:
    before = {path: path.read_bytes() for path in evidence(own).folder.rglob("*") if path.is_file()}
    assert rescore(own, ID) == 0
    same = [name for name in record(own)["artifacts"] if not name.endswith(".png")]
    assert {evidence(own).metrics.name, evidence(own).frc_cutoffs.name} <= {*same}
    for name in same:
        assert (kept(own).folder / name).read_bytes() == before[evidence(own).folder / name], name
    assert {path: path.read_bytes() for path in before} == before
    assert record(own)["manifest_sha256"] == digest(evidence(own).manifest)


def test_other_draws_and_levels_move_the_intervals_alone(own: Hub) -> None:
    assert rescore(own, ID, "--set", "uncertainty.draws=200", "--set", "uncertainty.level=0.5") == 0
    assert record(own)["changed"].keys() == {"uncertainty.draws", "uncertainty.level"}
    assert record(own)["changed"]["uncertainty.level"] == [0.95, 0.5]
    points = "model", "metric", "amplitude", "phase", "value"
    assert digits(kept(own).metrics, *points) == digits(evidence(own).metrics, *points)
    assert kept(own).metrics.read_bytes() != evidence(own).metrics.read_bytes()
    assert rescore(own, "--check") == 0


def test_an_image_says_which_pixels_are_scored_and_is_kept_with_the_scores(own: Hub, tmp_path: Path) -> None:
    with np.load(evidence(own).reconstructions) as archive:
        mask = archive["mask"]
    region = np.zeros(mask.shape)
    region[:, : np.flatnonzero(mask.any(axis=0))[mask.any(axis=0).sum() // 2]] = 1
    np.savez(tmp_path / "region.npz", region=region)
    assert rescore(own, ID, "--mask", f"{tmp_path}/region.npz:region") == 0
    (tmp_path / "region.npz").unlink()
    assert record(own)["mask_pixels"] == int((mask & (region > 0)).sum()) < int(mask.sum())
    assert rescore(own, ID, "--check") == 0  # by what was kept
    for unfit in (region[:-1], np.where(region, region, np.nan), region + 0j):
        np.savez(tmp_path / "region.npz", region=unfit)
        assert rescore(own, ID, "--mask", f"{tmp_path}/region.npz:region") == 2


@pytest.mark.slow
def test_other_definitions_are_named_in_every_row(own: Hub) -> None:
    assert rescore(own, ID, "--set", "scoring.metrics=ptychopinn") == 0
    version = record(own)["metric_version"]
    assert {row["metric_version"] for row in rows(kept(own).metrics)} == {version}
    assert version not in {row["metric_version"] for row in rows(evidence(own).metrics)}


@pytest.mark.slow
def test_all_that_left_evidence_is_scored_where_none_is_named(
    own: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rescore(own, "--set", "uncertainty.draws=0") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert f"{ID}: {own.relative(kept(own).metrics)}" in lines


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "uncertainty.draw=5"], "needed: KEY=VALUE; did you mean uncertainty.draws?"),
        (["--set", "uncertainty.draws=many"], "--set: 'uncertainty.draws': Input should be a valid integer"),
        (["--set", "uncertainty.draws"], "needed: KEY=VALUE; the keys are"),
        (["--set", "scoring.half_data=true"], "needed: KEY=VALUE; the keys are"),
        (["--set", "stitching.crop_px=8"], "needed: KEY=VALUE; the keys are"),
        (["--mask", "nowhere.npz"], "nowhere.npz"),
        (["--check", "--set", "uncertainty.draws=5"], "leave out --set and --mask"),
        (["--check"], "no comparison of the study left anything there"),
        (["dose_1-dense-test-debug"], "no comparison of this study"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(
    undamaged: Hub, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rescore(undamaged, *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not undamaged.rescored("fine").exists()


@pytest.fixture(scope="module")
def undamaged(run_hub: Hub) -> Hub:
    """The finished hub itself: what is refused leaves nothing there."""
    return run_hub


def test_evidence_that_does_not_hold_is_not_scored_anew(own: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    evidence(own).reconstructions.write_bytes(evidence(own).reconstructions.read_bytes()[:-9])
    assert rescore(own, ID) == 2
    assert "is not scored anew" in capsys.readouterr().err


def test_the_gate_looks_at_what_was_scored_anew(own: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert rescore(own, ID, "--set", "uncertainty.draws=100") == 0
    assert main(["gate", "--hub", str(own.root)]) == 0
    assert main(["verify", "--hub", str(own.root), "--dose", str(DOSE)]) == 0
    table = kept(own).metrics
    whole = table.read_text()
    table.write_text(whole.replace("Baseline", "PtychoPINN", 1))
    capsys.readouterr()
    assert main(["gate", "--hub", str(own.root)]) == 1
    assert f"{table.name}: differs from the digest in the rescoring" in capsys.readouterr().err
    table.write_text(whole)
    (kept(own).folder / "more.csv").write_text("")
    assert main(["gate", "--hub", str(own.root)]) == 1
    assert "rescoring.json does not list it" in capsys.readouterr().err


def test_scores_whose_evidence_was_computed_anew_or_is_gone_are_told(
    own: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rescore(own, ID, "--set", "uncertainty.draws=100") == 0
    facts = record(own) | {"manifest_sha256": "0" * 64}
    kept(own).rescoring.write_text(json.dumps(facts))
    capsys.readouterr()
    assert main(["gate", "--hub", str(own.root)]) == 1
    assert "rests on evidence that was computed anew since" in capsys.readouterr().err
    shutil.move(kept(own).folder, kept(own).folder.with_name("elsewhere_debug_v4"))
    assert main(["gate", "--hub", str(own.root)]) == 3
    assert "the evidence whose canvases were scored is gone" in capsys.readouterr().err


def test_a_forged_table_and_digest_are_found_by_scoring_again(
    own: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rescore(own, ID, "--set", "uncertainty.draws=100") == 0
    table = kept(own).metrics
    text = table.read_text().splitlines()
    best = next(index for index, line in enumerate(text) if line.startswith("PtychoPINN,ssim"))
    cells = text[best].split(",")
    cells[3] = "0.999"
    text[best] = ",".join(cells)
    table.write_text("\n".join(text) + "\n")
    facts = record(own)
    facts["artifacts"][table.name] |= {"sha256": digest(table), "bytes": table.stat().st_size}
    kept(own).rescoring.write_text(json.dumps(facts))
    assert rescore(own, ID, "--check") == 1
    assert "PtychoPINN ssim phase is 0.999; the canvases give" in capsys.readouterr().err

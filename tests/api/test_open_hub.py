"""A hub read by a program: frames, arrays, verdicts; what is not there is one line."""

from __future__ import annotations

import doctest
import re
import shutil
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import ptycho_compare
from hubs import DOSE
from processes import ROOT, run
from ptycho_compare import InputError, OpenHub, open_hub
from ptycho_compare.records.tables.metrics_csv import read_metrics_csv
from ptycho_compare.records.tables.pairs_csv import read_differences_csv

ID = f"dose_{DOSE}-dense-train-debug"
ARMS = ["PtychoPINN", "Baseline", "PtyChi"]


@pytest.fixture(scope="module")
def opened(compared_hub: Path) -> OpenHub:
    return open_hub(compared_hub)


@pytest.fixture
def copied(compared_hub: Path, tmp_path: Path) -> OpenHub:
    """A copy that a test may damage."""
    return open_hub(shutil.copytree(compared_hub, tmp_path / "hub"))


def test_scores_are_every_number_of_every_table(opened: OpenHub) -> None:
    frame = opened.scores
    assert list(frame.columns) == [
        *("comparison", "arm", "metric", "component", "value", "low", "high", "unit", "reference", "mask")
    ]
    assert set(frame.comparison) == {ID, ID.replace("train", "test")}
    rows = read_metrics_csv(opened.comparisons[ID].files.metrics)
    told = frame[frame.comparison == ID].set_index(["arm", "metric", "component"])
    assert told.index.is_unique
    parts = [
        (row, part)
        for row in rows
        for part in ("amplitude", "phase", "value")
        if getattr(row, part) is not None
    ]
    assert len(parts) == told.value.notna().sum() > 100
    for row, part in parts:
        line = told.loc[row.model, row.metric, part]
        assert (line.value, line["mask"], line.unit) == (getattr(row, part), row.mask_pixels, row.unit)
        ends = [None if np.isnan(each) else each for each in (line.low, line.high)]
        assert ends == [getattr(row, f"{part}_low"), getattr(row, f"{part}_high")]


def test_a_row_without_a_number_keeps_its_line(opened: OpenHub) -> None:
    rows = read_metrics_csv(opened.comparisons[ID].files.metrics)
    empty = [row for row in rows if row.amplitude is row.phase is row.value is None]
    lines = opened.comparisons[ID].scores.query("component == ''")
    assert [(row.model, row.metric) for row in empty] == list(zip(lines.arm, lines.metric, strict=True)) != []
    assert lines.value.isna().all()


def test_differences_say_what_can_be_told_apart(opened: OpenHub) -> None:
    frame = opened.comparisons[ID].differences
    rows = read_differences_csv(opened.comparisons[ID].files.differences)
    assert len(frame) == len(rows) > 10
    assert [bool(each) for each in frame.told_apart] == [row.told_apart for row in rows]
    told = frame[frame.told_apart]
    assert ((told.low > 0) | (told.high < 0)).all()
    assert len(opened.differences) == 2 * len(rows)


def test_images_of_all_arms_lie_on_the_pixels_of_mask_and_truth(opened: OpenHub) -> None:
    comparison = opened.comparisons[ID]
    mask, truth = comparison.mask, comparison.truth
    assert list(comparison.arms) == ARMS
    assert truth is not None
    assert truth.frame == mask.frame
    assert int(mask.values.sum()) == comparison.manifest.mask_pixels
    for arm in comparison.arms.values():
        assert arm.status == "ok"
        assert arm.reason == ""
        assert arm.image.values.dtype == np.complex64
        assert (arm.image.values.shape, arm.image.frame) == (mask.values.shape, mask.frame)
    row, column = (
        ours - theirs
        for ours, theirs in zip(
            mask.frame.origin_yx_px, comparison.arms["PtyChi"].canvas.frame.origin_yx_px, strict=True
        )
    )
    assert row >= 0 <= column
    canvas = comparison.arms["PtyChi"].canvas.values
    assert canvas[row:, column:].shape >= mask.values.shape


def test_the_mean_error_of_an_image_is_the_score_that_is_told(opened: OpenHub) -> None:
    comparison = opened.comparisons[ID]
    mask, truth = comparison.mask.values, comparison.truth
    assert truth is not None
    error = np.abs(np.abs(comparison.arms["PtyChi"].image.values) - np.abs(truth.values))[mask].mean()
    told = comparison.scores.set_index(["arm", "metric", "component"]).value["PtyChi", "mae", "amplitude"]
    assert error == pytest.approx(told, abs=2e-3)


def test_a_comparison_is_judged_and_tells_what_it_was_made_from(opened: OpenHub) -> None:
    comparison = opened.comparisons[ID]
    assert comparison.verdict.state == "accepted"
    assert "test_data" in comparison.manifest.inputs
    assert (comparison.place.tier, opened.study.name) == ("debug", "small")


def test_comparisons_are_those_of_the_study_in_its_order(opened: OpenHub) -> None:
    assert list(opened.comparisons) == [each.id for each in opened.study.comparisons()]
    assert {key: each.exists for key, each in opened.comparisons.items()}[ID]
    assert ID.replace("debug", "full") in opened.comparisons


def test_what_was_not_compared_names_the_command_that_does(opened: OpenHub) -> None:
    full = opened.comparisons[ID.replace("debug", "full")]
    assert not full.exists
    with pytest.raises(InputError, match=f"not found; ptycho-hub compare {full.id} writes it$"):
        full.scores  # noqa: B018
    assert full.verdict.state == "missing"


def test_an_unknown_name_is_told_those_that_are_there(opened: OpenHub) -> None:
    with pytest.raises(InputError) as found:
        opened.comparisons["dose_1000-dense-train-debu"]
    assert str(found.value).count("\n") == 0
    assert f"no comparison dose_1000-dense-train-debu; there are {ID}, " in str(found.value)
    assert str(found.value).endswith(f"did you mean {ID}?")
    with pytest.raises(KeyError, match="no arm Ptychi; there are PtychoPINN, Baseline, PtyChi; did you mean"):
        opened.comparisons[ID].arms["Ptychi"]


def test_a_hub_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder; a hub holds"):
        open_hub(tmp_path / "none")
    (tmp_path / "data").mkdir()
    with pytest.raises(InputError, match=r"study\.toml: there is no such file; name the study"):
        open_hub(tmp_path)


def test_a_table_that_was_changed_is_not_read(copied: OpenHub) -> None:
    table = copied.comparisons[ID].files.metrics
    table.write_text(table.read_text().replace("ssim,", "ssim,0"))
    with pytest.raises(InputError, match="differs from the digest in the manifest; compare"):
        copied.scores  # noqa: B018


def test_an_image_that_is_gone_and_a_manifest_that_is_none_are_one_line(copied: OpenHub) -> None:
    comparison = copied.comparisons[ID]
    comparison.files.reconstructions.unlink()
    with pytest.raises(InputError, match=f"not found; ptycho-hub compare {ID} writes it"):
        comparison.arms["PtyChi"].canvas  # noqa: B018
    comparison.files.manifest.write_text("{}")
    with pytest.raises(InputError, match="writes it anew"):
        comparison.arms  # noqa: B018


def test_public_names_are_there_and_say_what_they_are() -> None:
    assert sorted(ptycho_compare.__all__) == ptycho_compare.__all__
    for name in ptycho_compare.__all__:
        thing = getattr(ptycho_compare, name)
        assert name == "__version__" or thing.__doc__, name
        assert name in dir(ptycho_compare)
    with pytest.raises(AttributeError, match="no attribute 'open_hubs'"):
        ptycho_compare.open_hubs  # noqa: B018
    api = import_module("ptycho_compare.api")
    assert set(api.__all__) < set(ptycho_compare.__all__)


def test_importing_the_package_loads_nothing_and_opening_a_hub_no_pandas(compared_hub: Path) -> None:
    code = (
        "import sys, ptycho_compare; print(len([m for m in sys.modules if m.startswith('ptycho_compare.')]));"
        f"hub = ptycho_compare.open_hub({str(compared_hub)!r}); hub.comparisons[{ID!r}].arms;"
        "print({'pandas', 'matplotlib', 'tensorflow', 'onnxruntime', 'torch'} & {*sys.modules})"
    )
    done = run((sys.executable, "-c", code), compared_hub)
    assert done.stdout.splitlines() == ["0", "set()"], done.stderr


@pytest.mark.parametrize(
    "module",
    ["ptycho_compare.api.open_hub", "ptycho_compare.api.scan_arrays", "ptycho_compare.scoring.pair"],
)
def test_the_examples_of_the_docstrings_run(
    module: str, compared_hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo").symlink_to(compared_hub, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testmod(import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert (failed, tried > 2) == (0, True)


def test_the_page_s_own_blocks_run(
    compared_hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "demo").symlink_to(compared_hub, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "docs/python.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert len(blocks) == 2
    exec("\n".join(blocks), {})
    assert "ok (" in capsys.readouterr().out


def test_a_scan_is_read_whole(compared_hub: Path) -> None:
    scan = ptycho_compare.read_scan(compared_hub / f"data/phase_c/dose_{DOSE}/patched_train.npz")
    count, side = scan.amplitudes.shape[:2]
    assert scan.positions.shape == (count, 2)
    assert scan.modes is not None
    assert scan.modes.shape[1:] == (side, side)
    assert scan.truth is not None
    assert scan.amplitudes.dtype == np.float32
    assert (scan.amplitudes >= 0).all()
    with pytest.raises(InputError, match="no such file"):
        ptycho_compare.read_scan("none.npz")

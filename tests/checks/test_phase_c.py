"""Phase C's guard: data without a known history do not pass, whoever made them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptycho_compare.checks.phase_c import judge_phase_c, phase_c_warnings
from ptycho_compare.hub import Hub
from ptycho_compare.scan.write import write_npz

DOSE = 1000
SPLITS = ("train", "test")
CANONICAL = {"data_transformations": [{"tool": "transpose_rename_convert", "operation": "canonicalize"}]}


def write_split(
    path: Path, metadata: dict[str, Any] | None = CANONICAL, **changes: np.ndarray | None
) -> Path:
    held: dict[str, np.ndarray | None] = {
        "diffraction": np.ones((10, 16, 16), np.float32),
        "objectGuess": np.ones((64, 64), np.complex64),
        "probeGuess": np.ones((16, 16), np.complex64),
        "xcoords": np.linspace(8, 50, 10),
        "ycoords": np.linspace(8, 50, 10),
        **changes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_npz(path, [(key, values) for key, values in held.items() if values is not None], metadata=metadata)
    return path


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    made = Hub(tmp_path)
    for split in SPLITS:
        write_split(made.patched(DOSE, split))
    return made


def test_data_with_their_history_pass(hub: Hub) -> None:
    assert judge_phase_c(hub, DOSE, SPLITS) == []


def test_data_by_ptychopinn_itself_pass(reference: Path) -> None:
    assert judge_phase_c(Hub(reference / "hub"), 10**9, SPLITS) == []


def test_each_missing_split_is_named(hub: Hub) -> None:
    hub.patched(DOSE, "test").unlink()
    (finding,) = judge_phase_c(hub, DOSE, SPLITS)
    assert str(finding) == f"missing: {hub.patched(DOSE, 'test')}: no such file; phase C makes it"
    assert judge_phase_c(hub, DOSE, ["train"]) == []
    assert len(judge_phase_c(hub, 7, SPLITS)) == 2


@pytest.mark.parametrize("trace", ["the list of doses", "a damaged record of the step"])
def test_data_of_phase_c_without_metadata(hub: Hub, trace: str) -> None:
    write_split(hub.patched(DOSE, "train"), metadata=None)
    record = hub.step(f"dose_{DOSE}-simulate").record
    path = hub.phase_c_manifest() if trace == "the list of doses" else record
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    (finding,) = judge_phase_c(hub, DOSE, SPLITS)
    assert finding.kind == "missing"
    assert f"{hub.patched(DOSE, 'train')}: '_metadata' is missing" in finding.text
    assert "run phase C again" in finding.text
    assert phase_c_warnings(hub, DOSE, SPLITS) == []


def test_data_that_claim_nothing_are_warned_of(hub: Hub) -> None:
    """Nobody's phase C made them, and they need not keep its contract: docs ask for no object."""
    path = write_split(hub.patched(DOSE, "train"), metadata=None, objectGuess=None)
    assert judge_phase_c(hub, DOSE, SPLITS) == []
    (warning,) = phase_c_warnings(hub, DOSE, SPLITS)
    assert warning.startswith(f"{path}: there is no '_metadata', and no phase C of ours made these data")
    (finding,) = judge_phase_c(hub, DOSE, SPLITS, made=True)[:1]
    assert finding.kind == "missing"


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ({}, "none"),
        ({"data_transformations": []}, "none"),
        ({"data_transformations": "transpose_rename_convert"}, "none"),
        ({"data_transformations": [{"tool": "generate_patches"}, 3, {"tool": None}]}, "generate_patches"),
    ],
)
def test_data_that_nobody_canonicalized(hub: Hub, metadata: dict[str, Any], found: str) -> None:
    write_split(hub.patched(DOSE, "train"), metadata=metadata)
    (finding,) = judge_phase_c(hub, DOSE, SPLITS)
    assert finding.kind == "input"
    assert f"no transformation by transpose_rename_convert (found: {found})" in finding.text


def test_the_tool_may_be_named_as_a_script(hub: Hub) -> None:
    write_split(
        hub.patched(DOSE, "train"), {"data_transformations": [{"tool": "transpose_rename_convert.py"}]}
    )
    assert judge_phase_c(hub, DOSE, SPLITS) == []


def test_every_breach_of_the_contract_is_a_finding(hub: Hub) -> None:
    write_split(hub.patched(DOSE, "test"), xcoords=np.ones(9), objectGuess=np.ones((64, 64)))
    texts = [finding.text for finding in judge_phase_c(hub, DOSE, SPLITS)]
    path = hub.patched(DOSE, "test")
    assert texts == [
        f"{path}: xcoords length (9,) != diffraction first axis (10,)",
        f"{path}: objectGuess must be complex, and is float64",
    ]


def test_a_damaged_file_and_metadata_that_are_no_json(hub: Hub) -> None:
    hub.patched(DOSE, "train").write_bytes(b"PK\x03\x04 no zip")
    held = dict(np.load(hub.patched(DOSE, "test"))) | {"_metadata": np.array("{")}
    np.savez(hub.patched(DOSE, "test"), **held)
    damaged, no_json = judge_phase_c(hub, DOSE, SPLITS)
    assert (damaged.kind, no_json.kind) == ("input", "input")
    assert str(hub.patched(DOSE, "train")) in damaged.text
    assert "'_metadata' is not JSON text" in no_json.text

"""What a comparison computed, without what may differ between two runs of it."""

from __future__ import annotations

from pathlib import Path

from ptycho_compare.hub import Artifacts

TABLES = (
    "comparison_differences.csv",
    "frc_cutoffs.csv",
    "comparison_metrics.csv",
    "arm_agreement.csv",
    "patch_scores.csv",
)
ARRAYS = ("plan.npz", "reconstructions.npz", "reconstructions_aligned.npz", "residuals.npz", "patches.npz")


def results(folder: Path) -> dict[str, bytes]:
    """The tables and arrays of a comparison, all that must not depend on how it came about."""
    found = {name: (folder / name).read_bytes() for name in (*TABLES, *ARRAYS) if (folder / name).exists()}
    found |= {path.name: path.read_bytes() for path in folder.glob("*_frc_curves.csv")}
    table = found["comparison_metrics.csv"].splitlines(keepends=True)
    found["comparison_metrics.csv"] = b"".join(row for row in table if b"computation_time_s" not in row)
    assert b"ssim" in found["comparison_metrics.csv"] or b"r_factor" in found["comparison_metrics.csv"]
    return found


def assert_same_results(folder: Path, expected: dict[str, bytes]) -> None:
    """Byte for byte."""
    found = results(folder)
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if found[name] != expected[name]] == []
    assert not Artifacts(folder).job.checkpoints.exists()

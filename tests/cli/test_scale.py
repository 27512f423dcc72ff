"""What a hub costs grows as its comparisons do: `benchmarks/scale.py` at three sizes, in one run."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

from ptycho_compare.hub import Hub

ROOT = Path(__file__).parents[2]
FEW, SOME, MANY = 10, 60, 160


@pytest.mark.slow
def test_what_more_comparisons_cost_grows_as_they_do(quick_compared_hub: Path, tmp_path: Path) -> None:
    scale = runpy.run_path(str(ROOT / "benchmarks" / "scale.py"))
    costs = []
    for count in (FEW, SOME, MANY):
        hub = Hub(Path(shutil.copytree(quick_compared_hub, tmp_path / str(count))))
        tiers = scale["repeat"](hub, "debug", count)
        # the least of two: the first finds nothing in memory, and others are at work
        twice = [scale["measured"](hub, tiers) for _ in range(2)]
        costs.append({name: min(each[name] for each in twice) for name in twice[0]})
        assert scale["files_of_a_comparison"](hub, tiers[-1]) <= 21
        shutil.rmtree(hub.root)
    few, some, many = costs
    for name in few:
        before_s, after_s = some[name] - few[name], many[name] - some[name]
        # a busy machine's noise beside what the comparisons take, which may make the few dearer than the some
        in_proportion_s = max(before_s, 0.0) * (MANY - SOME) / (SOME - FEW)
        assert after_s <= 1.5 * in_proportion_s + 0.8, (name, costs)

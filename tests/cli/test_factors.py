"""A study with factors of its own, run: what cells share is made once, a level more adds what is new."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab_runs import DOSE, STUDY, WHERE, hub_of, ptycho_hub
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.records.acceptance import read_verdict
from ptycho_compare.records.comparison_list import read_job_list
from ptycho_compare.records.metrics_summary import read_summary

Capture = pytest.CaptureFixture[str]
ONE_SPLIT = (*WHERE, "--splits", "train")


def with_factors(text: str) -> str:
    return f"{STUDY}\n[factors]\n{text}\n"


def attempts(hub: Hub) -> dict[str, int]:
    """Count how often each step was started, by its log."""
    logs = sorted((hub.root / "cli").glob("phase_*.log"))
    return {log.stem: log.read_text().count("--- attempt") for log in logs}


def test_the_plan_has_what_cells_share_once_and_the_rest_in_each(tmp_path: Path, capsys: Capture) -> None:
    text = 'seed = [2, 1]\n"reconstruction.epochs" = [5, 9]'
    hub = hub_of(tmp_path / "hub", with_factors(text))

    assert main(["run", "--hub", str(hub.root), *ONE_SPLIT, "--collect-only"]) == 0

    said = capsys.readouterr().out
    titles = re.findall(r"(?m)^\[\d+/\d+\] (Phase .+)$", said)
    assert titles == [
        "Phase C: Dataset Generation",
        "Phase D: Overlap View Generation",
        *(
            f"Phase E: Training {network}, seed_{seed}"
            for seed in (1, 2)
            for network in ("Baseline (gs1)", "Dense (gs2)")
        ),
        *(f"Phase F: Reconstruction Dense train, reconstruction.epochs_{epochs}" for epochs in (5, 9)),
        *(
            f"Phase G: Comparison Dense train, reconstruction.epochs_{epochs}-seed_{seed}"
            for epochs in (5, 9)
            for seed in (1, 2)
        ),
    ]
    assert [path.name for path in hub.root.iterdir()] == ["study.toml"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "--network", "dense"), "--cell '': cells of dose_1000000-train-dense are: seed_1, seed_2"),
        (
            ("train", "--network", "baseline", "--cell", "seed_3"),
            "--cell 'seed_3': cells of dose_1000000-train",
        ),
        (("reconstruct", "--view", "dense", "--split", "train", "--cell", "seed_1"), "are: none"),
    ],
)
def test_a_cell_that_the_study_has_not_is_refused_with_those_it_has(
    tmp_path: Path, capsys: Capture, words: tuple[str, ...], said: str
) -> None:
    hub = hub_of(tmp_path / "hub", with_factors("seed = [1, 2]"))
    command, *options = words

    assert main([command, "--hub", str(hub.root), "--dose", str(DOSE), *options]) == 2

    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_a_level_more_makes_only_what_is_new_and_all_of_it_is_judged(tmp_path: Path) -> None:
    hub = hub_of(tmp_path / "hub", with_factors("seed = [1]"))
    first = ptycho_hub(hub, "run", *ONE_SPLIT, "--at-a-time", "2", "--skip-post-verify")
    assert first.returncode == 0, first.stdout
    before = attempts(hub)
    assert set(before.values()) == {1}
    study = hub.study()
    study.write_text(study.read_text().replace("seed = [1]", "seed = [2, 1]"))

    again = ptycho_hub(hub, "run", *ONE_SPLIT, "--at-a-time", "2")

    assert again.returncode == 0, again.stdout
    after = attempts(hub)
    assert {name: after[name] for name in before} == before
    assert sorted(set(after) - set(before)) == [
        f"phase_e_baseline_gs1_dose{DOSE}-seed_2",
        f"phase_e_dense_gs2_dose{DOSE}-seed_2",
        "phase_g_dense_train-seed_2",
    ]
    cells = [{"seed": 1}, {"seed": 2}]
    assert [job.cell for job in read_job_list(hub.comparison_manifest()).jobs] == cells
    assert [job.cell for job in read_summary(hub.reports().summary).jobs] == cells
    _judged(hub)


def _judged(hub: Hub) -> None:
    """The gate and the page know the cells, and each other's evidence is not theirs."""
    main(["gate", "--hub", str(hub.root), "--require", "full"])
    states = {each.id: each.state for each in read_verdict(hub.verdict().record).comparisons}
    whole = [f"dose_{DOSE}-dense-train-full-seed_{seed}" for seed in (1, 2)]
    assert [states[each] for each in whole] == ["accepted", "accepted"]
    main(["page", "--hub", str(hub.root)])
    assert "dense, train, seed 2" in hub.verdict().page.read_text()
    one, other = (hub.root / f"data/phase_e/dose_{DOSE}/dense/gs2-seed_{seed}/wts.h5.zip" for seed in (1, 2))
    other.write_bytes(one.read_bytes())
    main(["gate", "--hub", str(hub.root), "--require", "full"])
    states = {each.id: each.state for each in read_verdict(hub.verdict().record).comparisons}
    assert [states[each] for each in whole] == ["accepted", "stale"]

"""`pytest -m acceptance` on a finished hub: every phase and all seven conditions, and what blocks them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence

import pytest

from lab_runs import DOSE
from ptycho_compare.hub import Hub
from sessions import run_here

PLACE = f"dose_{DOSE}-dense"


def outcomes(hub: Hub, *words: str) -> tuple[int, str, dict[str, str]]:
    """Run all acceptance tests: exit status, what was said, and each test's line in the section."""
    allowed = () if "--ptycho-verify" in words else ("--ptycho-allow-commands",)
    done = run_here(hub.root, "-m", "acceptance", *allowed, *words)
    lines = re.findall(r"^(\S+(?:\[\S+\])?) +(passed|failed|blocked|deferred) ", done.stdout, re.MULTILINE)
    return done.returncode, done.stdout, dict(lines)


def of_conditions(found: dict[str, str]) -> list[str]:
    """Outcomes of the seven conditions, in their order."""
    return [found[name] for name in sorted(found) if re.match(r"test_\d_", name)]


@pytest.mark.parametrize(
    "workers", [(), pytest.param(("-n2",), marks=pytest.mark.slow)], ids=["serial", "n2"]
)
def test_all_is_green_on_a_finished_hub_and_nothing_is_made_again(
    own: Hub, workers: Sequence[str], unmeasured_here: None
) -> None:
    before = {path: path.stat().st_mtime_ns for path in own.analysis().rglob("*.npz")}
    status, said, found = outcomes(own, *workers)
    assert status == 0, said
    assert set(found.values()) == {"passed"}
    assert of_conditions(found) == ["passed"] * 7
    assert {path: path.stat().st_mtime_ns for path in own.analysis().rglob("*.npz")} == before
    logs = [path.name for path in (own.root / "green").iterdir()]
    assert any(re.match(r".*test_7_the_verification_passes_dose_", name) for name in logs), logs


def test_without_phase_e_all_that_rests_on_it_is_blocked_in_order(own: Hub) -> None:
    shutil.rmtree(own.phase_e())
    status, said, found = outcomes(own)
    assert status == 1, said
    assert of_conditions(found) == ["blocked"] * 7
    network = own.relative(own.pinn_dir(DOSE, "dense"))
    comparisons = [name for name in found if name.startswith(PLACE)]
    assert [found[name] for name in comparisons] == ["blocked"] * 4
    for name in (*comparisons, "test_1_both_full_tables_hold_every_baseline_score"):
        assert re.search(rf"^{re.escape(name)}.*: missing: .*{network}: ", said, re.MULTILINE), name
    for name in (name for name in found if re.match(r"test_([2-7]_|the_|every_phase)", name)):
        line = f"{name}: prerequisite: return condition 1 of {DOSE}/dense is not met: missing: "
        if name.startswith("test_the_overlap"):  # phase D does not rest on networks
            assert found[name] == "passed"
        else:
            assert line in said, name
    assert found[f"test_networks_are_what_their_manifest_says[{PLACE}]"] == "failed"
    assert found[f"test_every_split_keeps_the_data_contract[dose_{DOSE}]"] == "passed"
    assert found[f"test_every_reconstruction_is_alive_and_its_own_splits[{PLACE}]"] == "passed"


def test_commands_that_came_with_the_hub_are_run_only_when_allowed(own: Hub) -> None:
    done = run_here(own.root, "-m", "acceptance", "-k", "test_7")
    assert done.returncode == 1, done.stdout
    assert f"{own.study()}: [commands] phase_e, phase_f: is code that came with the hub" in done.stdout
    assert "add --ptycho-allow-commands" in done.stdout


class TestVerify:
    """`--ptycho-verify`: what is there is judged, and the gate has the last word."""

    def test_a_finished_hub_is_accepted(self, own: Hub) -> None:
        """The last condition, for which all is computed again, is the same without the option: see above."""
        status, said, found = outcomes(own, "--ptycho-verify", "-k", "not test_7")
        assert status == 0, said
        assert set(found.values()) == {"passed"}
        assert "ACCEPTED: all 4 comparisons hold" in said
        verdict = json.loads(own.verdict().record.read_text())
        assert (verdict["outcome"], verdict["required_tiers"]) == ("accepted", ["debug", "full"])

    def test_what_is_missing_is_red_and_not_computed(self, own: Hub) -> None:
        shutil.rmtree(own.comparison_dir(DOSE, "dense", "test", "full"))
        done = run_here(own.root, "-m", "full", "--ptycho-verify", "-n2", measured=True)
        assert done.returncode == 1, done.stdout
        assert "1 failed, 1 passed" in done.stdout
        assert f"INCOMPLETE: {PLACE}-test-full is missing: " in done.stdout
        assert not own.comparison_dir(DOSE, "dense", "test", "full").exists()
        assert json.loads(own.verdict().record.read_text())["required_tiers"] == ["full"]

    def test_the_gate_sees_what_no_selected_test_looks_at(self, own: Hub) -> None:
        """Green tests are no accepted hub."""
        (own.baseline_dir(DOSE) / "wts.h5.zip").write_bytes(b"x")
        done = run_here(own.root, "-m", "phase_d", "--ptycho-verify")
        assert done.returncode == 1, done.stdout
        assert "2 passed" in done.stdout
        assert "baseline/gs1" in done.stdout.partition("ptycho: gate")[2]

    def test_a_hub_without_its_study_is_refused(self, own: Hub) -> None:
        own.study().unlink()
        done = run_here(own.root, "--ptycho-verify")
        assert done.returncode == pytest.ExitCode.USAGE_ERROR
        assert "name the study: --ptycho-study FILE" in done.stderr

    @pytest.mark.parametrize("option", ["--ptycho-fresh", "--ptycho-detach", "--ptycho-plan"])
    def test_it_excludes_what_would_compute(self, own: Hub, option: str) -> None:
        done = run_here(own.root, "--ptycho-verify", option)
        assert done.returncode == pytest.ExitCode.USAGE_ERROR
        assert f"--ptycho-verify and {option} exclude each other" in done.stderr

"""The verdict as a page of tables: all of it, or as much as a CI shows, and how much is left out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.gate.text import LIMIT, verdict_markdown
from ptycho_compare.records.acceptance import CheckVerdict
from reported import read_tables

from .judged import HOSTILE, ID, WORSE, comparison, mixed, verdict


def cells(line: str) -> list[str]:
    """Cut a row where GitHub does: at bars that are not escaped."""
    return [each.strip() for each in re.split(r"(?<!\\)\|", line.strip()[1:-1])]


def test_all_of_a_verdict_is_told() -> None:
    text = verdict_markdown(mixed())
    tables = read_tables(text.replace("\\|", "/"))
    assert text.startswith("# Acceptance: RED\n\n- Reason: red-one: it does not hold\n")
    assert "- Accepted: 1 of 3 required comparisons\n" in text
    assert [row[:4] for row in tables["Comparisons"]] == [
        [ID, "accepted", "adopted", "low: Baseline: ms_ssim phase 0.300 is below 0.8"],
        ["red-one", "red", "computed", "ok"],
        ["goes-on", "deferred", "N/A", "ok"],
        ["not-asked", "missing (not required)", "computed", "ok"],
    ]
    assert tables["Comparisons"][0][4] == "N/A"
    assert tables["Comparisons"][1][4].endswith("(and 1 more)")
    assert tables["Checks that do not hold"] == [["reports", "analysis/metrics_summary.json", "n_jobs is 3"]]
    assert tables["Open blockers"] == [["red/blocked_20261125T050000Z_zero_baseline.md"]]
    assert "\n2 worse, 1 same, 1 better\n" in text
    rule = "not within 0.01 of the accepted value"
    assert tables["Scores against the accepted ones"] == [
        [ID, "Baseline", "mae phase", "0.5", "0.625", "worse", rule],
        [ID, "Baseline", "ssim phase", "0.5", "N/A", "worse", "the score is gone"],
        [ID, "Baseline", "psnr phase", "0.5", "0.75", "better", rule],
    ]


def test_what_there_is_none_of_is_told_as_such() -> None:
    text = verdict_markdown(verdict(comparison(), checks=(CheckVerdict(description="a", path="b"),)))
    assert text.startswith("# Acceptance: ACCEPTED\n")
    assert "## Checks that do not hold\n\nNone of 1.\n" in text
    assert "## Open blockers\n\nNone.\n" in text
    assert "- Compared with: N/A\n" in text
    assert "Scores against" not in text
    compared = verdict(
        comparison(), compared_with="x", changes=(WORSE.model_copy(update={"judged": "same"}),)
    )
    assert verdict_markdown(compared).endswith("\n0 worse, 1 same, 0 better\n\nNone.\n")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_no_text_leaves_its_cell(text: str) -> None:
    found = verdict(
        comparison(id=text, state="red", findings=(text,)),
        study=text,
        reason=text,
        checks=(CheckVerdict(description=text, path=text, findings=(text,)),),
        blockers=(text,),
        compared_with="x",
        changes=(WORSE.model_copy(update={"arm": text, "tolerance": text}),),
    )
    lines = verdict_markdown(found).splitlines()
    assert [line.lstrip("# ") for line in lines if line.startswith("#")] == [
        "Acceptance: ACCEPTED",
        "Comparisons",
        "Checks that do not hold",
        "Open blockers",
        "Scores against the accepted ones",
    ]
    rows = [cells(line) for line in lines if line.startswith("|")]
    assert [len(row) for row in rows] == [width for width in (5, 3, 1, 7) for _ in range(3)]
    assert all(cell for row in rows for cell in row)  # missing is N/A


def test_hostile_texts_are_shown_and_not_obeyed() -> None:
    text = verdict_markdown(verdict(comparison(state="red", findings=(HOSTILE,)), outcome="red"))
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {ID}")]
    assert len(cells(line)) == 5
    assert "&lt;script&gt;\\`x\\`&lt;/script&gt;" in line
    assert "\\[l\\](u)" in line
    assert "\\*\\*b\\*\\* \\\\" in line
    assert line.isprintable()


def test_a_long_finding_is_cut() -> None:
    text = verdict_markdown(verdict(comparison(state="red", findings=("x" * 5000,)), outcome="red"))
    assert "x" * 400 + "..." in text
    assert "x" * 401 not in text


@pytest.mark.parametrize(
    ("finding", "limit"), [("x" * 390, LIMIT // 10), ("é" * 390, LIMIT // 10), ("é" * 390, None)]
)
def test_what_does_not_fit_is_left_out_and_counted(finding: str, limit: int | None) -> None:
    """Bytes are counted, not characters; without a limit as many as a CI shows."""
    at_most = limit or LIMIT
    many = 2 * at_most // len(finding.encode())
    compared = [comparison(id=f"c{number}", state="red", findings=(finding,)) for number in range(many)]
    red = verdict(*compared, outcome="red", blockers=("note.md",))
    text = verdict_markdown(red) if limit is None else verdict_markdown(red, limit=limit)
    assert 0.99 * at_most < len(text.encode()) <= at_most
    whole = verdict_markdown(red, limit=10 * at_most)
    kept, last = text.rstrip("\n").rsplit("\n\n", 1)
    assert whole.startswith(kept)
    count = int(
        re.fullmatch(r"_(\d+) more lines are left out here; acceptance.json has all of it._", last)[1]
    )  # type: ignore[index]
    assert count == len([line for line in whole[len(kept) :].splitlines() if line])

"""Report, highlights and digest tell the summary's numbers: sign, precision, and what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ReportError
from ptycho_compare.records.measures import MAE, MS_SSIM, number_text, signed_text
from ptycho_compare.records.metrics_summary import MetricsSummary
from ptycho_compare.reporting.study.report import (
    DIGEST_SECTIONS,
    digest_markdown,
    highlights_text,
    missing_arms,
    report_markdown,
    threshold_in,
)
from reported import make_compared, read_tables, report_all

Means = tuple[float | None, float | None]

# study_contract.md 5.2 and 10
CONTRACT: dict[str, tuple[Means, Means]] = {
    "PtychoPINN": ((0.987, 0.945), (0.012, 0.034)),
    "Baseline": ((0.923, 0.889), (0.048, 0.067)),
    "PtyChi": ((0.912, 0.876), (0.055, 0.078)),
}


def summary_with(means: dict[str, tuple[Means, Means]] = CONTRACT, **counts: int) -> MetricsSummary:
    return MetricsSummary.model_validate(
        {
            "n_jobs": 2,
            "n_success": 2,
            "n_failed": 0,
            "jobs": [],
            **counts,
            "aggregate_metrics": {
                arm: {
                    "ms_ssim": {"mean_amplitude": ms_ssim[0], "mean_phase": ms_ssim[1]}
                    | {"best_amplitude": ms_ssim[0], "best_phase": ms_ssim[1]},
                    "mae": {"mean_amplitude": mae[0], "mean_phase": mae[1]},
                }
                for arm, (ms_ssim, mae) in means.items()
            },
        }
    )


def test_the_contract_s_lines_of_the_report() -> None:
    text = report_markdown(summary_with())
    for part in (
        "## MS-SSIM Sanity Check",
        "_Threshold: mean amplitude/phase ≥ 0.80_",
        "| PtychoPINN | 0.987 | 0.945 | OK |",
        "## Aggregate Metrics",
        "| Mean | +0.064 | +0.056 |",
        "| Mean | -0.036 | -0.033 |",
        "| Mean | +0.075 | +0.069 |",
        "| Mean | -0.043 | -0.044 |",
    ):
        assert part in text
    assert "—" not in text


def test_each_table_of_deltas_says_which_sign_is_good() -> None:
    text = report_markdown(summary_with())
    for heading, sign in (
        ("MS-SSIM Deltas (PtychoPINN - PtyChi)", "positive"),
        ("MAE Deltas (PtychoPINN - PtyChi)", "negative"),
    ):
        section = text.split(f"### {heading}")[1].split("###")[0]
        assert f"a {sign} difference is in PtychoPINN's favour" in section
        assert len([word for word in ("positive", "negative") if word in section]) == 1


def test_the_contract_s_lines_of_the_highlights() -> None:
    text = highlights_text(summary_with(), threshold=0.8)
    lines = text.splitlines()
    assert lines[1] == "=" * len(lines[0])
    for line in (
        "MS-SSIM (mean) threshold: 0.80",
        "PtychoPINN amplitude/phase: 0.987 / 0.945",
        "MS-SSIM Deltas (PtychoPINN - Baseline):",
        "Amplitude (mean): +0.064",
        "Phase (mean): -0.033",
    ):
        assert line in lines


@pytest.mark.parametrize(
    ("means", "status"),
    [
        ((0.8, 0.8), "OK"),
        ((0.799, 0.9), "LOW (amp)"),
        ((0.9, 0.5), "LOW (phase)"),
        ((0.1902, 0.0392), "LOW (amp, phase)"),
        ((None, None), "MISSING"),
        ((None, 0.9), "OK"),
        ((None, 0.1), "LOW (phase)"),
    ],
)
def test_the_sanity_check_says_what_is_low(means: Means, status: str) -> None:
    cells = [number_text(mean) for mean in means]
    text = report_markdown(summary_with({**CONTRACT, "PtychoPINN": (means, (0.1, 0.1))}))
    assert f"| PtychoPINN | {cells[0]} | {cells[1]} | {status} |" in text


def test_another_threshold_is_told_and_read_back() -> None:
    summary = summary_with()
    assert "| Baseline | 0.923 | 0.889 | LOW (phase) |" in report_markdown(summary, threshold=0.9)
    assert threshold_in(highlights_text(summary, threshold=0.9)) == 0.9
    with pytest.raises(ReportError, match="no line 'MS-SSIM"):
        threshold_in("a heading\n")


def test_what_is_missing_is_told_as_such() -> None:
    summary = summary_with({**CONTRACT, "PtyChi": ((None, 0.9), (None, None))})
    report, highlights = report_markdown(summary), highlights_text(summary)
    assert "| PtyChi | N/A | 0.900 | OK |" in report
    assert "PtyChi amplitude/phase: N/A / N/A" in highlights
    assert "Amplitude (mean): N/A" in highlights
    assert "None" not in report + highlights
    assert "nan" not in report + highlights


def test_required_arms_that_the_summary_lacks() -> None:
    summary = summary_with({arm: CONTRACT[arm] for arm in ("PtychoPINN", "PtyChi")})
    assert missing_arms(summary) == ["Baseline"]
    assert "| Baseline | N/A | N/A | MISSING |" in report_markdown(summary)
    assert missing_arms(summary_with()) == []


def test_a_digest_of_success() -> None:
    summary = summary_with()
    highlights = highlights_text(summary)
    text = digest_markdown(summary, highlights, references=["analysis/metrics_summary.json"])
    for part in (
        "# Phase G Dense Metrics Digest\n",
        "✓ ALL COMPARISONS SUCCESSFUL ✓",
        "## Pipeline Summary",
        "- Successful: 2",
        "- Failed: 0",
        "| Baseline | 0.923 | 0.889 | OK |",
        f"```\n{highlights}```",
        "PtychoPINN - Baseline",
        "## Key Deltas",
        "## References\n\n- `analysis/metrics_summary.json`\n",
    ):
        assert part in text
    assert "FAILURES" not in text
    assert set(DIGEST_SECTIONS) <= set(text.splitlines())


def test_a_digest_of_failures() -> None:
    summary = summary_with(n_jobs=3, n_failed=1)
    text = digest_markdown(summary, highlights_text(summary), references=[])
    assert "⚠️ FAILURES PRESENT ⚠️" in text
    assert "1 of 3 comparison job(s) failed" in text
    assert "- Failed: 1" in text
    assert "ALL COMPARISONS SUCCESSFUL" not in text


def test_what_no_digest_can_be_made_of() -> None:
    with pytest.raises(ReportError, match="the highlights are empty"):
        digest_markdown(summary_with(), " \n", references=[])
    with pytest.raises(ReportError, match="'aggregate_metrics' is empty"):
        digest_markdown(summary_with({}), "x", references=[])


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "+0.000"), (-0.0, "+0.000"), (-0.0004, "-0.000"), (None, "N/A"), (1.23456, "+1.235")],
)
def test_signs_and_rounding(number: float | None, text: str) -> None:
    """-0.0004 keeps its sign, as in PtychoPINN's texts: the direction is known where the digits end."""
    assert MS_SSIM.delta_text(number) == text


def test_mae_has_six_digits_in_delta_files_only() -> None:
    assert MAE.delta_text(-0.000025) == "-0.000025"
    assert signed_text(-0.036, 3) == "-0.036"
    assert number_text(-0.0) == "0.000"


@given(st.floats(-10, 10), st.integers(1, 6))
def test_a_told_number_is_never_further_away_than_half_a_digit(number: float, decimals: int) -> None:
    for text in (signed_text(number, decimals), number_text(number, decimals)):
        assert abs(float(text) - number) <= 0.5000001 * 10.0**-decimals
    assert signed_text(number, decimals)[0] in "+-"


def test_averages_stand_below_their_measure_in_the_order_of_all_tables() -> None:
    assert read_tables(report_markdown(summary_with()))["MAE"] == [
        ["PtychoPINN", "0.012", "0.034"],
        ["Baseline", "0.048", "0.067"],
        ["PtyChi", "0.055", "0.078"],
    ]


def test_published_reports_hold_no_path_of_this_machine(tmp_path: Path) -> None:
    hub = report_all(make_compared(tmp_path))
    texts = [path.read_text() for path in hub.analysis().iterdir() if path.is_file()]
    assert len(texts) == 12
    assert not [text for text in texts if str(tmp_path) in text]


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("```\n# Another title\n````", "`````\n"),
        ("\x1b[2J\u202etxet", "\\x1b[2J\\u202etxet\n"),
        ("x" * 10_000, "x" * 400 + "...\n"),
        ("y\n" * 1000, "more lines\n"),
    ],
    ids=["markup", "a terminal's commands", "a long line", "many lines"],
)
def test_a_digest_quotes_foreign_highlights_within_bounds(hostile: str, shown: str) -> None:
    summary = summary_with()
    honest = highlights_text(summary)
    text = digest_markdown(summary, f"{honest}{hostile}\n", references=[])
    assert shown in text
    fence = text.split("## Highlights\n\n", 1)[1].partition("\n")[0]
    _, quoted, rest = text.split(f"{fence}\n")
    assert "## Key Deltas" in rest
    assert honest.rstrip() in quoted
    assert len(text) < len(digest_markdown(summary, honest, references=[])) + 2000


def test_a_threshold_in_other_figures_is_none() -> None:
    with pytest.raises(ReportError, match="not a number such as"):
        threshold_in("MS-SSIM (mean) threshold: \u0661.\u0660\n")

"""The MS-SSIM sanity check: which arms are so far from the truth that their ranking says little.

A scientific verdict: it is told, and changes no exit status (DESIGN.md, "Open points of the study").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ptycho_compare.errors import ReportError
from ptycho_compare.records.measures import MS_SSIM, PARTS, Part, number_text
from ptycho_compare.records.metrics_summary import MetricsSummary
from ptycho_compare.reporting.study.markdown import table

THRESHOLD = 0.80
_SHORT: Mapping[Part, str] = {"amplitude": "amp", "phase": "phase"}
_LINE = "MS-SSIM (mean) threshold: "


def sanity_section(summary: MetricsSummary, threshold: float) -> Iterator[str]:
    """Yield the section of report and digest: a row per arm, ``OK``, ``LOW (amp, phase)`` or ``MISSING``."""
    yield from ("## MS-SSIM Sanity Check", "")
    yield from (f"_Threshold: mean amplitude/phase ≥ {threshold:.2f}_", "")
    rows = []
    for arm in dict.fromkeys([*summary.required_models, *summary.arms]):
        means = {part: summary.average(arm, MS_SSIM, part) for part in PARTS}
        rows.append((arm, *map(number_text, means.values()), sanity_status(means, threshold)))
    yield from table(("Model", "Mean amplitude", "Mean phase", "Status"), rows)


def sanity_status(means: Mapping[Part, float | None], threshold: float) -> str:
    """Say what the averages of one arm are; what cannot be scored is not low."""
    low = [_SHORT[part] for part, mean in means.items() if mean is not None and mean < threshold]
    if all(mean is None for mean in means.values()):
        return "MISSING"
    return f"LOW ({', '.join(low)})" if low else "OK"


def threshold_line(threshold: float) -> str:
    """Say the threshold in the highlights, from where `threshold_in` reads it."""
    return f"{_LINE}{threshold:.2f}"


def threshold_in(highlights: str) -> float:
    """Read the threshold that the highlights were made with.

    Raises
    ------
    ReportError
        They state none.
    """
    found = re.search(rf"^{re.escape(_LINE)}(\d+\.\d+)$", highlights, flags=re.MULTILINE)
    if found is None:
        raise ReportError(f"the highlights have no line '{_LINE}0.80'")
    return float(found[1])

"""``report/acceptance.md``: the verdict as tables, for people; also what GitHub shows of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ptycho_compare.errors import and_more
from ptycho_compare.records.acceptance import Change, ComparisonVerdict, Verdict
from ptycho_compare.records.measures import MISSING
from ptycho_compare.reporting.study.markdown import cell as _cell
from ptycho_compare.reporting.study.markdown import table

LIMIT = 1_000_000
"""Bytes. GitHub shows nothing of a step's summary above 1 MiB; the rest is for what others append to it."""


def verdict_markdown(verdict: Verdict, *, limit: int = LIMIT) -> str:
    """Return the text of ``acceptance.md``, of at most `limit` bytes.

    The lines that do not fit are left out, and the last line says how many.
    """
    lines = list(_lines(verdict))
    if _bytes(lines) <= limit:
        return "\n".join(lines)
    left = limit - _bytes(_left_out(len(lines)))
    kept: list[str] = []
    for line in lines:
        left -= _bytes([line])
        if left < 0:
            break
        kept.append(line)
    return "\n".join([*kept, *_left_out(sum(line != "" for line in lines[len(kept) :]))])


def _bytes(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _left_out(count: int) -> list[str]:
    return ["", f"_{count} more lines are left out here; acceptance.json has all of it._", ""]


def _lines(verdict: Verdict) -> Iterator[str]:
    required = verdict.required
    accepted = sum(each.state == "accepted" for each in required)
    yield from (f"# Acceptance: {verdict.outcome.upper()}", "")
    yield f"- Reason: {_cell(verdict.reason)}"
    yield f"- Study: {_cell(verdict.study)}"
    yield f"- Judged: {_cell(verdict.generated_at)}"
    yield f"- Required tiers: {_cell(', '.join(verdict.required_tiers))}"
    yield f"- Accepted: {accepted} of {len(required)} required comparisons"
    yield f"- Compared with: {_cell(verdict.compared_with)}"
    yield from ("", "## Comparisons", "")
    yield from table(
        ("Comparison", "State", "Origin", "Scientific", "First finding"),
        [_of_comparison(each) for each in verdict.comparisons],
    )
    yield from ("## Checks that do not hold", "")
    yield from _or_none(
        ("Check", "File", "First finding"),
        [
            (_cell(each.description), _cell(each.path), _first(each.findings))
            for each in verdict.checks
            if each.findings
        ],
        none=f"None of {len(verdict.checks)}.",
    )
    warned = [(_cell(each.description), _cell(text)) for each in verdict.checks for text in each.warnings]
    if warned:
        yield from ("## Unusual, and perhaps meant", "")
        yield from table(("Check", "What"), warned)
    yield from ("## Open blockers", "")
    yield from _or_none(("Note",), [(_cell(note),) for note in verdict.blockers])
    if verdict.compared_with:
        yield from _of_changes(verdict.changes)


def _of_comparison(each: ComparisonVerdict) -> tuple[str, ...]:
    asked = "" if each.required else " (not required)"
    scientific = f"{each.scientific}: {_first(each.low)}" if each.low else each.scientific
    return _cell(each.id), each.state + asked, _cell(each.origin), scientific, _first(each.findings)


def _of_changes(changes: Sequence[Change]) -> Iterator[str]:
    counts = ", ".join(
        f"{sum(each.judged == word for each in changes)} {word}" for word in ("worse", "same", "better")
    )
    yield from ("## Scores against the accepted ones", "", counts, "")
    yield from _or_none(
        ("Comparison", "Arm", "Score", "Before", "Now", "Judged", "Rule"),
        [
            (
                *(_cell(each.id), _cell(each.arm), _cell(f"{each.metric} {each.part}")),
                *(_number(each.before), _number(each.now), each.judged, _cell(each.tolerance)),
            )
            for word in ("worse", "better")
            for each in changes
            if each.judged == word
        ],
    )


def _or_none(columns: Sequence[str], rows: Sequence[Sequence[str]], *, none: str = "None.") -> list[str]:
    return table(columns, rows) if rows else [none, ""]


def _first(texts: Sequence[str]) -> str:
    return _cell(texts[0] if texts else "") + and_more(texts)


def _number(number: float | None) -> str:
    return MISSING if number is None else f"{number:z.6g}"

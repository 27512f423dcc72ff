"""The verdict as a suite of cases: what CI readers parse, whatever texts the findings hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.gate.junit import CHECK, COMPARISON, WHOLE, write_junit
from ptycho_compare.records.acceptance import CheckVerdict, Verdict
from thorough import examples

from .judged import HOSTILE, ID, comparison, mixed, verdict

# what Jenkins' junit-10.xsd allows: attributes and children by element
_TOLD = ({"type", "message"}, set[str]())
ALLOWED: Mapping[str, tuple[set[str], set[str]]] = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "time", "tests", "failures", "errors", "skipped", "timestamp"},
        {"properties", "testcase"},
    ),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "testcase": ({"classname", "name", "time"}, {"failure", "skipped"}),
    "failure": _TOLD,
    "skipped": _TOLD,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "report" / "acceptance.junit.xml"


def written(path: Path, found: Verdict) -> ET.Element:
    write_junit(path, found)
    root = ET.parse(path).getroot()
    for element in root.iter():
        attributes, children = ALLOWED[element.tag]
        assert set(element.attrib) <= attributes
        assert {child.tag for child in element} <= children
    (suite,) = root
    return suite


def cases(suite: ET.Element) -> dict[tuple[str, str], ET.Element]:
    return {(case.attrib["classname"], case.attrib["name"]): case for case in suite.iter("testcase")}


def test_a_case_per_required_comparison_per_check_and_of_the_whole(path: Path) -> None:
    suite = written(path, mixed())
    found = {key: next((child.tag for child in case), "passed") for key, case in cases(suite).items()}
    assert found == {
        (COMPARISON, ID): "passed",
        (COMPARISON, "red-one"): "failure",
        (COMPARISON, "goes-on"): "skipped",
        (CHECK, "data/phase_c/dose_1000: phase C"): "passed",
        (CHECK, "analysis/metrics_summary.json: reports"): "failure",
        (WHOLE, "outcome"): "failure",
    }
    counts = [suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["6", "3", "0", "1"]
    assert suite.attrib["timestamp"] == "2026-11-25T05:00:00"


def test_what_was_found_is_told_first_in_short_then_all_of_it(path: Path) -> None:
    found = cases(written(path, mixed()))
    (failure,) = found[COMPARISON, "red-one"]
    message = failure.attrib["message"]
    assert failure.attrib["type"] == "red"
    assert (failure.text or "").splitlines()[-1] == "second"
    for kept in ('</failure> & "a" ', "]]><script>", "| cell"):  # escaped, not dropped
        assert kept in message
    assert not [each for each in message if each in "\x00\x1b\x85\ufffe"]
    (skipped,) = found[COMPARISON, "goes-on"]
    assert skipped.attrib == {"type": "deferred", "message": "stopped at 3 of 9"}
    (whole,) = found[WHOLE, "outcome"]
    assert (whole.text or "").splitlines() == [
        "red-one: it does not hold",
        "open: red/blocked_20261125T050000Z_zero_baseline.md",
        f"worse: {ID}: Baseline: mae phase was 0.5, is 0.625 (not within 0.01 of the accepted value)",
        f"worse: {ID}: Baseline: ssim phase was 0.5, is None (the score is gone)",
    ]


def test_outcome_origin_and_scientific_verdict_are_properties(path: Path) -> None:
    suite = written(path, mixed())
    found = {each.attrib["name"]: each.attrib["value"] for each in suite.iter("property")}
    assert found["outcome"] == "red"
    assert found["compared_with"] == "/earlier/report/acceptance.json"
    assert found[f"{ID}.origin"] == "adopted"
    assert found[f"{ID}.scientific"] == "low; Baseline: ms_ssim phase 0.300 is below 0.8"
    assert found["goes-on.origin"] == "none"
    assert not [name for name in found if name.startswith("not-asked")]


@pytest.mark.parametrize(
    ("outcome", "tag"),
    [("accepted", None), ("deferred", "skipped"), ("red", "failure"), ("incomplete", "failure")],
)
def test_the_last_case_is_the_outcome_even_where_every_comparison_holds(
    path: Path, outcome: str, tag: str | None
) -> None:
    case = cases(written(path, verdict(comparison(), outcome=outcome)))[WHOLE, "outcome"]
    assert [child.tag for child in case] == ([tag] if tag else [])


def test_ids_stay_whatever_was_found(path: Path) -> None:
    good = verdict(comparison(), checks=(CheckVerdict(description="reports", path="a.json"),))
    bad = verdict(
        comparison(state="red", findings=("x",)),
        checks=(CheckVerdict(description="reports", path="a.json", findings=("y",)),),
        outcome="red",
    )
    assert list(cases(written(path, good))) == list(cases(written(path, bad)))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
@examples(50)
def test_any_text_is_written_as_xml(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    found = verdict(
        comparison(id=f"id{text}", state="red", findings=(text, text), low=(text,)),
        study=text,
        reason=text,
        outcome="red",
        checks=(CheckVerdict(description=text, path=text, findings=(text,)),),
    )
    written(tmp_path_factory.getbasetemp() / "any.xml", found)


def test_a_hostile_study_name_stays_an_attribute(path: Path) -> None:
    assert "<script>" in written(path, verdict(comparison(), study=HOSTILE)).attrib["name"]
    assert "<script>" not in path.read_text()

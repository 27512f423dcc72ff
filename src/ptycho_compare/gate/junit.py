"""``report/acceptance.junit.xml``: the verdict as GitHub, GitLab and Jenkins read it.

The elements and attributes are those that Jenkins' schema allows [1]_, which is the strictest of the three;
so what is known of one comparison beside its result stands among the properties of the suite.

References
----------
.. [1] jenkinsci/xunit-plugin, ``junit-10.xsd``
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from ptycho_compare.records.acceptance import ComparisonVerdict, Verdict
from ptycho_compare.storage.files import atomic_path

COMPARISON, CHECK, WHOLE = "acceptance.comparison", "acceptance.check", "acceptance.verdict"
"""Classes of the cases. With the name, which holds no finding, they make an id that stays."""

_NOT_IN_XML = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Control characters, lone surrogates and the like: no escape makes them legal XML 1.0."""


def write_junit(path: Path, verdict: Verdict) -> None:
    """Write a verdict as a suite: a case per required comparison, one per check, one of the whole.

    The last fails where the outcome is red or incomplete, whatever closes the gate: an open blocker and a
    score that became worse are no finding of a comparison.
    """
    cases = [*map(_of_comparison, verdict.required), *_of_checks(verdict), _of_whole(verdict)]
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": "0",
    }
    # judging takes no time worth telling, and some readers want a number
    suite = _element("testsuite", name=verdict.study, time="0", **counts)
    suite.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
    suite.set("timestamp", verdict.generated_at.removesuffix("Z"))  # the format has no zone: it is UTC
    properties = ET.SubElement(suite, "properties")
    properties.extend(_element("property", name=name, value=value) for name, value in _properties(verdict))
    suite.extend(cases)
    root = _element("testsuites", name="ptycho-hub gate", time="0", **counts)
    root.append(suite)
    ET.indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        ET.ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)


def _properties(verdict: Verdict) -> Iterator[tuple[str, str]]:
    yield "outcome", verdict.outcome
    yield "reason", verdict.reason
    yield "generated_at", verdict.generated_at
    yield "required_tiers", " ".join(verdict.required_tiers)
    if verdict.compared_with:
        yield "compared_with", verdict.compared_with
    for each in verdict.required:
        yield f"{each.id}.state", each.state
        yield f"{each.id}.origin", each.origin or "none"
        yield f"{each.id}.scientific", "; ".join([each.scientific, *each.low])


def _of_comparison(comparison: ComparisonVerdict) -> ET.Element:
    case = _case(COMPARISON, comparison.id)
    if comparison.state == "deferred":
        _add(case, "skipped", "deferred", comparison.findings)
    elif comparison.state != "accepted":
        _add(case, "failure", comparison.state, comparison.findings)
    return case


def _of_checks(verdict: Verdict) -> Iterator[ET.Element]:
    for check in verdict.checks:
        case = _case(CHECK, f"{check.path}: {check.description}")
        if check.findings:
            _add(case, "failure", "check", check.findings)
        yield case


def _of_whole(verdict: Verdict) -> ET.Element:
    case = _case(WHOLE, "outcome")
    if verdict.outcome == "accepted":
        return case
    lines = [verdict.reason]
    lines += [f"open: {note}" for note in verdict.blockers]
    lines += [
        f"worse: {each.id}: {each.arm}: {each.metric} {each.part} was {each.before}, is {each.now} "
        f"({each.tolerance})"
        for each in verdict.changes
        if each.judged == "worse"
    ]
    _add(case, "skipped" if verdict.outcome == "deferred" else "failure", verdict.outcome, lines)
    return case


def _case(classname: str, name: str) -> ET.Element:
    return _element("testcase", classname=classname, name=name, time="0")


def _add(case: ET.Element, tag: str, kind: str, lines: Sequence[str]) -> None:
    """Say why a case is what it is: the first line as its message, all of them as its text."""
    told = [_legal(line) for line in lines] or [kind]
    child = _element(tag, type=kind, message=told[0])
    child.text = "\n".join(told)
    case.append(child)


def _element(tag: str, **attributes: str) -> ET.Element:
    return ET.Element(tag, {name: _legal(value) for name, value in attributes.items()})


def _legal(text: str) -> str:
    return _NOT_IN_XML.sub("", text)

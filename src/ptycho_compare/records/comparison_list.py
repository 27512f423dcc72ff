"""Which comparisons reports are about, and how they ended: ``analysis/comparison_manifest.json``.

The pipeline writes the list: a comparison's entry replaces its own earlier one and no other, so runs split
by split add up. A hub whose comparisons were run one by one has none, and is then listed from the evidence
that lies there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import Field, field_validator

from ptycho_compare.errors import ResultsError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import FULL_TIER, Artifacts, Cell, Hub, cell_text
from ptycho_compare.records.in_cell import InCell, cell_entry, rank_of_cell
from ptycho_compare.records.reading import Record, read_json
from ptycho_compare.records.renewing import NUMBER, TEXT, Entry, SharedFile, entries_of, others
from ptycho_compare.storage.files import write_json_atomic, write_text_atomic
from ptycho_compare.study import Comparison
from ptycho_compare.study.steps import CompareStep

Place = tuple[int, str, str, Cell]
"""Dose, view, split and the cell of the study's own factors."""


class AtPlace(InCell):
    """Base of what a file says of one dose, view and split, and cell."""

    dose: int
    view: str
    split: str

    @property
    def place(self) -> Place:
        """Dose, view, split and cell."""
        return self.dose, self.view, self.split, self.in_cell

    @property
    def name(self) -> str:
        """For people and for messages."""
        return name_of(self.place)

    @property
    def comparison(self) -> Comparison:
        """The comparison that counts there."""
        return comparison_at(self.place)


def name_of(place: Place) -> str:
    """A place for people and for messages."""
    dose, view, split, cell = place
    return f"{view}/{split} (dose={dose}{f', {cell_text(cell)}' if cell else ''})"


def place_of(comparison: Comparison) -> Place:
    """Where a comparison is."""
    return comparison.dose, comparison.view, comparison.split, comparison.cell


def comparison_at(place: Place) -> Comparison:
    """Return the comparison that counts at a place."""
    dose, view, split, cell = place
    return Comparison(dose, view, split, FULL_TIER, cell)


class ListedJob(AtPlace):
    """A comparison; `output_dir` is a POSIX path below the hub, left out where it is the usual one.

    The id is that of our own lists, empty in those of PtychoPINN.
    """

    id: str = ""
    output_dir: str = ""

    @field_validator("output_dir")
    @classmethod
    def _stays_in_the_hub(cls, text: str) -> str:
        path = PurePosixPath(text)
        if path.is_absolute() or ".." in path.parts or "\\" in text:
            raise ValueError("must be a POSIX path below the hub")
        return text

    def folder(self, hub: Hub) -> Path:
        """Where its artifacts lie."""
        return hub.root / self.output_dir if self.output_dir else self.comparison.folder(hub)


class ExecutionResult(AtPlace):
    """How a comparison ended; the id is empty in lists of PtychoPINN."""

    id: str = ""
    returncode: int
    log_path: str = ""
    error: str | None = None


class JobList(Record):
    """Comparisons of one hub, and how they ended.

    Attributes
    ----------
    n_jobs, n_success, n_failed : int
        As the file states them; `problems` says whether they are true.
    """

    n_jobs: int = Field(ge=0)
    n_success: int = Field(ge=0)
    n_failed: int = Field(ge=0)
    jobs: tuple[ListedJob, ...]
    execution_results: tuple[ExecutionResult, ...] = ()

    def only(self, places: Iterable[Place]) -> JobList:
        """Leave out all other comparisons."""
        kept = set(places)
        results = [each for each in self.execution_results if each.place in kept]
        return listing([each for each in self.jobs if each.place in kept], results)

    def problems(self) -> Iterator[str]:
        """Say what keeps the comparisons from being reported; nothing when all of them succeeded."""
        if not self.jobs:
            yield "lists no comparison"
        yield from self.miscounts()
        ended = {result.place: result for result in self.execution_results}
        for job in self.jobs:
            result = ended.get(job.place)
            if result is None:
                yield f"{job.name} was not run"
            elif result.returncode != 0:
                yield f"{job.name} failed: {result.error or f'exit status {result.returncode}'}"

    def miscounts(self) -> Iterator[str]:
        """Say where the counts are not those of the entries."""
        failed = sum(result.returncode != 0 for result in self.execution_results)
        counts = (len(self.jobs), len(self.execution_results) - failed, failed)
        if (self.n_jobs, self.n_success, self.n_failed) != counts:
            yield (
                f"states {self.n_jobs} jobs, {self.n_success} successful and {self.n_failed} failed, "
                f"and lists {counts[0]}, {counts[1]} and {counts[2]}"
            )

    def require_success(self, label: str) -> None:
        """Refuse a list in which something failed or was not run.

        Raises
        ------
        ResultsError
            The message says what.
        """
        _require_none(self.problems(), label)


def _require_none(problems: Iterator[str], label: str) -> None:
    found = list(problems)
    if found:
        raise ResultsError(f"{label}: {'; '.join(found)}")


def listing(jobs: Sequence[ListedJob], results: Sequence[ExecutionResult]) -> JobList:
    """Count comparisons and how they ended."""
    succeeded = sum(result.returncode == 0 for result in results)
    return JobList(
        n_jobs=len(jobs),
        n_success=succeeded,
        n_failed=len(results) - succeeded,
        jobs=tuple(jobs),
        execution_results=tuple(results),
    )


def read_job_list(path: Path) -> JobList:
    """Read the pipeline's list; ReportError where it is missing or no such list."""
    return read_json(path, JobList, made_by="the pipeline")


def jobs_of(hub: Hub, comparisons: Sequence[Comparison] | None, *, asked: Callable[[Place], bool]) -> JobList:
    """List what is to be reported: every split that the study has of what was compared.

    Parameters
    ----------
    comparisons : sequence of Comparison or None
        Those of the study that count; None where no study is known.
    asked : callable
        Says whether a place is to be reported.

    Raises
    ------
    ResultsError
        The pipeline's list lacks a split of a dose and view that it has.
    ReportError
        There is no such list, and no study either.
    """
    path = hub.comparison_manifest()
    wanted = [each for each in comparisons or () if asked(place_of(each))]
    if comparisons is not None and not path.is_file():
        return jobs_with_evidence(hub, wanted)
    listed = read_job_list(path)
    _require_none(listed.miscounts(), str(path))
    listed = listed.only(job.place for job in listed.jobs if asked(job.place))
    there = {job.place for job in listed.jobs}
    run = {(job.dose, job.view) for job in listed.jobs}
    missing = [each.id for each in wanted if place_of(each) not in there and (each.dose, each.view) in run]
    if missing:
        raise ResultsError(f"{path}: does not list {', '.join(missing)}; run it, or leave it out by --splits")
    return listed


def jobs_with_evidence(hub: Hub, comparisons: Sequence[Comparison]) -> JobList:
    """List comparisons by the evidence that lies in the hub, where no pipeline has listed them."""
    jobs, results = [], []
    for each in comparisons:
        place = {"dose": each.dose, "view": each.view, "split": each.split, "cell": dict(each.cell)}
        folder = each.folder(hub)
        jobs.append(ListedJob(**place, output_dir=hub.relative(folder)))
        if Artifacts(folder).metrics.exists():
            results.append(ExecutionResult(**place, returncode=0))
    return listing(jobs, results)


def is_listed(step: CompareStep) -> bool:
    """True where the list says that a comparison was run and is green."""
    _, results = _shared(step.hub).read()
    return any(entry["id"] == step.id and entry["returncode"] == 0 for entry in results)


def list_comparison(
    step: CompareStep, *, returncode: int, findings: Sequence[Finding], log: Path | None = None
) -> None:
    """Enter a comparison.

    Parameters
    ----------
    returncode : int
        Of its command; 0 for evidence that was there.
    findings : sequence of Finding
        What does not hold in its evidence: it then counts as failed, whatever its exit status.

    Raises
    ------
    HubError
        What is there is no such list.
    """
    hub = step.hub
    where = {"id": step.id, "dose": step.dose, "view": step.view, "split": step.split}
    where |= cell_entry(step.cell)
    entry = {**where, "output_dir": hub.relative(step.folder)}
    result = {
        **where,
        "returncode": returncode or (1 if findings else 0),
        "log_path": hub.relative(log or hub.step_log(step.log_name)),
        "error": str(findings[0]) if findings else None,
    }
    file = _shared(hub)
    with file.renewing() as (jobs, results):  # two pipelines may run side by side
        jobs, results = _merged(jobs, entry), _merged(results, result)
        succeeded = sum(each["returncode"] == 0 for each in results)
        write_json_atomic(
            file.path,
            {
                "n_jobs": len(jobs),
                "n_success": succeeded,
                "n_failed": len(results) - succeeded,
                "jobs": jobs,
                "execution_results": results,
            },
        )
        write_text_atomic(hub.comparison_summary(), _summary(results))


def _shared(hub: Hub) -> SharedFile[tuple[list[Entry], list[Entry]]]:
    path, lock = hub.comparison_manifest(), hub.lock("comparison_manifest")
    empty: Entry = {"jobs": [], "execution_results": []}
    return SharedFile(path, lock, "list of comparisons of ours", empty, _lists)


def _lists(content: Any) -> tuple[list[Entry], list[Entry]]:
    place = {"id": TEXT, "dose": NUMBER, "view": TEXT, "split": TEXT}
    results = entries_of(content["execution_results"], {**place, "returncode": NUMBER})
    return entries_of(content["jobs"], place), results


def _merged(entries: Sequence[Entry], entry: Entry) -> list[Entry]:
    """Return entries in the order of the study's matrix: dose, view, then train before test, then cells."""
    renewed = [*others(entries, {"id": entry["id"], "cell": entry.get("cell")}), entry]
    return sorted(renewed, key=_rank)


def _rank(entry: Entry) -> tuple[Any, ...]:
    return entry["dose"], entry["view"], entry["split"] != "train", rank_of_cell(entry)


def _summary(results: Sequence[Entry]) -> str:
    lines = [
        f"{each['id']}: {'ok' if each['returncode'] == 0 else each.get('error') or 'failed'}"
        for each in results
    ]
    return "\n".join([f"{len(lines)} comparisons", *lines, ""])

"""What lies in a hub and belongs to nothing that is judged: it would be taken for evidence, or hides some."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub, JobFiles, StepFiles, utc_now
from ptycho_compare.storage.files import is_left_over
from ptycho_compare.study import Study
from ptycho_compare.untrusted.regular import read_log

_AWAY = "move it away"


def strangers(hub: Hub, study: Study | None) -> Iterator[Finding]:
    """Find links that leave the hub, names that no list can hold, and files where only ours may lie.

    What a link leads to can be exchanged without the hub: what is kept is then not what was judged. A study
    says which comparisons there are; folders of others beside them are found where one is given.
    """
    yield from _links_and_names(hub)
    if study is not None:
        yield from _other_comparisons(hub, study)
    for files in hub.jobs():
        yield from _unknown(files.folder, _in_job(files), "no file of a job")
    folders = (hub.step("").folder, hub.lock("").parent, hub.slots(), hub.submitting().folder)
    of_jobs = _named([*(folder.name for folder in folders), hub.rounds().name])
    yield from _unknown(hub.rounds().parent, of_jobs, "no record of jobs")
    for folder in _folders(hub.step("").folder):
        known = [path.name for path in (StepFiles(folder).record, StepFiles(folder).job.folder)]
        yield from _unknown(folder, _named(known), "no file of a step")
    yield from _unknown(hub.verdict().folder, _in_report(hub), "no file of a verdict")
    for passed in (True, False):
        yield from _other_outcomes(hub, passed=passed)


def _links_and_names(hub: Hub) -> Iterator[Finding]:
    root = hub.root.resolve()
    for place, folders, files in os.walk(root):
        for name in sorted([*folders, *files]):
            path = Path(place, name)
            if not name.isprintable():
                text = "its name holds characters that no terminal and no list can show"
                yield Finding("changed", f"{_seen(hub, path)}: {text}; rename it")
            if path.is_symlink() and not _stays(path, root):
                text = f"is a link to {path.readlink()}, out of the hub or to nothing"
                yield Finding("changed", f"{_seen(hub, path)}: {text}; put in its place what it leads to")


def _seen(hub: Hub, path: Path) -> Path:
    return hub.root / path.relative_to(hub.root.resolve())


def _stays(link: Path, root: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):  # to nothing, or in a ring
        return False


def _other_comparisons(hub: Hub, study: Study) -> Iterator[Finding]:
    """Yield folders below ``analysis/`` that are of no comparison of the study."""
    asked = {each.folder(hub) for each in study.comparisons()}
    ways = {parent for folder in asked for parent in folder.parents}
    todo = [hub.analysis()]
    while todo:
        for path in _folders(todo.pop()):
            if path in ways:
                todo.append(path)
            elif path not in asked:
                text = f"is of no comparison of the study {study.name!r}"
                yield Finding("changed", f"{path}: {text}; {_AWAY}, or add it to the study")


def _other_outcomes(hub: Hub, *, passed: bool) -> Iterator[Finding]:
    """Yield logs of tests that passed in ``red/``, and of others in ``green/``; an empty one says nothing."""
    usual = hub.test_log("*", passed=passed, moment=utc_now())
    for path in sorted(usual.parent.glob(f"{usual.name.partition('*')[0]}*.log")):
        try:
            found = re.search(r"^outcome: (.*)$", read_log(path), re.MULTILINE)
        except OSError as error:
            yield Finding("changed", f"{path}: {error.strerror}; {_AWAY}")
            continue
        if found and (found[1] == "passed") != passed:
            text = f"says that the outcome is {found[1]:.40}, and lies in {path.parent.name}/"
            yield Finding("changed", f"{path}: {text}; {_AWAY}")


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.is_dir()) if folder.is_dir() else []


def _unknown(folder: Path, is_ours: Callable[[str], bool], what: str) -> Iterator[Finding]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not is_ours(path.name):
            yield Finding("changed", f"{path}: is {what}; {_AWAY}")


def _in_job(files: JobFiles) -> Callable[[str], bool]:
    known = _named(
        [
            path.name
            for path in (files.claim, files.launch, files.states, files.done, files.stop,
                         files.checkpoints, files.set_aside, files.shards, files.ticket,
                         files.script, files.batch_log)
        ]
    )  # fmt: skip
    seen = f".{files.claim.name}.seen-"  # when who else saw the holder's heart beat last
    return lambda name: known(name) or name.startswith(seen)


def _in_report(hub: Hub) -> Callable[[str], bool]:
    names, answers = hub.verdict(), hub.answers()
    verdict = [path.name for path in (names.page, names.record, names.junit, names.text)]
    return _named([*verdict, *(path.name for path in answers)])


def _named(known: Sequence[str]) -> Callable[[str], bool]:
    """Say if a name is one of these, the lock that guards one, or a file that a stopped writer left."""
    locks = {f".{name}.lock" for name in known}
    return lambda name: name in known or name in locks or is_left_over(name)

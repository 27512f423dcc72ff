"""Errors, by who has to act.

An `InputError` is the user's to mend: its text is one line that names the file, the
key, what was found and what to do. Everything else in this tree is a failed
computation, which names the arm and the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class PtychoCompareError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(PtychoCompareError):
    """Bad file, key or argument; found before anything expensive was started."""


class ArchiveError(InputError):
    """A zip, NPZ, pickle or HDF5 file from outside is damaged, hostile or too large."""


class HubError(InputError):
    """A hub lacks a folder or a file that the study needs."""


class StudyError(InputError):
    """`study.toml` does not say what a study must say."""


class ScanError(InputError):
    """Measured data break the data contract."""


class BundleError(InputError):
    """A trained model cannot be read, or must not be."""


class ReadyMadeError(InputError):
    """A ready-made reconstruction cannot be read."""


class StorageError(InputError):
    """The hub cannot be written: full, read-only, or not ours."""


class ExchangedError(InputError):
    """A file was exchanged or written to while a result was made of it."""


class JobError(InputError):
    """A job cannot be started, found or stopped as asked."""


class ShardError(JobError):
    """Shards of a comparison are missing, or cannot be added to each other."""


class NotBegunError(JobError):
    """A job did not begin in the time there was."""


class MissingProgramError(InputError):
    """A program that a phase runs is not installed."""


class DeviceError(InputError):
    """There is a GPU, and it cannot be used."""


class AdoptionError(InputError):
    """Results made elsewhere do not hold."""


class ReportError(InputError):
    """A report of a study cannot be read or made."""


class MissingReportError(ReportError):
    """A report is not there yet."""


class ResultsError(ReportError):
    """Comparisons failed, are missing or left scores blank: no report may be made of them."""


class ArmError(PtychoCompareError):
    """One arm gave no usable reconstruction; the others are not affected."""


class EngineError(ArmError):
    """An iterative reconstruction's engine failed.

    Attributes
    ----------
    returncode : int
        Of its process.
    """

    def __init__(self, text: str, *, returncode: int) -> None:
        super().__init__(text)
        self.returncode = returncode


OUT_OF_MEMORY = "out_of_memory"
"""Begins every text about a want of memory, and marks it wherever it is quoted."""


ENVIRONMENT = "environment"
"""Begins every text about an arm that the system around it failed: its files, or a library."""


class OutOfMemoryError(ArmError):
    """A computation did not fit into memory; a smaller one may."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{OUT_OF_MEMORY}: {text}")


class WindowError(PtychoCompareError):
    """The time that a batch system gives is too short for anything to be saved."""


class ScoringError(PtychoCompareError):
    """Two images cannot be compared: shapes, values or mask rule it out."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the nearest of the known words as a question behind a message; empty where none is near."""
    plain = {each.replace("-", "_"): each for each in known}
    near = get_close_matches(word.replace("-", "_"), plain, n=1)
    return f"; did you mean {plain[near[0]]}?" if near else ""


def first_of(problems: Sequence[object]) -> str:
    """Return the first of several, and how many there are besides: ``... (and 2 more)``."""
    return f"{problems[0]}{and_more(problems)}"


def and_more(problems: Sequence[object]) -> str:
    """Return how many there are besides the first; empty where there are none."""
    return f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""

"""pty-chi on one scan file: all of its images, or some."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import EngineError, StudyError
from ptycho_compare.hub import JobFiles, ReconstructionFiles
from ptycho_compare.jobs.context import JobContext, job_context
from ptycho_compare.phases.reconstruct import engine
from ptycho_compare.phases.reconstruct.child import Ending, Event, require_ptychi, run_engine
from ptycho_compare.phases.reconstruct.exchange import EngineTask, Exchange, State
from ptycho_compare.phases.reconstruct.results import Facts, publish, write_log
from ptycho_compare.phases.reconstruct.start import InitialGuess, Measured, make_start
from ptycho_compare.scan.read import open_scan
from ptycho_compare.scan.reading import AS_FOUND, Reading
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.storage.watched import WatchedFiles
from ptycho_compare.study.making import Reconstruction
from ptycho_compare.study.steps import ReconstructStep

PART = "PtyChi"
"""What a job's records call the work; its units are epochs."""


@dataclass(frozen=True)
class Reconstructed:
    """A finished reconstruction; all of its files are written."""

    files: ReconstructionFiles
    state: State
    facts: Facts
    scan_sha256: str
    ending: Ending


def reconstruct_scan(
    scan_file: Path,
    how: Reconstruction,
    files: ReconstructionFiles,
    job: JobFiles,
    *,
    images: NDArray[np.int64] | None = None,
    reading: Reading = AS_FOUND,
    title: str = "",
) -> Reconstructed:
    """Reconstruct object and probe from a scan.

    The file it writes records where the object lies (``origin_yx_px``), so that whoever compares it
    needs no registration. Its arrays depend on scan, settings and versions only, however often it was
    broken off: after each segment of epochs there is a checkpoint, and the next attempt goes on from it.

    Parameters
    ----------
    scan_file : Path
        Anything that `open_scan` reads; it must hold a probe. A true object in it is not looked at.
    job : JobFiles
        Where attempts are recorded, and checkpoints kept until it is done.
    images : ndarray, (n,), int, or None
        Numbers of the images to use; None for all.
    reading : Reading
        What the scan file does not say of itself.
    title : str
        What log and figure call it; left out, the name of the scan file.

    Raises
    ------
    MissingProgramError
        pty-chi is not installed.
    ScanError, ArchiveError
        The scan cannot be read, or has no probe or no such images.
    StudyError
        The device that was asked for is not there.
    ExchangedError
        The scan was exchanged meanwhile: this attempt is void.
    EngineError
        The engine failed; the log holds its output.
    Stopped
        Asked to stop; the same call goes on from the last checkpoint.
    """
    require_ptychi()
    place = Exchange(job.checkpoints)
    watched = WatchedFiles({"the scan": scan_file})
    with job_context(job) as context:
        for folder in (files.folder, place.folder):
            folder.mkdir(parents=True, exist_ok=True)
        with open_scan(scan_file, spool_folder=place.folder, reading=reading) as scan:
            for warning in scan.warnings:
                print(f"warning: {warning}", flush=True)
            measured = Measured.of(scan, images)
            start = hand_over(place, measured, how.seed)
        facts = Facts(title or scan_file.name, scan_file, how, measured.numbers, start.origin_yx)
        watched.require_same()  # all of it is read by now
        digest = watched.digests[scan_file]
        task = EngineTask(how, _fingerprint(digest, facts, reading))
        place.write_task(task)
        held = place.read_state(task.fingerprint, lambda reason: _set_aside(context, reason))
        done = 0 if held is None else held.epochs
        context.planned({PART: (done, how.epochs)}, unit="epochs")
        print(
            f"{facts.title}: {how.engine} on {len(facts.images)} images, {done} of {how.epochs} epochs done"
        )
        ending = run_engine(place, _Listener(context, how.epochs))
        write_log(files.log, facts, ending)
        _require_success(facts, files, ending)
        context.step("artifacts")
        state = place.read_state(task.fingerprint, lambda reason: _set_aside(context, reason))
        if state is None:
            text = f"{place.folder}: pty-chi ended well and left no state that can be read"
            raise EngineError(text, returncode=1)
        watched.require_same()
        with context.publishing():
            publish(files, facts, state, measured.positions)
            shutil.rmtree(place.folder)
    return Reconstructed(files, state, facts, digest, ending)


def _set_aside(context: JobContext, reason: str) -> None:
    print(f"the checkpoint is set aside: {reason}", flush=True)
    context.noted("set_aside", reason=reason)


def hand_over(place: Exchange, measured: Measured, seed: int) -> InitialGuess:
    """Write the engine's input: images, positions, and object and probe to begin with."""
    probe = measured.probe
    energy = place.write_images(measured.shape, measured.blocks())
    good = measured.scan.diffraction.good
    start = make_start(measured.positions, probe, energy, seed=seed, good=good)
    place.write_start(start)
    return start


def _fingerprint(scan_sha256: str, facts: Facts, reading: Reading) -> Fingerprint:
    settings = {
        "reconstruction": facts.how.model_dump(),
        "reading": asdict(reading),
        "images": facts.images.tolist(),
    }
    return Fingerprint.here(
        {"scan": scan_sha256}, settings, computed_by=engine.__name__, libraries=ReconstructStep.libraries
    )


class _Listener:
    """Tells what the engine tells: to the job's records, and in plain lines."""

    def __init__(self, context: JobContext, epochs: int) -> None:
        self._context, self._epochs = context, epochs

    def __call__(self, event: Event) -> None:
        match event:
            case {"event": "ready", "device": device, "ptychi": version}:
                print(f"pty-chi {version} on {device}", flush=True)
            case {"event": "epoch", "done": done, "loss": loss, "seconds": seconds}:
                self._context.working(PART, done, seconds, now=done == self._epochs)
                print(f"epoch {done} of {self._epochs}: loss {loss}, {seconds:.2f} s in all", flush=True)
            case {"event": "saved", "done": done, "seconds": seconds}:
                self._context.saved(PART, done, seconds)


def _require_success(facts: Facts, files: ReconstructionFiles, ending: Ending) -> None:
    if ending.refusal:
        raise StudyError(f"[reconstruction] {ending.refusal}")
    if ending.returncode != 0:
        raise EngineError(
            f"{facts.title}: pty-chi's {facts.how.engine} ended with exit status {ending.returncode}: "
            f"{ending.last_words or 'no last words; killed, for want of memory perhaps'} ({files.log})",
            returncode=ending.returncode,
        )

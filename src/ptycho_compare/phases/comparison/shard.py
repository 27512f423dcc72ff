"""One shard of a comparison: its segments of every network's streams, saved for who adds them up.

It reads the same inputs, draws the same plan and runs the same networks as the comparison, and scores
nothing. What it saves states on which inputs, settings and code it rests; `compare` takes over what rests
on its own.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from ptycho_compare.errors import JobError
from ptycho_compare.hub import Artifacts, JobFiles
from ptycho_compare.jobs.claim import living_claim
from ptycho_compare.jobs.context import job_context
from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.phases.comparison.arm import Arm, contained
from ptycho_compare.phases.comparison.compare import open_setting
from ptycho_compare.phases.comparison.inputs import inspect_inputs, watched_inputs
from ptycho_compare.phases.comparison.log import LOGGER, comparison_log
from ptycho_compare.phases.comparison.network import NetworkArm, Stream
from ptycho_compare.phases.comparison.request import CompareRequest
from ptycho_compare.phases.comparison.sharing import Shard, shards_at_work
from ptycho_compare.phases.comparison.work import Work

_log = logging.getLogger(LOGGER)


def run_shard(
    request: CompareRequest, shard: Shard, *, console_level: int | None = logging.INFO
) -> Mapping[str, str]:
    """Compute one shard of a comparison, or the rest of it.

    Parameters
    ----------
    console_level : int or None
        Lowest log level shown on stderr.

    Returns
    -------
    mapping
        Arms that stopped with an error, and the error; what the shard computed of others is saved.

    Raises
    ------
    InputError
        As `compare`; or another process works at this shard, at the comparison, or at shards of another
        number of them.
    Stopped
        SIGTERM or Ctrl-C came; the same shard goes on from where it was.
    """
    watched = watched_inputs(request)
    inputs = inspect_inputs(request)
    names = Artifacts(request.output_dir)
    place = shard.job(names.job)
    _require_free(names.job, shard)
    request.output_dir.mkdir(parents=True, exist_ok=True)
    with (
        job_context(place) as context,
        comparison_log(shard.log(names.job), console_level=console_level, append=True),
        open_setting(request, inputs, spool_folder=request.output_dir) as (setting, warnings),
    ):
        for warning in warnings:
            _log.warning(warning)
        work = Work(context, request, watched)
        arms = {
            name: NetworkArm.open(name, arm.content, arm.request.how, setting, work, resumed=False)
            for name, arm in inputs.arms.items()
            if isinstance(arm.content, ModelFile)
        }
        parts = {name: arm.parts_of(shard, work) for name, arm in arms.items()}
        counts = {
            part.name: (part.state.done_rows, part.state.all_rows) for each in parts.values() for part in each
        }
        context.planned(counts)
        _log.info("shard %s: %d of %d patches are left", shard, *_left(counts))
        crashes = {name: _computed(arm, parts[name], work) for name, arm in arms.items()}
        context.raise_if_stopped()
    return {name: crash for name, crash in crashes.items() if crash}


def _left(counts: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    total = sum(rows for _, rows in counts.values())
    return total - sum(done for done, _ in counts.values()), total


def _computed(arm: NetworkArm, parts: Sequence[Stream], work: Work) -> str:
    """Bring segments to their ends; the error that an arm stopped with, empty for none."""

    def run() -> Arm:
        arm.compute(parts, work)
        return Arm(arm.model.path, None)

    return contained(arm.name, arm.model, run, raise_if_stopped=work.context.raise_if_stopped).crash


def _require_free(files: JobFiles, shard: Shard) -> None:
    """Refuse to begin beside who would do the same work; raises JobError."""
    claim = living_claim(files.claim)
    if claim is not None:
        who = f"pid {claim.holder.pid} on {claim.holder.host_name}"
        raise JobError(
            f"{files.folder.parent}: the comparison itself is at work ({who}) and computes what is missing"
        )
    for other, held in shards_at_work(files):
        if other.count != shard.count:
            who = f"pid {held.holder.pid} on {held.holder.host_name}"
            raise JobError(
                f"{files.shards}: shard {other} is at work ({who}), and shares out the same groups otherwise "
                f"than {shard}; wait for it, or stop it"
            )

"""What ``--against`` names: a run that was accepted, or a hub."""

from __future__ import annotations

from pathlib import Path

from ptycho_compare.cli.place_arguments import open_hub
from ptycho_compare.errors import HubError, ReportError
from ptycho_compare.hub import Hub
from ptycho_compare.records.accepted_runs import is_named, is_run, read_run, runs_in
from ptycho_compare.study import Study


def earlier_hub(hub: Hub, study: Study, named: Path) -> Hub:
    """Find what `--against` names: a run of this hub's store, or the folder of a run or a hub.

    Raises
    ------
    HubError
        It is none of these; the message lists the runs.
    ReportError
        The run is not what was accepted.
    """
    store = hub.accepted_runs(study.acceptance.store)
    for folder, there in ((store / named, is_named(store, str(named))), (named, is_run(named))):
        if there:
            return read_run(folder).hub
    if named.is_dir() or len(named.parts) != 1:
        return open_hub(named, "--against")
    names = ", ".join(each.record.name for each in runs_in(store) if not isinstance(each, ReportError))
    raise HubError(f"--against {named}: {store} holds {names or 'no run'}, and there is no such folder here")

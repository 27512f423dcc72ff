"""The script that a batch system runs: what the site needs first, then the command in its place."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ptycho_compare.jobs.executors.batch import TASK
from ptycho_compare.jobs.site import Site
from ptycho_compare.sigterm import EXIT_STOPPED

_HEAD = """\
#!/bin/bash
# Written for {name}, anew with every submission; see ticket.json beside it
"""
_EXEC = """\
trap 'exit {stopped}' TERM
{prelude}
# SIGTERM waits until the command can hear it, where env can have it wait (coreutils 8.31)
waiting=()
if env --block-signal=TERM true 2>/dev/null; then waiting=(env --block-signal=TERM); fi
exec "${{waiting[@]}}" {command}
"""
_WATCHED = """\
# nobody here begins a job again for its exit status {stopped}: this script does
asked=
child=
again() {{ {again}; exit {stopped}; }}
trap again TERM
{prelude}
trap 'asked=yes; [ -z "$child" ] || kill -TERM "$child"' TERM
{command} &
child=$!
[ -z "$asked" ] || kill -TERM "$child"
while kill -0 "$child" 2>/dev/null; do wait "$child"; done
wait "$child"
status=$?
# stopped before it could hear
[ -n "$asked" ] && [ "$status" = 143 ] && status={stopped}
[ "$status" != {stopped} ] || again
exit "$status"
"""


def script_of(name: str, command: Sequence[str], site: Site, *, again: str = "", task: str = "") -> str:
    """Write the script of a job.

    Parameters
    ----------
    name : str
        Of the job, for people.
    command : sequence of str
        Argument list; the site's `through` comes before it. Of a word that begins with `TASK` this is `task`.
    again : str
        Line of shell by which a job has itself begun again; empty where the system does that for status 75.
    task : str
        Word of shell that gives a task of an array its number.

    Returns
    -------
    str
        A bash script. SIGTERM ends it with 75 from its second line on, with what the command saves.
    """
    words = " ".join(_quoted(word, task) for word in [*site.through, *command])
    body = _WATCHED if again else _EXEC
    return _HEAD.format(name=" ".join(name.split())) + body.format(
        prelude=site.prelude.strip("\n"), command=words, again=again, stopped=EXIT_STOPPED
    )


def _quoted(word: str, task: str) -> str:
    rest = word.removeprefix(TASK)
    return shlex.quote(word) if rest == word else f'"{task}"{shlex.quote(rest)}'

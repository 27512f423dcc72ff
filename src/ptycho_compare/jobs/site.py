"""`HUB/site.toml`: how the batch system of a site is asked to run a hub's jobs.

No part of any fingerprint: where a job runs changes no number.
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ptycho_compare.duration import parse_duration
from ptycho_compare.errors import JobError
from ptycho_compare.hub import Hub
from ptycho_compare.hub.job_files import MOST_SHARDS
from ptycho_compare.study.toml_problems import first_problem
from ptycho_compare.untrusted.regular import load_toml, read_text, why_unreadable

_MAX_BYTES = 1 << 20
_WORD = r"^[^\s'\"\\]+$"
Word = Annotated[str, Field(pattern=_WORD, max_length=200)]

SITE_TEXT = '''\
# How the batch system is asked to run this hub's jobs, by --on slurm. Every key may be left out.
# Nothing here changes a number, so it is no part of any fingerprint.

# partition = "main"
# account = "p1234"
# time = "8h"    # the longest that a job may take; less is asked for where a forecast says so
# gres = "gpu:1"
# constraint = "a100"
# options = ["--exclusive"]    # more words for sbatch
# jobs = 500     # of this hub, in the queue at a time; the next command submits what was held back

# Code, which --allow-commands allows: read it first if the hub came from somebody else.
# python = "/shared/venv/bin/python"        # default: that which submits
# prelude = """
# module load cuda
# """
# through = ["apptainer", "exec", "--nv", "/shared/image.sif"]    # stands before the command

# Networks of a comparison may be run by several jobs, an array of them, before the one that adds up.
# [shards]
# each = "30m"   # as many as it takes for each to take so long, where a forecast says how long all takes
# most = 16      # of them; more than 32 would have nothing to do
# count = 4      # where there is no forecast, or each is not said

# A kind of step may ask for something else: simulate, overlap, train, reconstruct, compare or reports.
# [steps.train]
# gres = "gpu:1"
# time = "24h"
'''


def _seconds(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


class Resources(BaseModel):
    """What a job asks of the batch system.

    Attributes
    ----------
    time : float or None
        The longest it may take, s.
    options : tuple of str
        More words for the system's own command.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: Word | None = None
    account: Word | None = None
    time: Annotated[float, BeforeValidator(_seconds), Field(ge=60, le=366 * 86400)] | None = None
    gres: Word | None = None
    constraint: Word | None = None
    options: tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...] = ()


class StepsOfSite(BaseModel):
    """What kinds of steps ask for in place of what all do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    simulate: Resources = Resources()
    overlap: Resources = Resources()
    train: Resources = Resources()
    reconstruct: Resources = Resources()
    compare: Resources = Resources()
    reports: Resources = Resources()


class Shards(BaseModel):
    """Into how many shards a comparison is split.

    Attributes
    ----------
    count : int
        Where nothing is known of its time, or `each` is None.
    each : float or None
        How long a shard is to take, s.
    most : int
        That `each` may lead to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: Annotated[int, Field(ge=1, le=MOST_SHARDS)] = 1
    each: Annotated[float, BeforeValidator(_seconds), Field(ge=60, le=366 * 86400)] | None = None
    most: Annotated[int, Field(ge=1, le=MOST_SHARDS)] = 16

    def of(self, forecast_s: float | None) -> int:
        """Return how many for a comparison that takes so long, s; None where that is not known."""
        if self.each is None or forecast_s is None:
            return self.count
        return max(1, min(self.most, math.ceil(forecast_s / self.each)))


class Site(Resources):
    """All of the file.

    Attributes
    ----------
    jobs : int
        Of the hub, that may be in the queue at a time.
    python, prelude, through : str, str, tuple of str
        The interpreter, lines of shell before the command, and words before it.
    shards : Shards
        Into how many jobs a comparison is split, beside that which adds up.
    """

    jobs: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    python: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    prelude: Annotated[str, Field(max_length=100_000)] = ""
    through: tuple[Annotated[str, Field(min_length=1, max_length=4096)], ...] = ()
    shards: Shards = Shards()
    steps: StepsOfSite = StepsOfSite()

    def of(self, kind: str) -> Resources:
        """Return what a step of this kind asks for."""
        own: Resources = getattr(self.steps, kind, Resources())
        values = {name: getattr(self, name) for name in Resources.model_fields}
        return Resources(**values | own.model_dump(exclude_unset=True))

    @property
    def code(self) -> list[str]:
        """Keys of the file that are code."""
        words = [name for name in ("python", "prelude", "through") if getattr(self, name)]
        every = (self, *(getattr(self.steps, name) for name in StepsOfSite.model_fields))
        return words + ["options"] * any(each.options for each in every)


def read_site(hub: Hub) -> Site:
    """Read a hub's; one that says nothing where there is none.

    Raises
    ------
    JobError
        It is no such file; one line names the line and the key.
    """
    path = hub.site()
    try:
        text = read_text(path, max_bytes=_MAX_BYTES)
        return Site.model_validate(load_toml(text))
    except FileNotFoundError:
        return Site()
    except ValidationError as error:
        raise JobError(first_problem(path, text, error, Site)) from None
    except (OSError, ValueError) as error:
        raise JobError(f"{path}: cannot be read: {why_unreadable(error)}") from None


def require_site_allowed(hub: Hub, site: Site, *, allowed: bool) -> None:
    """Raise JobError where the file holds code that nobody said was read."""
    if site.code and not allowed:
        names = ", ".join(site.code)
        raise JobError(f"{hub.site()}: {names} would be run by the jobs: read it, then add --allow-commands")

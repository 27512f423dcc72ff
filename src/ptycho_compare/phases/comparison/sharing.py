"""How shards share out the segments of a comparison's streams: by turns, whatever there is of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.errors import InputError
from ptycho_compare.hub import JobFiles
from ptycho_compare.hub.job_files import MOST_SHARDS
from ptycho_compare.jobs.claim import Claim, living_claim
from ptycho_compare.jobs.record import read_done, read_launch


@dataclass(frozen=True)
class Shard:
    """One of the shards of a comparison.

    Attributes
    ----------
    number, count : int
        From 1, and how many there are.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``I/K``; InputError where that is none."""
        found = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", text, re.ASCII)
        shard = cls(int(found[1]), int(found[2])) if found else None
        if shard is None or not shard.number <= shard.count <= MOST_SHARDS:
            raise InputError(
                f"{text!r:.40}: no shard; needed: I/K, the I-th of K, 1/K to K/K, K at most {MOST_SHARDS}"
            )
        return shard

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def takes(self, segment: int) -> bool:
        """Say if the segment of that number, from 0, is one of its own."""
        return segment % self.count == self.number - 1

    def job(self, files: JobFiles) -> JobFiles:
        """Records of the attempts at it, by those of the comparison."""
        return files.shard(self.number, self.count)

    def log(self, files: JobFiles) -> Path:
        """Its debug log, beside these records."""
        return self.job(files).folder / "debug.log"

    def output(self, files: JobFiles) -> Path:
        """What its command said, where it runs under a supervisor."""
        return self.job(files).folder / "output.log"


def shards_of(files: JobFiles) -> Iterator[Shard]:
    """Yield the shards of a comparison that were begun or submitted."""
    for folder in sorted(files.shards.glob("*-of-*")):
        with suppress(InputError):
            yield Shard.parse(folder.name.replace("-of-", "/"))


def shards_at_work(files: JobFiles) -> Iterator[tuple[Shard, Claim]]:
    """Yield the shards of a comparison at which processes work now."""
    for shard in shards_of(files):
        claim = living_claim(shard.job(files).claim)
        if claim is not None:
            yield shard, claim


def failed_shards(files: JobFiles) -> Iterator[tuple[Shard, str]]:
    """Yield the shards of a comparison that came to no good end, and how: nobody works at them."""
    for shard in shards_of(files):
        job = shard.job(files)
        launch, done = read_launch(job), read_done(job)
        if launch is None or living_claim(job.claim) is not None:
            continue
        if done is None:
            yield shard, f"died without a record of its end ({launch.host}, pid {launch.pid})"
        elif done.returncode:
            yield shard, f"ended with exit status {done.returncode} ({done.host}): {done.last_line}"

"""Names of the files inside the folder of one job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MOST_SHARDS = 1000
"""Of a comparison; an array of a batch system holds no more as a rule."""


@dataclass(frozen=True)
class JobFiles:
    """File names inside the folder of one job; `jobs` says what stands in them."""

    folder: Path

    @property
    def claim(self) -> Path:
        """Which process works at the job; its time of change is the heartbeat."""
        return self.folder / "claim.json"

    @property
    def launch(self) -> Path:
        """How the newest attempt was started."""
        return self.folder / "launch.json"

    @property
    def states(self) -> Path:
        """Every attempt's progress, a line per event; only ever appended to."""
        return self.folder / "states.jsonl"

    @property
    def done(self) -> Path:
        """How an attempt ended; written last: without it the attempt died."""
        return self.folder / "done.json"

    @property
    def ticket(self) -> Path:
        """As what it stands in the queue of a batch system."""
        return self.folder / "ticket.json"

    @property
    def script(self) -> Path:
        """What a batch system runs."""
        return self.folder / "job.sh"

    @property
    def batch_log(self) -> Path:
        """What that script says, beginning after beginning."""
        return self.folder / "batch.log"

    @property
    def stop(self) -> Path:
        """Its existence asks the running attempt to stop."""
        return self.folder / "stop"

    @property
    def checkpoints(self) -> Path:
        """What an attempt has computed and the next one goes on from."""
        return self.folder / "checkpoints"

    @property
    def set_aside(self) -> Path:
        """What could not be used, with the reason."""
        return self.folder / "set_aside"

    @property
    def shards(self) -> Path:
        """What shards of a comparison have computed: a folder for each stream, and the shards' own jobs."""
        return self.folder / "shards"

    @property
    def shards_script(self) -> Path:
        """What a batch system runs for each of them."""
        return self.shards / self.script.name

    def shard(self, number: int | str, count: int) -> JobFiles:
        """Records of the attempts at one of so many shards; no arm's name begins with a digit."""
        return JobFiles(self.shards / f"{number}-of-{count}")

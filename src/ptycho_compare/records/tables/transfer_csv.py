"""``study_transfer.csv``: scores of networks by the data that they were trained on and were tested on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ptycho_compare.records.study_transfer import Transfer
from ptycho_compare.records.tables.csv_cells import table_text

_COLUMNS = ("differs", "metric", "component", "mean", "sd", "networks", "low", "high")


def transfer_csv(found: Sequence[Transfer]) -> str:
    """Return the text of ``study_transfer.csv``; empty where no network saw data of another place."""
    if not found:
        return ""
    trained, tested = ([*dict.fromkeys(names)] for names in _names(found))
    heads = ("network", *(f"trained_{name}" for name in trained), *(f"tested_{name}" for name in tested))
    return table_text((*heads, *_COLUMNS), _lines(found, trained, tested))


def _names(found: Iterable[Transfer]) -> tuple[list[str], list[str]]:
    held = list(found)
    return [name for each in held for name in each.trained], [name for each in held for name in each.tested]


def _lines(
    found: Iterable[Transfer], trained: Sequence[str], tested: Sequence[str]
) -> Iterator[tuple[object, ...]]:
    for each in found:
        spread = each.over_trials
        yield (
            each.network,
            *(each.trained.get(name) for name in trained),
            *(each.tested.get(name) for name in tested),
            " ".join(each.differs) or "nothing",
            *(each.score.metric, each.score.component, spread.mean, spread.sd, spread.count),
            *(spread.interval or (None, None)),
        )

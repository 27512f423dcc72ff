"""Networks on other data than they were trained on: another dose, another view, another level of a factor.

Which network an arm ran, and on which data that was trained, follows from digests: that of the comparison's
manifest is that of phase E's list, whatever the arm is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ptycho_compare.errors import ReportError
from ptycho_compare.hub import Hub, Level
from ptycho_compare.records.compared import Compared
from ptycho_compare.records.deciding import Deciding
from ptycho_compare.records.study_conditions import SHOWN, levels_text
from ptycho_compare.records.training_list import TrainingEntry, read_training_list, training_list
from ptycho_compare.records.trials import Spread, spread_of
from ptycho_compare.study import BASELINE, PTYCHOPINN
from ptycho_compare.study.factors import is_trial
from ptycho_compare.study.steps import BASELINE_NETWORK, TRAIN_SPLIT

_PLACE = ("dose", "view", "split")
_Key = tuple[str, tuple[tuple[str, Level], ...], tuple[tuple[str, Level], ...], Deciding]


@dataclass(frozen=True)
class Transfer:
    """A score of networks that were trained on one data set, on another or their own.

    Attributes
    ----------
    network : str
        The arm that it was trained for.
    trained : dict
        Dose and, of a network of groups, view that it was trained on, and levels of factors of its training.
    tested : dict
        ``dose``, ``view`` and ``split`` that it reconstructed.
    differs : tuple of str
        In what the two differ; empty where these are the images that it was trained on.
    over_trials : Spread
        Over all networks of that kind.
    """

    network: str
    trained: dict[str, Level]
    tested: dict[str, Level]
    differs: tuple[str, ...]
    score: Deciding
    over_trials: Spread

    @property
    def trained_text(self) -> str:
        """The network as a person says it."""
        return f"{self.network}, {levels_text(self.trained)}"

    @property
    def tested_text(self) -> str:
        """The data as a person says them."""
        return levels_text(self.tested)


def transfers_of(hub: Hub, compared: Iterable[Compared], *, level: float) -> list[Transfer]:
    """Put scores by training data and test data; empty where no network saw data of another place."""
    trained = _networks(hub)
    found: dict[_Key, dict[str, float]] = {}
    for each in compared:
        for row in each.rows:
            digest = each.inputs.get(row.model, "")
            entry = trained.get(digest)
            if entry is None:
                continue
            network = BASELINE if entry.view == BASELINE_NETWORK else PTYCHOPINN
            tested = tuple((name, each.levels[name]) for name in _PLACE)
            for score in SHOWN:
                if (number := score.number_in(row)) is not None:
                    key = (network, tuple(_levels(entry).items()), tested, score)
                    # one network on one data set is one number, however many arms and cells have it
                    found.setdefault(key, {}).setdefault(digest, number)
    made = [
        Transfer(
            network,
            dict(of),
            dict(on),
            _differs(dict(of), dict(on)),
            score,
            spread_of(list(numbers.values()), level=level),
        )
        for (network, of, on, score), numbers in found.items()
    ]
    return made if any({*each.differs} - {"split"} for each in made) else []


def matrix_score(found: Iterable[Transfer]) -> Deciding | None:
    """The first score that is shown of which most pairs of data have a number."""
    counts = dict.fromkeys(SHOWN, 0)
    for each in found:
        counts[each.score] += 1
    return max(counts, key=lambda score: counts[score]) if any(counts.values()) else None


def _networks(hub: Hub) -> Mapping[str, TrainingEntry]:
    """Trainings by the digest of their bundle; one that is given has none."""
    try:
        listed = read_training_list(hub).jobs if training_list(hub).is_file() else []
    except ReportError:
        return {}  # which the check of phase E says
    return {each.result.bundle_sha256: each for each in listed if each.result.bundle_sha256}


def _levels(entry: TrainingEntry) -> dict[str, Level]:
    view: dict[str, Level] = {} if entry.view == BASELINE_NETWORK else {"view": entry.view}
    own = {name: level for name, level in entry.in_cell if not is_trial(name)}
    return {"dose": entry.dose, **view, **own}


def _differs(trained: Mapping[str, Level], tested: Mapping[str, Level]) -> tuple[str, ...]:
    names = [name for name in _PLACE[:2] if name in trained and trained[name] != tested[name]]
    return (*names, *(["split"] if tested["split"] != TRAIN_SPLIT else []))

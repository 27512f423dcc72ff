"""The settings of one layer, read key by key: known, of the right kind, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Shape = tuple[int, int, int]  # rows, columns, channels

MAX_SIDE = 4096  # px
MAX_CHANNELS = 8192
ACTIVATIONS = frozenset(
    {"linear", "relu", "sigmoid", "tanh", "softplus", "swish", "silu", "elu", "selu", "gelu", "leaky_relu"}
)
# without influence on a trained network's output
_IGNORED = frozenset(
    {
        *("name", "trainable", "build_config", "seed", "synchronized", "momentum", "renorm_momentum"),
        *("kernel_initializer", "bias_initializer", "beta_initializer", "gamma_initializer"),
        *("moving_mean_initializer", "moving_variance_initializer"),
        *(
            "kernel_regularizer",
            "bias_regularizer",
            "activity_regularizer",
            "beta_regularizer",
            "gamma_regularizer",
        ),
        *("kernel_constraint", "bias_constraint", "beta_constraint", "gamma_constraint"),
    }
)


class SettingError(ValueError):
    """A setting that is unknown or out of bounds; the caller adds file and layer."""


@dataclass(frozen=True)
class Yield:
    """Checked settings, the shape that comes out, and the weights that go in."""

    shape: Shape
    settings: Mapping[str, Any] = field(default_factory=dict)
    weights: tuple[tuple[int, ...], ...] = ()


class Settings:
    """One layer's settings; `done` refuses those that were not asked for."""

    def __init__(self, raw: Any, *, dtype: str = "float32") -> None:
        if not isinstance(raw, dict):
            raise SettingError("its settings are no mapping")
        self._raw = dict(raw)
        found = self._raw.pop("dtype", dtype)
        if isinstance(found, dict):  # {"class_name": "DTypePolicy", "config": {"name": "float32"}}
            settings = found.get("config")
            found = settings.get("name") if isinstance(settings, dict) else None
        if found != dtype:
            raise SettingError(f"computes in {found}; needed: {dtype}")

    def take(self, key: str, default: Any = None) -> Any:
        """A setting as it stands."""
        return self._raw.pop(key, default)

    def integer(self, key: str, low: int, high: int) -> int:
        """A whole number within bounds."""
        value = self._raw.pop(key, None)
        return bounded(value, key, low, high)

    def pair(self, key: str, low: int, high: int, default: Any = None) -> tuple[int, int]:
        """One number for each image axis."""
        value = self._raw.pop(key, None)
        value = default if value is None else value
        items = value if isinstance(value, list | tuple) else [value, value]
        if len(items) != 2:
            raise SettingError(f"{key} is {value!r}; needed: two whole numbers")
        return bounded(items[0], key, low, high), bounded(items[1], key, low, high)

    def number(self, key: str, default: float) -> float:
        """A finite number."""
        value = self._raw.pop(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e6:
            raise SettingError(f"{key} is {value!r}; needed: a number")
        return float(value)

    def choice(self, key: str, allowed: frozenset[Any] | set[Any], default: Any = None) -> Any:
        """One of a few values."""
        value = self._raw.pop(key, default)
        if not isinstance(value, str | bool) or value not in allowed:
            raise SettingError(f"{key} is {value!r}; known: {', '.join(sorted(map(str, allowed)))}")
        return value

    def done(self) -> None:
        """Refuse settings that were not asked for, unless empty."""
        left = [key for key, value in self._raw.items() if key not in _IGNORED and value not in (None, False)]
        if left:
            raise SettingError(f"setting '{left[0]}' is not known")


def bounded(value: Any, key: str, low: int, high: int) -> int:
    """Return `value` if it is a whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SettingError(f"{key} is {str(value)[:40]}; accepted: {low} to {high}")
    return value


def one_input(inputs: list[Shape]) -> Shape:
    """Return the shape of the only input."""
    if len(inputs) != 1:
        raise SettingError(f"takes {len(inputs)} inputs; needed: one")
    return inputs[0]


Rule = Callable[[Any, list[Shape], list[Any]], Yield]

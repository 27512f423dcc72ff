"""Jobs without networks, for tests of what happens around them: stops, saves, sessions, gates.

Loading ONNX Runtime and two networks and running them takes half a second of a processor each time a job
starts, 1.6 where a tier goes image by image, and drawing takes three. In processes that tests start for a
hub that `hubs.light` has marked, patches are simple functions of the images (the same in every batch, and
zero where all weights are), and figures have one pixel. Bundles are read and checked as ever. Tests of
networks and of figures never see it; the fixture `undrawn` leaves out the figures of comparisons in the
process of the tests, and `sessions.UNDRAWN` those of the jobs of a session.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any


@dataclass
class Arithmetic:
    """See `Predictor`."""

    patch_px: int
    group_size: int
    batch_rows: int
    fault: str
    alive: bool
    call_s: float
    device: str = "cpu"
    separate: bool = False

    def predict(self, diffraction: Any, local_offsets: Any) -> Any:
        """Amplitude and phase follow the images; only exact operations, so that no batch changes a bit."""
        import numpy as np

        time.sleep(self.call_s)  # as a network takes, but not of the processor
        image = diffraction[..., 0]
        for member in range(1, self.group_size):
            image = image + diffraction[..., member]
        image = np.sqrt(np.sqrt(image / image.max(axis=(1, 2), keepdims=True)))
        amplitude, slope = 0.5 + 0.4 * image, 0.5 - 0.5 * image
        turned = (1 - slope * slope + 2j * slope) / (1 + slope * slope)
        return (self.alive * amplitude * turned).astype(np.complex64)

    def warm_up(self) -> float:
        return 0.0


def _loading(module: Any, pauses: dict[str, float]) -> Callable[..., Arithmetic]:
    def load_predictor(model: Any, *, batch_rows: int, **_: Any) -> Arithmetic:
        time.sleep(pauses.pop("load_s", 0.0))  # once in a process, as a framework
        now, _, weights = module.read_model(model.path, with_weights=True)
        alive = any(array.any() for arrays in weights.values() for array in arrays)
        fault = module.fault_of(weights)
        return Arithmetic(now.patch_px, now.group_size, batch_rows, fault, alive, pauses.get("call_s", 0.0))

    return load_predictor


def _predictors(module: Any) -> None:
    module.load_predictor = _loading(module, json.loads(os.environ["PTYCHO_TEST_LIGHT"]))


def compare_here(patch: Any) -> None:
    """Let comparisons in the process of the tests do without networks in light hubs, as their jobs do."""
    from ptycho_compare.models import predictor
    from ptycho_compare.phases.comparison import network

    light, load = _loading(predictor, {}), network.load_predictor

    def of_its_kind(model: Any, **how: Any) -> Any:
        chosen = light if _is_light(model.path) else load
        return chosen(model, **how)

    patch.setattr(network, "load_predictor", of_its_kind)


def _is_light(path: Path) -> bool:
    """Whether a file lies in a light hub."""
    from processes import LIGHT

    studies = (folder / "study.toml" for folder in path.parents)
    return any(LIGHT in study.read_text() for study in studies if study.is_file())


def judge_here(patch: Any) -> None:
    """Let judges in the process of the tests compute a light hub's evidence again as its jobs computed it."""
    from ptycho_compare.models import predictor
    from ptycho_compare.phases.comparison import made_again, recompute

    light, load, drawn_alike = _loading(predictor, {}), recompute.load_predictor, made_again.drawn_alike

    def of_its_kind(model: Any, **how: Any) -> Any:
        chosen = light if _is_light(model.path) else load
        return chosen(model, **how)

    def truly_drawn(manifest: Any) -> bool:
        return not _is_light(Path(manifest.inputs["test_data"].path)) and drawn_alike(manifest)

    patch.setattr(recompute, "load_predictor", of_its_kind)
    patch.setattr(made_again, "drawn_alike", truly_drawn)


_DRAWN_BY = {"side_by_side": "plot_comparison", "frc": "plot_frc", "residual": "plot_residuals"}
FIGURES = tuple(_DRAWN_BY.values())


def draw_a_pixel(path: Path, *_: Any, **__: Any) -> None:
    """Write a figure of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header, pixel = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0), zlib.compress(b"\0\0")
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def _figure(module: Any) -> None:
    setattr(module, _DRAWN_BY[module.__name__.rpartition(".")[2]], draw_a_pixel)


_FIGURES: Mapping[str, Callable[[Any], None]] = {
    f"ptycho_compare.reporting.figures.{name}": _figure for name in _DRAWN_BY
}


def install(*, networks: bool) -> None:
    """Change the modules of figures when they are imported, and that of networks, unless these are run."""
    light = {} if networks else {"ptycho_compare.models.predictor": _predictors}
    sys.meta_path.insert(0, _Finder({**_FIGURES, **light}))


class _Finder(MetaPathFinder):
    def __init__(self, changed: Mapping[str, Callable[[Any], None]]) -> None:
        self._changed = changed

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self._changed:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._changed[name])
        return spec


class _Loader(Loader):
    def __init__(self, plain: Loader, change: Callable[[Any], None]) -> None:
        self._plain, self._change = plain, change

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._plain.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._plain.exec_module(module)
        self._change(module)

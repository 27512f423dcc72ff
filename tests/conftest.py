"""What all tests share: the reference data, when it is there."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import untraced
from later import LOADED
from ptycho_compare.hub import Hub
from sharing import shared

if TYPE_CHECKING:
    from ptycho_compare.models.bundle import ModelFile
    from ptycho_compare.models.predictor import Predictor
    from ptycho_compare.study import EngineName

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT.parent / "shared" / "reference"
FRAMEWORKS = (
    *("gpu", "models/engines", "models/test_device", "models/test_layers", "models/test_node_operations"),
    *("models/test_predictor", "models/training", "oracles", "phases/train", "resume/test_memory"),
)
"""Where TensorFlow or torch is loaded into the process of the tests."""
_QUEUE = ROOT / "tests" / "slurm"
_PLACES = tuple((ROOT / "tests" / place).as_posix() for place in FRAMEWORKS)


def pytest_configure(config: pytest.Config) -> None:
    """Set up what the tests run in.

    Who judges a hub from this folder may have this file loaded too (see the conftest.py above):
    nothing may come of that, so what takes long to load is loaded by who needs it.
    """
    if not config.rootpath.samefile(ROOT):
        return
    if sys.gettrace() is not None:
        untraced.install()
    # the tests run beside others on few cores: one thread each
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # helpers load TensorFlow before `models` says so
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # the same on every machine; tests/gpu shows what holds there
    os.environ.pop("PTYCHO_HUB", None)

    from hypothesis import settings
    from hypothesis.internal.conjecture import providers

    from thorough import THOROUGH

    # the same examples each time, so that a red run can be repeated; machines are shared, so no deadline
    number = 100 if THOROUGH else 20
    settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=number)
    settings.load_profile("repeatable")
    # Hypothesis also tries numbers that stand in the modules loaded so far, and which those are depends on
    # the tests that ran before in the same worker: without them a test tries the same alone, here and in CI
    providers.HypothesisProvider._local_constants = providers.Constants()  # type: ignore[assignment]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have `make slow` try properties once more, on all of their examples; tests of frameworks come last.

    A process that holds a framework takes five times as long to fork; HDF5 is surveyed in forks. Tests of a
    queue come first: they mostly wait, one worker has all of them, and the others have work meanwhile.
    """
    from thorough import THOROUGH

    items.sort(
        key=lambda item: (not item.path.is_relative_to(_QUEUE), item.path.as_posix().startswith(_PLACES))
    )
    for item in items:
        if THOROUGH and getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which frameworks collecting loaded: it should be none, see `later`.

    Tests and modules stay to the end: garbage is from here on looked for among what tests make.
    """
    session.config.stash[LOADED] = sorted({"keras", "tensorflow", "torch"} & {*sys.modules})
    if session.config.rootpath.samefile(ROOT):
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of the real inputs; tests that need it are skipped where it is absent."""
    if not REFERENCE.is_dir():
        pytest.skip(f"the reference data are not here: {REFERENCE}")
    return REFERENCE


@pytest.fixture
def reference_hub(reference: Path, tmp_path: Path) -> Path:
    """A writable copy of the reference hub."""
    hub = tmp_path / "hub"
    shutil.copytree(reference / "hub", hub)
    for path in [hub, *hub.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    return hub


@pytest.fixture(scope="session")
def small_hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with small networks that no test may damage (`hub` is the plugin's own fixture)."""
    from hubs import make_hub

    return make_hub(tmp_path_factory.mktemp("study") / "hub")


@pytest.fixture(scope="session")
def quick_hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub whose study compares no network: a comparison takes a second; no test may damage it."""
    from hubs import make_quick_hub

    return make_quick_hub(tmp_path_factory.mktemp("quick") / "hub")


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave whom a test starts out of coverage, which doubles what it takes: others run the same code."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give comparisons of this process figures of one pixel, for tests that do not look at them."""
    _undraw(monkeypatch)


@pytest.fixture(scope="module")
def undrawn_throughout() -> Iterator[None]:
    """The same for a whole module, its fixtures too."""
    with pytest.MonkeyPatch.context() as patch:
        _undraw(patch)
        yield


def _undraw(monkeypatch: pytest.MonkeyPatch) -> None:
    from light import FIGURES, draw_a_pixel
    from ptycho_compare.phases.comparison import made_again, publish

    for name in FIGURES:
        monkeypatch.setattr(publish, name, draw_a_pixel)
    monkeypatch.setattr(made_again, "drawn_alike", lambda _: False)  # evidence may have true figures


@pytest.fixture
def unmeasured_here() -> Iterator[None]:
    """Leave what a test runs in this process out of coverage, which doubles what pure Python takes.

    For many tests of one way through the code, which another test goes measured.
    """
    now = sys.modules["coverage"].Coverage.current() if "coverage" in sys.modules else None
    if now is None:
        yield
        return
    now.stop()
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that our modules are loaded already
        now.start()


@pytest.fixture
def unplotted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give `ptycho-hub study` in this process figures of one pixel, for tests that do not look at them."""
    from importlib import import_module

    from light import draw_a_pixel

    def save_both(png: Path, pdf: Path, figure: object, **_: object) -> list[Path]:
        if figure is None:
            return []
        draw_a_pixel(png)
        pdf.write_bytes(b"%PDF-1.4")
        return [png, pdf]

    for name in ("study_costs", "study_curves", "study_losses", "study_transfer", "stitched"):
        monkeypatch.setattr(import_module(f"ptycho_compare.reporting.figures.{name}"), "save_both", save_both)


_BUILT: dict[tuple[str, int, str, str], Predictor] = {}


@pytest.fixture
def built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let comparisons of this process run a network that one before has built from the same file.

    For tests that do not look at how one is built. It is no other network: its weights do not change.
    """
    from ptycho_compare.models.predictor import load_predictor
    from ptycho_compare.phases.comparison import network, recompute

    def load(model: ModelFile, *, batch_rows: int, engine: EngineName, used: slice) -> Predictor:
        key = model.sha256, batch_rows, engine, str(used)
        if key not in _BUILT:
            _BUILT[key] = load_predictor(model, batch_rows=batch_rows, engine=engine, used=used)
        return _BUILT[key]

    for place in (network, recompute):
        monkeypatch.setattr(place, "load_predictor", load)


@pytest.fixture
def own_hub(small_hub: Path, tmp_path: Path) -> Path:
    """A copy of the small hub that a test may damage."""
    return Path(shutil.copytree(small_hub, tmp_path / "own"))


@pytest.fixture(scope="session")
def quick_compared_hub(quick_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hub without networks with its debug tier computed, to be adopted elsewhere."""
    from ptycho_compare.cli.ptycho_hub import main

    with pytest.MonkeyPatch.context() as patch:
        _undraw(patch)
        return _debugged(
            quick_hub, tmp_path_factory, "quick_compared", lambda words: not any(map(main, words))
        )


@pytest.fixture(scope="session")
def compared_hub(small_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with its debug tier computed, to be adopted elsewhere; no test may damage it either.

    Made by a process of its own: whichever test comes first may have changed what is drawn, or run, in ours.
    """
    from processes import run

    def compare(commands: list[list[str]]) -> bool:
        code = "import sys; from ptycho_compare.cli.ptycho_hub import main; sys.exit(any(map(main, {!r})))"
        done = run((sys.executable, "-c", code.format(commands)), small_hub)
        print(done.stdout, done.stderr)
        return done.returncode == 0

    return _debugged(small_hub, tmp_path_factory, "compared", compare)


def _debugged(
    plain: Path, factory: pytest.TempPathFactory, name: str, succeed: Callable[[list[list[str]]], bool]
) -> Path:
    from hubs import DOSE, SPLITS

    def make(hub: Path) -> None:
        shutil.copytree(plain, hub)
        ids = [f"dose_{DOSE}-dense-{split}-debug" for split in SPLITS]
        assert succeed([["compare", each, "--hub", str(hub)] for each in ids])

    return shared(factory, name, make)


@pytest.fixture
def light_hub(small_hub: Path, tmp_path: Path) -> Path:
    """The same, its jobs without frameworks: for tests that look at sessions and not at networks."""
    from hubs import light

    return light(Path(shutil.copytree(small_hub, tmp_path / "light")))


@pytest.fixture(scope="session")
def slow_hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A light hub whose full tier goes image by image, which takes seconds; no test may damage it."""
    from hubs import SLOW_COUNT, light, make_hub

    def make(hub: Path) -> None:
        study = light(make_hub(hub, count=SLOW_COUNT), load_s=1.5, call_s=0.01) / "study.toml"
        full = study.read_text().replace("chunk = 32\nbatch = 8\n", "chunk = 5\nbatch = 1\n")
        study.write_text(full)

    return shared(tmp_path_factory, "slow", make)


@pytest.fixture(scope="session")
def run_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub in which the seven conditions are met, phases E and F by a lab's own commands; see `lab_runs`."""
    from lab_runs import make_finished_hub
    from light import judge_here

    with pytest.MonkeyPatch.context() as patch:
        judge_here(patch)
        yield Hub(shared(tmp_path_factory, "lab", make_finished_hub) / "hub")


@pytest.fixture
def own(run_hub: Hub, tmp_path: Path) -> Hub:
    """A copy of it that a test may damage. Paths in records are relative, but commands name the hub."""
    return Hub(Path(shutil.copytree(run_hub.root, tmp_path / "own")))


@pytest.fixture(scope="session")
def star(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with reconstructions of the real Siemens star: all, even and odd images."""
    from star import STAR_SCAN, reconstruct_star

    return shared(tmp_path_factory, "star", lambda folder: reconstruct_star(reference / STAR_SCAN, folder))

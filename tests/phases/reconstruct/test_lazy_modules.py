"""What is loaded lazily is loaded by who uses it, and is the true one for whoever comes later."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from ptycho_compare.phases.reconstruct.lazy_modules import (
    COMPILER,
    LazyModule,
    load_compiler_lazily,
    loading_lazily,
)

NAMES = ("big_library", "big_library.part")


@pytest.fixture(autouse=True)
def not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is loaded here is gone afterwards."""
    for name in (*NAMES, COMPILER):
        monkeypatch.setitem(sys.modules, name, sys)
        del sys.modules[name]


@pytest.fixture(autouse=True)
def big_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with a part."""
    folder = tmp_path / NAMES[0]
    folder.mkdir()
    (folder / "__init__.py").write_text("SIZE = 7\n")
    (folder / "part.py").write_text("def work(): return 'done'\n")
    monkeypatch.syspath_prepend(tmp_path)


def imported_within() -> tuple[object, object]:
    """The package and its part, as a module sees them that imports both."""
    seen: dict[str, object] = {}
    with loading_lazily(*NAMES):
        exec("import big_library.part; import big_library.part as part", seen)
    return seen["big_library"], seen["part"]


def test_what_nobody_uses_is_not_loaded_and_leaves_no_trace() -> None:
    package, part = imported_within()
    assert (type(package), type(part)) == (LazyModule, LazyModule)
    assert not {*NAMES} & {*sys.modules}


def test_what_is_used_is_the_true_one() -> None:
    package, part = imported_within()
    assert package.part.work() == part.work() == "done"  # type: ignore[attr-defined]
    assert package.SIZE == 7  # type: ignore[attr-defined]
    assert sys.modules["big_library.part"] is importlib.import_module("big_library.part") is not part
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        part.other  # type: ignore[attr-defined]  # noqa: B018


def test_it_can_be_used_while_others_load() -> None:
    with loading_lazily(*NAMES):
        assert importlib.import_module(NAMES[0]).SIZE == 7
        true = sys.modules[NAMES[0]]
    assert sys.modules[NAMES[0]] is true is importlib.import_module(NAMES[0])


def test_what_is_loaded_already_stays() -> None:
    true = importlib.import_module(NAMES[0])
    assert imported_within()[0] is true
    assert sys.modules[NAMES[0]] is true


def test_the_compiler_is_told_in_vain_to_leave_functions_alone() -> None:
    load_compiler_lazily()
    compiler = sys.modules[COMPILER]
    assert compiler.disable(abs, recursive=True) is abs
    assert compiler.disable()(abs) is abs
    assert compiler.graph_break() is None
    assert sys.modules[COMPILER] is compiler


@pytest.mark.slow
def test_torch_does_without_its_compiler_until_it_is_asked_for() -> None:
    pytest.importorskip("torch")
    script = """
import sys, torch
from ptycho_compare.phases.reconstruct.lazy_modules import COMPILER, load_compiler_lazily
load_compiler_lazily()
weight = torch.nn.Parameter(torch.tensor([3.0]))
optimizer = torch.optim.Adam([weight], lr=0.1)
(weight ** 2).sum().backward()
optimizer.step()
assert abs(weight.item() - 2.9) < 1e-5, weight
assert "sympy" not in sys.modules
assert torch.compiler.disable(abs)(-1) == 1
assert torch._dynamo.config.__name__ == "torch._dynamo.config"
assert "sympy" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_compiler_that_is_loaded_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, COMPILER, sys)
    load_compiler_lazily()
    assert sys.modules[COMPILER] is sys

"""The house as docs/house.md draws it: floors, rooms, sizes, names, and who may load what."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from later import LOADED
from ptycho_compare.cli.ptycho_hub import COMMANDS_OF
from statements import statements_in

ROOT = Path(__file__).parents[1]
HOUSE = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
PACKAGES = {"ptycho_compare": ROOT / "src", "pytest_ptycho": ROOT}
SOURCES = sorted(path for name, base in PACKAGES.items() for path in (base / name).rglob("*.py"))

HOMES = {
    "pytest": "pytest_ptycho.",
    "tensorflow": "ptycho_compare.models.",
    "keras": "ptycho_compare.models.",
    "onnx": "ptycho_compare.models.",
    "onnxruntime": "ptycho_compare.models.engines.",
    "torch": "ptycho_compare.phases.reconstruct.",
    "torchvision": "ptycho_compare.phases.reconstruct.",
    "ptychi": "ptycho_compare.phases.reconstruct.",
    "matplotlib": "ptycho_compare.reporting.figures.",
}
"""The one room that may import a library."""
STATED = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
HEAVY = ("tensorflow", "keras", "onnx", "onnxruntime", "torch", "ptychi", "matplotlib")


def drawn_floors() -> list[list[str]]:
    """Rooms by floor, the highest first, from the drawing."""
    floors: list[list[str]] = []
    drawing = HOUSE.split("```")[1]
    for number, room in re.findall(r"^ {1,3}(\d\d?|  ) {2,4}(\w+) {2,}\S", drawing, flags=re.M):
        if number.strip():
            floors.append([])
        floors[-1].append(room)
    return floors


LEVEL = {room: level for level, rooms in enumerate(drawn_floors()) for room in rooms}


def module_name(path: Path) -> str:
    base = next(base for name, base in PACKAGES.items() if path.is_relative_to(base / name))
    return ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")


@cache
def stated_in(path: Path) -> tuple[ast.AST, ...]:
    """Imports, classes and functions anywhere in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return tuple(node for node in statements_in(tree) if isinstance(node, STATED))


MODULES = {module_name(path): path for path in SOURCES}


def room_of(module: str) -> str | None:
    package, *rest = module.split(".")
    if package == "pytest_ptycho":
        return package
    return rest[0] if package == "ptycho_compare" and rest else None


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Every name that is imported anywhere in a file, a module where it is one."""
    found = set()
    for node in stated_in(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
    return frozenset(found)


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for module, path in MODULES.items():
        for node in stated_in(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{module}.{node.name}", node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body and body[-1].end_lineno else 0


def test_every_room_stands_on_the_floor_that_the_page_draws() -> None:
    assert {room_of(module) for module in MODULES} - {None} == set(LEVEL)


def test_an_import_goes_down_only() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if (here := room_of(module)) in LEVEL
        for name in sorted(imports_of(path))
        if (room := room_of(name)) is not None and room != here and LEVEL[room] <= LEVEL[here]
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_ring() -> None:
    # a package that hands on the names of its own modules is no ring
    graph = {
        module: {name for name in imports_of(path) if name in MODULES and not module.startswith(f"{name}.")}
        for module, path in MODULES.items()
    }
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_a_library_is_imported_in_its_own_room_only() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        for name in sorted(imports_of(path))
        if (home := HOMES.get(name.split(".")[0])) is not None and not f"{module}.".startswith(home)
    ]
    assert wrong == []


def loaded_of(names: Sequence[str], starting: str) -> list[str]:
    """Which modules a process has that starts so."""
    code = f"import sys, {starting}; print(*[name for name in {tuple(names)} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.usefixtures("unmeasured")
def test_light_rooms_load_no_heavy_library() -> None:
    commands = ", ".join(f"ptycho_compare.cli.{name}" for name in COMMANDS_OF)
    assert loaded_of(HEAVY, f"pytest_ptycho.plugin, ptycho_compare.checks, {commands}") == []


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(
    ("starting", "spared"),
    [
        (
            "ptycho_compare.cli.gate",
            ("scipy.fft", "scipy.spatial", "scipy.special", "skimage.metrics", "rich"),
        ),
        (
            "ptycho_compare.cli.compare",
            (
                *("scipy.fft", "scipy.spatial", "skimage.metrics", "rich", "jinja2"),
                *(
                    "ptycho_compare.records.study_costs",
                    "ptycho_compare.reporting.study",
                    "ptycho_compare.jobs.site",
                ),
            ),
        ),
        (
            "ptycho_compare.cli.status",
            ("ptycho_compare.scoring.scorecard", "ptycho_compare.reconstruction.stream"),
        ),
        (
            "ptycho_compare.cli.run",
            ("ptycho_compare.checks.verification", "ptycho_compare.phases.comparison.compare"),
        ),
        ("ptycho_compare.cli.page", ("ptycho_compare.scoring", "ptycho_compare.reconstruction")),
        ("ptycho_compare.cli.ptycho_hub", ("numpy", "pydantic")),
        ("ptycho_compare.cli.take_inventory", ("numpy", "ptycho_compare.checks", "ptycho_compare.phases")),
        ("pytest_ptycho.plugin", ("psutil", "pydantic", "ptycho_compare.hub", "pytest_ptycho.judging")),
    ],
)
def test_what_starts_leaves_to_its_use_what_is_slow_to_load(starting: str, spared: tuple[str, ...]) -> None:
    assert loaded_of(spared, starting) == []


@pytest.mark.parametrize(
    "room",
    [
        "jobs",
        "models.own",
        "reconstruction",
        "records",
        "reporting.figures",
        "scan",
        "scoring",
        "untrusted.onnx",
    ],
)
def test_a_large_room_hands_on_no_names(room: str) -> None:
    assert imports_of(MODULES[f"ptycho_compare.{room}"]) == frozenset()


def test_collecting_these_tests_loads_no_framework(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.stash[LOADED] == []


def test_no_two_classes_share_a_name() -> None:
    classes = Counter(
        node.name for path in SOURCES for node in stated_in(path) if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in classes.items() if count > 1] == []


def test_no_base_name_is_used_by_more_than_two_modules() -> None:
    names = Counter(path.stem for path in SOURCES if path.name != "__init__.py")
    assert [name for name, count in names.items() if count > 2] == []


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in MODULES.items()}
    assert {module: length for module, length in lengths.items() if length > 400} == {}


def test_no_function_body_is_longer_than_50_lines() -> None:
    assert {name: n for name, node in functions() if (n := body_lines(node)) > 50} == {}


def test_every_module_that_the_page_names_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)`", HOUSE)
    assert len(named) > 30
    places = (ROOT / "src" / "ptycho_compare", ROOT)
    assert [name for name in named if not any((place / name).is_file() for place in places)] == []

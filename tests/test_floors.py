"""The house: an import goes down only, never up, never between neighbours on one floor."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = [
    {"pytest_ptycho", "cli"},
    {"gate"},
    {"phases"},
    {"checks"},
    {"reporting"},
    {"records", "reconstruction"},
    {"scoring", "scan", "models", "jobs"},
    {"study"},
    {"storage"},
    {"hub", "untrusted"},
    {"errors", "finding"},
]
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
HEAVY = ("tensorflow", "keras", "torch", "ptychi", "matplotlib")


def room_of(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] == "pytest_ptycho":
        return "pytest_ptycho"
    return parts[1] if parts[0] == "ptycho_compare" and len(parts) > 1 else None


def module_name(path: Path) -> str:
    base = ROOT / "src" if path.is_relative_to(ROOT / "src") else ROOT
    return ".".join(path.relative_to(base).with_suffix("").parts)


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "pytest_ptycho").rglob("*.py")])


def test_an_import_goes_down_only() -> None:
    wrong = [
        f"{module_name(path)} imports {name}"
        for path in SOURCES
        if (here := room_of(module_name(path))) in LEVEL
        for name in sorted(imports_of(path))
        if (room := room_of(name)) is not None and room != here and LEVEL[room] <= LEVEL[here]
    ]
    assert wrong == []


def test_every_room_stands_on_a_floor() -> None:
    rooms = {room_of(module_name(path)) for path in SOURCES} - {None, "__init__"}
    assert rooms == set(LEVEL)


def test_pytest_is_imported_by_the_plugin_only() -> None:
    users = {module_name(path) for path in SOURCES if "pytest" in imports_of(path)}
    assert {name.split(".")[0] for name in users} == {"pytest_ptycho"}


@pytest.mark.parametrize(
    "module", ["pytest_ptycho.plugin", "ptycho_compare.checks", "ptycho_compare.cli.ptycho_hub"]
)
def test_light_rooms_load_no_heavy_library(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

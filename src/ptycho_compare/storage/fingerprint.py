"""What a result rests on: inputs, settings, code and libraries. Equal fingerprints, equal results.

Checkpoints and finished evidence are used again only on an equal fingerprint; what differs is said
by name.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from ptycho_compare.storage.files import plain_json

NUMERIC_LIBRARIES = ("numpy", "scipy", "scikit-image", "tensorflow", "keras")
"""Those that a comparison's numbers depend on; figures and tables may be drawn by any version."""

OF_RECONSTRUCTOR = "reconstructor "
"""Before an arm's name, among versions: the package that declares what reconstructs it."""

_PACKAGE = "ptycho_compare"
_BESIDE_RESULTS = ("cli", "jobs", "checks")
"""Rooms that start, watch and judge: no number passes through them."""


@dataclass(frozen=True)
class Fingerprint:
    """What a result rests on.

    Attributes
    ----------
    inputs : dict
        Name to SHA-256 of the file.
    settings : dict
        Everything that was asked for, as JSON holds it.
    code : str
        Digest of this package's sources, as far as the result passes through them.
    versions : dict
        Of Python and the numeric libraries.
    """

    inputs: Mapping[str, str]
    settings: Mapping[str, Any]
    code: str
    versions: Mapping[str, str]

    @classmethod
    def here(
        cls,
        inputs: Mapping[str, str],
        settings: Mapping[str, Any],
        *,
        computed_by: str,
        libraries: Sequence[str] = NUMERIC_LIBRARIES,
        of_own: Mapping[str, str] | None = None,
    ) -> Fingerprint:
        """State the fingerprint of a result that this process would compute.

        Parameters
        ----------
        computed_by : str
            Full name of the module where the computation starts.
        libraries : sequence of str
            Distributions that its numbers depend on.
        of_own : mapping, optional
            More versions: of what a user declares, and no library of ours.
        """
        held = json.loads(json.dumps(dict(settings), default=plain_json))
        versions = versions_of(libraries) | dict(of_own or {})
        return cls(dict(inputs), held, code_digest(computed_by), versions)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Fingerprint:
        """Read what `to_json` gave; raises TypeError when something is missing."""
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """All attributes."""
        return asdict(self)

    @property
    def digest(self) -> str:
        """SHA-256 of all of it: equal fingerprints have equal ones."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    def differences(self, other: Fingerprint, *, made_elsewhere: bool = False) -> list[str]:
        """Say what differs in `other`, one phrase each; empty when both are one fingerprint.

        With `made_elsewhere`, only inputs and settings are looked at.
        """
        found = [*_differing("input", self.inputs, other.inputs, digest=True)]
        found += _differing("setting", _flat(self.settings), _flat(other.settings))
        if not made_elsewhere:
            found += _differing("version of", self.versions, other.versions)
            if self.code != other.code:
                found.append(f"code of this package was {self.code[:9]}, is {other.code[:9]}")
        return found


@cache
def code_digest(module: str) -> str:
    """SHA-256 over the sources that a result passes through: a module, and all of ours that it imports.

    Raises ModuleNotFoundError when there is no such module of ours: its digest would be that of nothing.
    """
    root = Path(__file__).parents[2]
    modules = _modules_in(root)
    if module.split(".")[0] == _PACKAGE and module not in modules:
        raise ModuleNotFoundError(f"{module}: there is no such module, and results rest on its code")
    total = hashlib.sha256()
    for path in sorted(_imported_by(module, modules)):
        total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def _imported_by(module: str, modules: Mapping[str, Path]) -> set[Path]:
    """Follow the imports of a module of this package, all the way down."""
    found: set[Path] = set()
    followed: set[str] = set()
    waiting = {module}
    while waiting:
        followed |= waiting
        new = {path for name in waiting for path in _sources_of(name, modules)} - found
        found |= new
        waiting = {name for path in new for name in _imports_in(path)} - followed
    return found


def _modules_in(root: Path) -> dict[str, Path]:
    """List the sources of this package, by the module that each is."""
    modules = {}
    for folder, _, names in os.walk(root / _PACKAGE):
        above = Path(folder).relative_to(root).as_posix().replace("/", ".")
        for name in names:
            if name.endswith(".py"):
                module = above if name == "__init__.py" else f"{above}.{name.removesuffix('.py')}"
                modules[module] = Path(folder, name)
    return modules


def _sources_of(module: str, modules: Mapping[str, Path]) -> set[Path]:
    """Return the files that importing a module executes: its own and those of the packages above it."""
    package, *names = module.split(".")
    if package != _PACKAGE or names[:1] in ([room] for room in _BESIDE_RESULTS):
        return set()
    above = (".".join([package, *names[:depth]]) for depth in range(len(names) + 1))
    return {modules[name] for name in above if name in modules}


# found in the text: to parse the sources takes a fifth of a second whenever a process starts. What only looks
# like an import, in a string, adds a source and loses none
_FROM = re.compile(rf"^[ \t]*from[ ]({_PACKAGE}[\w.]*)[ ]import[ ](\([^)]*\)|.*)", re.MULTILINE)
_IMPORT = re.compile(rf"^[ \t]*import[ ](.*{_PACKAGE}.*)", re.MULTILINE)
_NAME = re.compile(r"[\w.]+")
_FOR_TYPES_ALONE = re.compile(r"^if TYPE_CHECKING:\n(?:[ \t]+.*\n|\n)+", re.MULTILINE)


def _imports_in(path: Path) -> Iterator[str]:
    """Yield every module of this package that a source may import as it runs; a name may be one, too."""
    text = _FOR_TYPES_ALONE.sub("", path.read_text(encoding="utf-8"))
    for module, names in _FROM.findall(text):
        yield module
        yield from (f"{module}.{name}" for name in _NAME.findall(names))
    for names in _IMPORT.findall(text):
        yield from _NAME.findall(names)


def versions_of(libraries: Sequence[str]) -> dict[str, str]:
    """Versions of Python and of these distributions."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    return found | {name: version_of(name) for name in libraries}


@cache
def version_of(distribution: str) -> str:
    """Version of an installed distribution."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed as a distribution"


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{above}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def _differing(
    what: str, old: Mapping[str, Any], new: Mapping[str, Any], *, digest: bool = False
) -> Iterator[str]:
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name), new.get(name)
        if was != now:
            shown = [value[:9] if digest and isinstance(value, str) else value for value in (was, now)]
            yield f"{what} {name} was {shown[0]}, is {shown[1]}"

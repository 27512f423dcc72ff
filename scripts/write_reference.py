"""Write docs/reference.md from the code: ``python scripts/write_reference.py``. A test holds it to that."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ptycho_compare.hub import Artifacts, Hub, answer_files, files, job_files
from ptycho_compare.study import Study
from pytest_ptycho import fixtures, hookspec, plugin
from pytest_ptycho.marks import MEANINGS

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"
HEAD = """\
# Marks, fixtures, files, keys

Written by `python scripts/write_reference.py` from the code. Options are in [options.md](options.md), metrics
with formula and source in [scores.md](scores.md#rows-of-comparison_metricscsv).
"""
EXIT_STATUSES = """\
## Exit statuses

| | `pytest` | `ptycho-hub gate` | `compare_models`, other commands |
|---|---|---|---|
| 0 | everything is green | `ACCEPTED` | done; every arm is scored |
| 1 | a test failed or is blocked | `RED` | an arm or a check failed, and is named |
| 2 | interrupted, or a study with a mistake | bad input | bad arguments or input, said before any work |
| 3 | pytest's own internal error | `INCOMPLETE` | |
| 4 | a bad option, or a hub that is not there | | |
| 5 | no test was found; it says what to type | | |
| 75 | nothing failed, something is deferred: type it again | `DEFERRED` | stopped, with its work saved |
"""
MARKS_HEAD = """\
## Marks

Each tier of a study is a mark too. Each has a second name, with the prefix `ptycho_`, for a
suite that has a mark of that name ([own_tests.md](own_tests.md)).
"""
_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
_STANDS_FOR = {"dose": "D", "view": "V", "split": "S", "tier": "full", "stage": "STAGE", "arm": "ARM"}


def page() -> str:
    """Return the text of the page."""
    parts = [
        HEAD,
        EXIT_STATUSES,
        MARKS_HEAD,
        _table(("mark", ""), _marks()),
        "## Fixtures\n\nWhat tests of your own ask for, and what the acceptance tests do.\n",
        _table(("fixture", "gives"), _fixtures()),
        "## Hooks\n\n[extending.md](extending.md) has an example of each.\n",
        _table(("hook", ""), _hooks()),
        "## Keys of `study.toml`\n\n[hub_and_study.md](hub_and_study.md) says what they mean.\n",
        _table(("key", "values", "default"), _keys(Study)),
        "## Files of a hub\n\n`D` is a dose, `V` a view, `S` a split.\n",
        _table(("path", ""), _of_hub()),
        *_of_folders(),
    ]
    return "\n".join(parts)


def _marks() -> Iterator[tuple[str, ...]]:
    for name, text in MEANINGS.items():
        yield f"`{name}`", text


def _hooks() -> Iterator[tuple[str, ...]]:
    for name, hook in vars(hookspec).items():
        if name.startswith("pytest_"):
            yield f"`{name}({', '.join(inspect.signature(hook).parameters)})`", _sentence(hook)


def _fixtures() -> Iterator[tuple[str, ...]]:
    for name in plugin.__all__:
        found = getattr(fixtures, name, None)
        if found is not None:
            yield f"`{name}`", _sentence(found)


def _keys(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        inside = _model_in(field.annotation)
        keyed = get_origin(field.annotation) is dict
        if inside is not None:
            yield from _keys(inside, f"{before}{name}.{'NAME.' if keyed else ''}")
        else:
            yield f"`{before}{name}`", f"`{_values(field)}`", _default(field)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is dict:
        return _model_in(_bare(get_args(annotation)[1]))
    return None


def _bare(annotation: Any) -> Any:
    return _bare(get_args(annotation)[0]) if hasattr(annotation, "__metadata__") else annotation


def _values(field: FieldInfo) -> str:
    bounds = [str(each) for each in field.metadata if re.match(r"(Ge|Gt|Le|Lt)\(", str(each))]
    signs = {"Ge": "≥", "Gt": ">", "Le": "≤", "Lt": "<"}
    told = [re.sub(r"(\w+)\(\w+=(.+)\)", lambda it: f"{signs[it[1]]} {it[2]}", text) for text in bounds]
    return " ".join([_kind(field.annotation), *told])


def _kind(annotation: Any) -> str:
    annotation, inside = _bare(annotation), get_args(_bare(annotation))
    origin = get_origin(annotation)
    if origin is Literal:
        return " ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in inside)
    if origin in (Union, UnionType):
        return " or ".join(_kind(each) for each in inside if each is not NoneType)
    if origin is tuple:
        return f"list of {_kind(inside[0])}" if Ellipsis in inside else f"list of {len(inside)}"
    if origin is dict:
        return f"table of {_kind(inside[1])}"
    names = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}
    return names.get(getattr(annotation, "__name__", ""), str(annotation))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ("", {}, ()):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{', '.join(map(str, value)) if isinstance(value, tuple) else value}`"


def _of_hub() -> Iterator[tuple[str, ...]]:
    hub = Hub(Path("HUB"))
    for name, method in vars(Hub).items():
        if not inspect.isfunction(method):
            continue
        wanted = list(inspect.signature(method).parameters.values())[1:]
        if name.startswith("_") or name in ("relative", "overlap_view", "jobs", "doses", "exists"):
            continue
        given = {each.name: _stands_for(each.name) for each in wanted if each.default is each.empty}
        found = getattr(hub, name)(**given)
        path = found if isinstance(found, Path) else getattr(found, "folder", None)
        if path is not None:
            shown = hub.relative(path).replace("20000101T000000Z", "<UTC>").replace("2000-01-01", "<UTC>")
            yield f"`{shown}`", _sentence(method)


def _stands_for(name: str) -> Any:
    values = {"moment": _MOMENT, "passed": True}
    return values[name] if name in values else _STANDS_FOR.get(name, name.upper())


def _of_folders() -> Iterator[str]:
    for kind in (Artifacts, *_other_folders()):
        title = _sentence(kind).partition(";")[0].rstrip(".")
        yield f"### {title}\n"
        yield _table(("file", ""), _files_in(kind))


def _other_folders() -> list[type]:
    kinds = [
        kind
        for module in (files, job_files, answer_files)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if kind.__module__ == module.__name__
    ]
    return sorted((kind for kind in kinds if kind is not Artifacts), key=lambda kind: kind.__name__)


def _files_in(kind: Any) -> Iterator[tuple[str, ...]]:
    folder = kind(Path("X"))
    for name, member in vars(kind).items():
        if isinstance(member, property):
            path, about = getattr(folder, name), member.fget
        elif inspect.isfunction(member) and not name.startswith("_"):
            given = {each: _stands_for(each) for each in list(inspect.signature(member).parameters)[1:]}
            path, about = member(folder, **given), member
        else:
            continue
        path = getattr(path, "folder", path)
        yield f"`{path.relative_to('X').as_posix()}`", _sentence(about)


def _sentence(about: object) -> str:
    text = (inspect.getdoc(about) or "").partition("\n\n")[0]
    return " ".join(text.split()).replace("``", "`").replace("|", "/")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

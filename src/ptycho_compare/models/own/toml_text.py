"""A declaration as the text of its toml."""

from __future__ import annotations

import json
from typing import Any

from ptycho_compare.models.own.declaration import Declaration


def toml_of(said: Declaration, *, remark: str) -> str:
    """Write what differs from defaults, under a remark in one line."""
    held = said.model_dump(mode="json", exclude_defaults=True)
    sections = [
        "\n".join([f"[{name}]", *(f"{key} = {_value(value)}" for key, value in section.items())])
        for name, section in held.items()
    ]
    return "\n\n".join([f"# {remark}", *sections]) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    # a JSON string of printable characters is one of TOML
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)

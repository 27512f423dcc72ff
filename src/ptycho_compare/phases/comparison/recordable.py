"""What will stand in the manifest, tried before the first patch: no hour's work may fail at its last line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ptycho_compare.errors import InputError
from ptycho_compare.phases.comparison.arm import Setting
from ptycho_compare.phases.comparison.inputs import Inputs
from ptycho_compare.storage.files import plain_json, plain_values

MAX_BYTES = 1 << 20
"""Of a single entry; records are read whole by every judge."""


def require_recordable(setting: Setting, inputs: Inputs, *, command: Sequence[str]) -> None:
    """Refuse, by an InputError that names file and key, what no manifest can hold."""
    for where, value in _entries(setting, inputs, command):
        try:
            text = json.dumps(plain_values(value), allow_nan=False, default=plain_json)
        except (ValueError, TypeError, RecursionError) as error:
            raise InputError(f"{where}: cannot be recorded in the manifest ({error}); leave it out") from None
        if len(text) > MAX_BYTES:
            raise InputError(
                f"{where}: holds {len(text)} bytes, and the manifest takes {MAX_BYTES}; leave it out"
            )


def _entries(setting: Setting, inputs: Inputs, command: Sequence[str]) -> Iterator[tuple[str, Any]]:
    request = setting.request
    yield "the command line", list(command)
    yield from ((f"setting {key}", value) for key, value in request.settings().items())
    yield f"{request.test_data}: optics", asdict(setting.scan.optics)
    for model in inputs.networks.values():
        for key, value in model.parameters.items():
            yield f"{model.path}: parameter {key!r:.80}", value

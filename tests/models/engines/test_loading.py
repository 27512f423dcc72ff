"""What is light stays light: no framework is loaded before a network runs, and then TensorFlow by none."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hubs import DOSE, command_of
from processes import run
from ptycho_compare.hub import Hub

FRAMEWORKS = ("tensorflow", "keras", "torch", "onnxruntime", "onnx")
WATCHED = f"""
import json, sys
from pathlib import Path
from ptycho_compare.cli import compare_models, ptycho_hub
from ptycho_compare.models import predictor

commands, compared = json.loads(sys.argv[1])
seen = {{}}

def loaded():
    return [name for name in {FRAMEWORKS} if name in sys.modules]

plain = predictor.engine_named

def engine_named(name):
    seen.setdefault("before a network runs", loaded())
    return plain(name)

predictor.engine_named = engine_named
for words in commands:
    assert ptycho_hub.main(words) in (0, 1, 3)  # the gate: nothing was compared yet
    seen[words[0]] = loaded()
assert compare_models.main(compared) == 0
seen["after"] = loaded()
print(json.dumps(seen))
"""


def test_no_framework_is_loaded_until_a_network_runs_and_then_its_engine_alone(
    own_hub: Path, tmp_path: Path
) -> None:
    hub = Hub(own_hub)
    reconstruction, truth = hub.ptychi(DOSE, "dense", "train"), hub.split_data(DOSE, "dense", "train")
    commands = [
        ["gate", "--hub", str(own_hub)],
        ["status", "--hub", str(own_hub)],
        ["score", str(reconstruction), str(truth), "--bootstrap-draws", "0"],
    ]
    compared = command_of(
        own_hub, "train", tmp_path / "out", "--bootstrap-draws", "0", "--n-test-groups", "8"
    )
    done = run([sys.executable, "-c", WATCHED, json.dumps([commands, compared])], own_hub)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert set(seen) == {"gate", "status", "score", "before a network runs", "after"}
    assert set(seen.pop("after")) == {"onnxruntime", "onnx"}
    assert not any(seen.values()), seen

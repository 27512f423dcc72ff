"""What a property is tried on depends on nothing but the property."""

import importlib.util
import sys

from hypothesis import given
from hypothesis import strategies as st

from thorough import examples


def examples_tried():
    tried = []

    @examples(500)
    @given(st.floats(), st.integers(), st.text())
    def property_of_anything(real, whole, text):
        tried.append((repr(real), whole, text))

    property_of_anything()
    return tried


def test_a_module_loaded_meanwhile_changes_no_example(tmp_path, monkeypatch):
    before = examples_tried()
    path = tmp_path / "numbers_of_its_own.py"
    path.write_text(f"NUMBERS = {[n + 0.125 for n in range(40)]}, {list(range(70000, 70040))}\n")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, path.stem, module)
    assert examples_tried() == before

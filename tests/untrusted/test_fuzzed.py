"""Every reader of foreign bytes, whatever they are: a value, or an error of this program's own.

``scripts/fuzz.py`` does the same for as long as it is let, led by coverage; what it once found lies in
``corpus/`` by reader and is tried here.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreign_readers import MAX_BYTES, READERS
from foreign_readers.reader import Reader
from ptycho_compare.untrusted import in_child
from thorough import examples

CORPUS = Path(__file__).parent / "corpus"
FOUND = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """The file with some bytes exchanged, cut, or with others in between; now and then any bytes at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1)) if data else 0
        match draw(st.sampled_from(["set", "cut", "put"])):
            case "set" if data:
                data[at] = draw(st.integers(0, 255))
            case "cut":
                del data[at:]
            case _:
                data[at:at] = draw(st.binary(max_size=8))
    return bytes(data)


@cache
def whole(name: str) -> bytes:
    """The reader's file, made once."""
    return READERS[name].whole()


def placed(folder: Path, reader: Reader, content: bytes) -> Path:
    """Write it where its reader looks for it."""
    path = folder / reader.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", READERS)
def test_a_whole_file_is_read(tmp_path: Path, name: str) -> None:
    """Else no damage to it would get far; and it is no longer than what `scripts/fuzz.py` tries."""
    assert len(whole(name)) <= MAX_BYTES
    READERS[name].read(placed(tmp_path, READERS[name], whole(name)))


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@examples(60)
def test_any_bytes_give_a_value_or_an_error_of_our_own(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    reader = READERS[name]
    path = placed(tmp_path_factory.mktemp("fuzzed"), reader, data.draw(damaged(whole(name))))
    reader.tried_on(path)


@pytest.mark.parametrize("found", FOUND, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_fuzzing_once_found_stays_mended(
    tmp_path: Path, found: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_child, "CPU_S", 1)  # one of them has the library compute without end
    reader = READERS[found.parent.name]
    reader.tried_on(placed(tmp_path, reader, found.read_bytes()))

"""Fuzz the readers of foreign bytes for a while: each gives a value or an error of its own, and nothing else.

    python scripts/fuzz.py [READER ...] [--seconds 600] [--corpus FOLDER]

With `atheris` installed inputs are chosen by which code they reach; without it, whole files are damaged at
random. Each reader runs in a process of its own, one after the other. What it stumbles over is kept as
FOLDER/READER/found-*: copy it to ``tests/untrusted/corpus/READER/``, where a test tries it ever after.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_MEMORY = Path("/dev/shm")  # noqa: S108  # a folder of its own in it
_HANGS_S = 60  # a child that reads HDF5 may take 30 s, and fuzzing runs beside other work
_MAX_MIB = 3000
_SEED = 20261129


def main() -> int:
    """Fuzz the readers that are named, or all; the exit status is 1 where one stumbled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("readers", nargs="*")
    parser.add_argument("--seconds", type=int, default=600, help="for each reader (default 600)")
    parser.add_argument("--corpus", type=Path, default=Path(".fuzz"), help="grows; kept between runs")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    words = parser.parse_args()
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]
    if words.one:
        (name,) = words.readers
        return _fuzz(name, words.seconds, words.corpus / name)
    from foreign_readers import READERS

    stumbled = []
    for name in words.readers or READERS:
        known = {path.name for path in (words.corpus / name).glob("found-*")}
        command = [sys.executable, __file__, name, "--one", "--seconds", str(words.seconds)]
        start = time.monotonic()
        ended = subprocess.run([*command, "--corpus", str(words.corpus)], capture_output=True, text=True,
                               errors="replace", check=False)  # fmt: skip
        found = sorted({path.name for path in (words.corpus / name).glob("found-*")} - known)
        took, tries = time.monotonic() - start, _tries(ended.stdout + ended.stderr)
        print(f"{name}: {took:.0f} s, {tries}, exit status {ended.returncode} {' '.join(found)}", flush=True)
        if ended.returncode or found:
            print(ended.stdout[-4000:], ended.stderr[-4000:], sep="\n", file=sys.stderr, flush=True)
            stumbled.append(name)
    return 1 if stumbled else 0


def _tries(said: str) -> str:
    lines = [line for line in said.splitlines() if line.startswith("Done ")]
    return lines[-1].removeprefix("Done ") if lines else "ended early"


def _fuzz(name: str, seconds: int, corpus: Path) -> int:
    guided = importlib.util.find_spec("atheris") is not None
    with contextlib.ExitStack() as stack:
        if guided:
            import atheris

            stack.enter_context(atheris.instrument_imports(include=["ptycho_compare"]))
        from foreign_readers import MAX_BYTES, READERS
    reader = READERS[name]
    corpus.mkdir(parents=True, exist_ok=True)
    whole = reader.whole()
    (corpus / "whole").write_bytes(whole)
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        path = Path(folder) / reader.file
        path.parent.mkdir(parents=True, exist_ok=True)

        def attempt(data: bytes) -> None:
            path.write_bytes(data)
            try:
                reader.tried_on(path)
            except Exception:
                (corpus / f"found-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)
                raise

        options = {"seconds": seconds, "max_bytes": MAX_BYTES}
        return _guided(attempt, corpus, **options) if guided else _at_random(attempt, whole, **options)


def _guided(attempt: Callable[[bytes], None], corpus: Path, *, seconds: int, max_bytes: int) -> int:
    import atheris

    options = [f"-max_total_time={seconds}", f"-timeout={_HANGS_S}",
               f"-report_slow_units={_HANGS_S}", f"-rss_limit_mb={_MAX_MIB}",
               f"-max_len={max_bytes}", f"-artifact_prefix={corpus}/found-", f"-seed={_SEED}"]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], attempt)
    atheris.Fuzz()  # ends the process
    return 0


def _at_random(attempt: Callable[[bytes], None], whole: bytes, *, seconds: int, max_bytes: int) -> int:
    end, tries = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        choose = random.Random(_SEED + tries)  # noqa: S311
        try:
            attempt(_damaged(whole, choose)[:max_bytes])
        except Exception:
            traceback.print_exc()
            return 1
        tries += 1
    print(f"Done {tries} runs at random")
    return 0


def _damaged(whole: bytes, choose: random.Random) -> bytes:
    data = bytearray(whole)
    for _ in range(choose.randint(1, 6)):
        at = choose.randrange(len(data) + 1)
        match choose.choice(["set", "cut", "put", "twice"]):
            case "set" if at < len(data):
                data[at] = choose.randrange(256)
            case "cut":
                del data[at : at + choose.randint(1, 64)]
            case "twice":
                data[at:at] = data[at : at + choose.randint(1, 64)]
            case _:
                data[at:at] = choose.randbytes(choose.randint(1, 8))
    return bytes(data)


if __name__ == "__main__":
    sys.exit(main())

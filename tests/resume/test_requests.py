"""A request to stop is met, whatever becomes of what it raises: C code may take that for a failure."""

from __future__ import annotations

import codecs
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts
from ptycho_compare.models.predictor import NetworkPredictor
from ptycho_compare.phases.comparison import compare as comparing
from ptycho_compare.phases.comparison import publish as publishing
from ptycho_compare.records.manifest import Manifest
from ptycho_compare.sigterm import EXIT_STOPPED, Stopped
from results import assert_same_results

from .runs import Whole, compare, debug_folder, events, finish_here, job_of


def asked(then: Callable[..., Any]) -> Callable[..., Any]:
    """Ask this very process to stop amid a call, which keeps what that raises, and does its work."""

    def call(*arguments: Any, **more: Any) -> Any:
        with pytest.raises(Stopped):
            os.kill(os.getpid(), signal.SIGTERM)
        return then(*arguments, **more)

    return call


def broken(*_: Any, **__: Any) -> float:
    """As TensorFlow said when the request came while it imported a module of its own."""
    raise ValueError("Signature specifies 46 arguments, got: 45")


@pytest.mark.parametrize(
    ("place", "name", "then"),
    [
        (NetworkPredictor, "warm_up", broken),
        (NetworkPredictor, "warm_up", lambda _self: 0.0),
        (comparing, "score", comparing.score),
        (publishing, "_figures", publishing._figures),
    ],
    ids=["taken for a failure", "lost at a network", "lost at the scores", "lost at the figures"],
)
def test_a_request_whose_exception_does_not_arrive_is_one_all_the_same(
    place: object,
    name: str,
    then: Callable[..., Any],
    own_hub: Path,
    unbroken: Whole,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = debug_folder(own_hub)
    with monkeypatch.context() as patched:
        patched.setattr(place, name, asked(then))
        assert main(compare(own_hub)[3:]) == EXIT_STOPPED
    assert not Artifacts(folder).manifest.exists()
    done = {event["part"]: event["done"] for event in events(folder) if event["state"] == "checkpoint"}
    assert "ERROR" not in Artifacts(folder).log.read_text()
    finish_here(own_hub)
    assert_same_results(folder, unbroken.results)
    planned = [event["parts"] for event in events(folder) if event["state"] == "planned"]
    assert {part: start for part, (start, _) in planned[1].items() if start} == done
    assert not job_of(folder).set_aside.exists()


@pytest.mark.parametrize("late", ["before the manifest is written", "after it"])
def test_a_request_that_comes_when_all_is_done_comes_too_late(
    late: str, own_hub: Path, unbroken: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would leave work to go on from beside a finished comparison, and call that one stopped."""
    write = Manifest.write

    def written(self: Manifest, path: Path) -> None:
        calls = [lambda: os.kill(os.getpid(), signal.SIGTERM), lambda: write(self, path)]
        for call in calls if late.startswith("before") else reversed(calls):
            call()

    monkeypatch.setattr(Manifest, "write", written)
    assert main(compare(own_hub)[3:]) == 0
    assert_same_results(debug_folder(own_hub), unbroken.results)
    assert events(debug_folder(own_hub))[-1]["returncode"] == 0


def test_a_request_amid_the_reading_of_a_text_is_told_as_any_other() -> None:
    """Members of an archive have names that a codec of Python's reads: it tells failures in its own words."""

    def read(_data: bytes, _errors: str = "strict") -> tuple[str, int]:
        raise Stopped("SIGTERM")

    def find(name: str) -> codecs.CodecInfo | None:
        return codecs.CodecInfo(encode=codecs.utf_8_encode, decode=read) if name == "asked_to_stop" else None

    codecs.register(find)
    try:
        with pytest.raises(Stopped, match=r"^SIGTERM$"):
            b"name".decode("asked_to_stop")
    finally:
        codecs.unregister(find)

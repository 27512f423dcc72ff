"""Who hears a request to stop: the innermost block, also one that begins after it came."""

import os
import signal
import threading

import pytest

from ptycho_compare.sigterm import Stopped, heard, leave


def ask() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_the_innermost_block_takes_it() -> None:
    outer, inner = list[str](), list[str]()
    with heard(outer.append, signal.SIGTERM):
        with heard(inner.append, signal.SIGTERM):
            ask()
        assert (outer, inner) == ([], ["SIGTERM"])
        ask()
    assert (outer, inner) == (["SIGTERM"], ["SIGTERM"])


def test_a_block_that_begins_after_it_came_is_told_as_it_begins() -> None:
    """What it raised before may have been swallowed."""
    with heard(leave, signal.SIGTERM):
        with pytest.raises(Stopped, match="SIGTERM"):
            ask()
        inner = list[str]()
        with heard(inner.append, signal.SIGTERM):
            assert inner == ["SIGTERM"]
        with pytest.raises(Stopped, match="SIGTERM"), heard(leave, signal.SIGTERM):
            pytest.fail("the block was entered")


def test_what_came_while_nobody_is_left_who_hears_is_forgotten() -> None:
    heard_of = list[str]()
    before = signal.getsignal(signal.SIGTERM)
    with heard(heard_of.append, signal.SIGTERM):
        ask()
    assert signal.getsignal(signal.SIGTERM) is before
    with heard(heard_of.append, signal.SIGTERM):
        assert heard_of == ["SIGTERM"]


def test_another_thread_hears_nothing_and_changes_nothing() -> None:
    found = []

    def work() -> None:
        with heard(leave, signal.SIGTERM):
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]


class Asks:
    """Asks its process to stop while a class is made, as a large library makes hundreds of."""

    def __set_name__(self, _owner: type, _name: str) -> None:
        ask()


def test_a_request_that_python_wraps_in_an_error_of_its_own_arrives() -> None:
    with pytest.raises(Stopped, match="SIGTERM"), heard(leave, signal.SIGTERM):
        type("Made", (), {"held": Asks()})


def test_an_error_after_a_request_is_none() -> None:
    """What went wrong while it was obeyed is to be seen."""
    with pytest.raises(ValueError, match="of its own"), heard(leave, signal.SIGTERM):  # noqa: PT012
        try:
            ask()
        except Stopped:
            raise ValueError("of its own")  # noqa: B904

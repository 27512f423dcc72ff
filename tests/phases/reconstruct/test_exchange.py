"""What phase and engine hand each other; a checkpoint is used when it fits, and set aside when not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from ptycho_compare.phases.reconstruct.engine import with_tilt_of
from ptycho_compare.phases.reconstruct.exchange import EngineTask, Exchange, State
from ptycho_compare.phases.reconstruct.library import GaussianBlur
from ptycho_compare.scoring.alignment.ramp import apply_ramp
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.study.making import Reconstruction
from scans import make_object, make_probe

BASIS = Fingerprint({"scan": "a" * 64}, {"reconstruction": {"epochs": 20}}, "c" * 64, {"ptychi": "2.2.0"})


def make_state(epochs: int = 7) -> State:
    return State(make_object(60, 70), make_probe(32), np.linspace(3, 1, epochs), 1.25)


@pytest.fixture
def place(tmp_path: Path) -> Exchange:
    folder = tmp_path / "job" / "checkpoints"
    folder.mkdir(parents=True)
    return Exchange(folder)


def kept(place: Exchange, fingerprint: Fingerprint = BASIS) -> tuple[State | None, list[str]]:
    """What an attempt goes on from, and why not."""
    reasons: list[str] = []
    return place.read_state(fingerprint, reasons.append), reasons


def arrays_of(place: Exchange) -> Path:
    (path,) = place.folder.glob("state@*.npz")
    return path


def assert_set_aside(place: Exchange, reason: str) -> None:
    (told,) = (place.folder.parent / "set_aside").glob("*/reason.txt")
    assert told.read_text().startswith(reason)
    assert list(told.parent.glob("state@*.npz"))
    assert list(place.folder.iterdir()) == []


def test_a_state_comes_back_as_it_was(place: Exchange) -> None:
    state = make_state()
    assert kept(place) == (None, [])
    place.write_state(make_state(3), BASIS)
    assert place.write_state(state, BASIS) >= 0
    found, reasons = kept(place)
    assert found is not None
    assert (found.epochs, found.seconds, reasons) == (7, state.seconds, [])
    for name in ("object", "probe", "losses"):
        ours, theirs = getattr(state, name), getattr(found, name)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    assert len(list(place.folder.iterdir())) == 2


def test_a_state_of_other_settings_is_set_aside(place: Exchange) -> None:
    place.write_state(make_state(), BASIS)
    other = replace(BASIS, settings={"reconstruction": {"epochs": 30}})
    reason = "setting reconstruction.epochs was 20, is 30"
    assert kept(place, other) == (None, [reason])
    assert_set_aside(place, reason)


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_state_is_set_aside(place: Exchange, damage: str) -> None:
    place.write_state(make_state(), BASIS)
    path = arrays_of(place)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-300])
    else:
        with np.load(path) as held:
            arrays = {key: held[key] for key in held.files}
        arrays["object"][0, 0] += 1
        np.savez(path, **arrays)
    state, (reason,) = kept(place)
    assert state is None
    assert reason == f"damaged: {path.name} differs from the digest in its record"
    assert_set_aside(place, reason)


def test_a_kill_between_arrays_and_record_leaves_the_state_before(
    place: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write_state(make_state(3), BASIS)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ptycho_compare.storage.saved_work.write_json_atomic", killed)
    with pytest.raises(KeyboardInterrupt):
        place.write_state(make_state(6), BASIS)
    state, reasons = kept(place)
    assert state is not None
    assert (state.epochs, reasons) == (3, [])


def test_task_and_images_come_back(place: Exchange) -> None:
    task = EngineTask(Reconstruction(engine="AD", epochs=3), BASIS)
    place.write_task(task)
    assert place.read_task() == task
    images = np.random.default_rng(0).random((5, 8, 8)).astype(np.float32)
    mean = place.write_images(images.shape, (images[:3], images[3:]))
    np.testing.assert_array_equal(place.read_images(), images)
    assert mean == pytest.approx(images.sum() / 5)


@pytest.mark.parametrize("bad", [{"engine": "BH"}, {"epochs": 0}, {"segment": 0}, {"seed": -1}, {"speed": 1}])
def test_settings_that_mean_nothing_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Reconstruction.model_validate(bad)


def test_a_tilt_that_object_and_probe_traded_is_given_back() -> None:
    state, ramp = make_state(), np.array([0.01, -0.004])
    traded = replace(
        state,
        object=apply_ramp(state.object, ramp).astype(np.complex64),
        probe=apply_ramp(state.probe, -ramp).astype(np.complex64),
    )
    back = with_tilt_of(state.probe, traded)
    np.testing.assert_allclose(back.object, state.object, atol=1e-4)
    np.testing.assert_allclose(back.probe, state.probe, atol=1e-4)
    for row, column in ((0, 0), (20, 33)):  # and it predicts what it did
        waves = [each.probe * each.object[row : row + 32, column : column + 32] for each in (back, traded)]
        now, before = (np.abs(np.fft.fft2(wave)) for wave in waves)
        np.testing.assert_allclose(now, before, atol=1e-3 * before.max())


def test_a_probe_that_became_another_one_is_left_alone() -> None:
    state = make_state()
    tilted = replace(state, probe=apply_ramp(state.probe, (0.4, 0.0)).astype(np.complex64))
    assert with_tilt_of(state.probe, tilted) is tilted


def test_the_stand_in_blurs() -> None:
    torch = pytest.importorskip("torch")
    ndimage = pytest.importorskip("scipy.ndimage")
    image = np.random.default_rng(0).random((20, 26))
    blurred = GaussianBlur(kernel_size=(9, 5), sigma=(3, 1.5))(torch.tensor(image)[None, None])
    along = [np.exp(-((np.arange(n) - n // 2) ** 2) / (2 * s**2)) for n, s in ((5, 1.5), (9, 3))]
    expected = image
    for axis, weights in enumerate(along):
        expected = ndimage.convolve1d(expected, weights / weights.sum(), axis=axis, mode="mirror")
    np.testing.assert_allclose(blurred[0, 0].numpy(), expected, rtol=1e-10)

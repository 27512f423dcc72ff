"""Checkpoints are used when they fit, and set aside when they do not; entries of other jobs stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs import job_context
from ptycho_compare.phases.reconstruct.engine import with_tilt_of
from ptycho_compare.phases.reconstruct.exchange import EngineTask, Exchange, State
from ptycho_compare.phases.reconstruct.scan_run import usable_epochs
from ptycho_compare.phases.reconstruct.torchvision_standin import GaussianBlur
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


def epochs_kept(place: Exchange, fingerprint: Fingerprint = BASIS) -> int:
    job = JobFiles(place.folder.parent)
    with job_context(job) as ours:
        return usable_epochs(place, fingerprint, job.set_aside, ours)


def reason_in(place: Exchange) -> str:
    (reason,) = (place.folder.parent / "set_aside").glob("*/reason.txt")
    assert (reason.parent / "state.npz").exists()
    assert not place.state.exists()
    return reason.read_text()


def test_a_state_comes_back_as_it_was(place: Exchange) -> None:
    state = make_state()
    place.write_state(state, BASIS)
    found, rests_on = place.read_state()
    assert found.digest == state.digest
    assert not rests_on.differences(BASIS)
    assert epochs_kept(place) == 7


def test_a_state_of_other_settings_is_set_aside(place: Exchange) -> None:
    place.write_state(make_state(), BASIS)
    other = replace(BASIS, settings={"reconstruction": {"epochs": 30}})
    assert epochs_kept(place, other) == 0
    assert reason_in(place) == "setting reconstruction.epochs was 20, is 30\n"


def test_a_damaged_state_is_set_aside(place: Exchange) -> None:
    place.write_state(make_state(), BASIS)
    place.state.write_bytes(place.state.read_bytes()[:-300])
    assert epochs_kept(place) == 0
    assert reason_in(place).startswith("damaged: ")


def test_a_state_that_was_changed_is_set_aside(place: Exchange) -> None:
    place.write_state(make_state(), BASIS)
    with np.load(place.state) as held:
        arrays = {key: held[key] for key in held.files}
    arrays["object"][0, 0] += 1
    np.savez(place.state, **arrays)
    assert epochs_kept(place) == 0
    assert reason_in(place) == "damaged: it differs from the digest in it\n"


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

"""An image that is not registered is called what it is: mirrored, turned, conjugated, of another scale."""

import numpy as np
import pytest
from scipy.ndimage import zoom

from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.scoring.alignment.likeness import find_likeness
from ptycho_compare.scoring.alignment.orientation import ORIENTATIONS, Orientation
from ptycho_compare.scoring.placement import ArmImage
from ptycho_compare.scoring.scorecard import score_arms

from .objects import make_object, noisy

TRUTH = make_object((96, 110), 4)


def laid(image):
    """Lay an image on the middle of the truth's grid: image and mask."""
    values, mask = np.zeros(TRUTH.shape, complex), np.zeros(TRUTH.shape, bool)
    ours, theirs = [], []
    for length, size in zip(TRUTH.shape, image.shape, strict=True):
        kept = min(length, size)
        ours.append(slice((length - kept) // 2, (length - kept) // 2 + kept))
        theirs.append(slice((size - kept) // 2, (size - kept) // 2 + kept))
    values[tuple(ours)], mask[tuple(ours)] = image[tuple(theirs)], True
    return values, mask


def look(image):
    values, mask = laid(image)
    return find_likeness(values, TRUTH, mask, direct_overlap=0.05)


CHANGES = [(how, conjugate) for how in ORIENTATIONS for conjugate in (False, True)][1:]
TELLING = [(Orientation(swapped=True), False), (Orientation(columns=True), True)]


@pytest.mark.parametrize(
    ("how", "conjugate"),
    [
        pytest.param(*each, marks=() if each in TELLING else pytest.mark.slow, id=f"{each[0]}-{each[1]}")
        for each in CHANGES
    ],
)
def test_a_turned_mirrored_or_conjugate_image_is_named(how, conjugate):
    image = how.of_image(noisy(TRUTH, 0.1))
    found = look(image.conj() if conjugate else image)
    assert (found.orientation, found.conjugate) == (how.inverse, conjugate)
    assert found.overlap > 0.95
    assert f"overlaps the truth by {found.overlap:.3f}, as it is by 0.050" in str(found)


@pytest.mark.parametrize("scale", [0.8, *(pytest.param(each, marks=pytest.mark.slow) for each in (0.5, 1.6))])
def test_an_image_of_another_scale_is_named(scale):
    found = look(zoom(TRUTH.real, scale, order=3) + 1j * zoom(TRUTH.imag, scale, order=3))
    assert found.magnification == pytest.approx(1 / scale, rel=0.03)
    assert str(found).startswith("enlarged by ")


def test_an_unrelated_image_is_like_nothing():
    assert look(make_object(TRUTH.shape, 77)) is None


def test_a_disc_that_looks_the_same_both_ways_does_not_hide_that_the_rest_is_turned():
    """The disc alone overlaps by 0.76: it would be registered, and the turned detail be scored."""
    side = np.arange(96) - 47.5
    truth = make_object((96, 96), 4) * (1 + (np.hypot(*np.meshgrid(side, side)) < 25))
    arms = {"A": ArmImage(noisy(truth.T, 0.05), np.ones(truth.shape), True)}
    found = score_arms(arms, truth).arm("A")
    assert found.status == "failed"
    assert found.reason.startswith(
        "not registered: with rows and columns exchanged, it overlaps the truth by"
    )
    assert found.shift.confidence > 0.7


@pytest.mark.slow
def test_the_reason_of_a_movable_arm_says_so():
    arms = {"A": ArmImage(TRUTH.conj(), np.ones(TRUTH.shape), True)}
    reason = score_arms(arms, TRUTH).arm("A").reason
    assert reason.startswith("not registered: ")
    assert "; its complex conjugate overlaps the truth by 1.000, as it is by 0." in reason


def test_score_names_the_other_sign_of_phase(tmp_path, capsys):
    np.savez(tmp_path / "t.npz", object=TRUTH)
    np.savez(tmp_path / "conj.npz", object=noisy(TRUTH, 0.05).conj())
    words = ["score", str(tmp_path / "conj.npz"), str(tmp_path / "t.npz"), "--bootstrap-draws", "0"]
    assert main(words) == 1
    assert "its complex conjugate overlaps the truth by 0.99" in capsys.readouterr().out

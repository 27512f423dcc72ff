import numpy as np
import pytest

from ptycho_compare.reconstruction.own_probe import was_retrieved

ROWS, COLUMNS = np.indices((16, 16))
GIVEN = (np.exp(-((ROWS - 8) ** 2 + (COLUMNS - 7) ** 2) / 20) * np.exp(0.1j * ROWS)).astype(np.complex64)


@pytest.mark.parametrize("gain", [1, 1e-4, 3e5, np.exp(2j), -7j])
def test_a_copy_of_the_given_probe_in_any_unit_was_not_retrieved(gain):
    assert not was_retrieved((GIVEN * gain).astype(np.complex64), GIVEN)


@pytest.mark.parametrize(
    "probe",
    [
        GIVEN * np.exp(0.001j * COLUMNS),  # the very ramp that the object is tilted back by
        GIVEN + 1e-3 * GIVEN.max() * (ROWS == COLUMNS),
        np.roll(GIVEN, 1, axis=0),
        GIVEN[1:-1, 1:-1],
    ],
)
def test_a_probe_that_differs_was_retrieved(probe):
    assert was_retrieved(probe.astype(np.complex64), GIVEN)


def test_without_a_given_probe_any_other_was_retrieved_and_a_dead_one_never():
    assert was_retrieved(GIVEN, None)
    for dead in (None, np.zeros_like(GIVEN), np.full_like(GIVEN, np.nan)):
        assert not was_retrieved(dead, GIVEN)
        assert not was_retrieved(dead, None)

"""The tilt that object and probe can trade: given back to the object.

O(r) exp(i k r) and P(r) exp(-i k r) predict the intensities that O and P predict, so data leave k open, and
while both are updated it drifts. The scan's probe settles it, as it does for every method that
takes the probe as known.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.phases.reconstruct.exchange import State
from ptycho_compare.scoring.alignment.ramp import apply_ramp, fit_ramp


def with_tilt_of(probe: NDArray[np.complex64], state: State) -> State:
    """Give a state's probe the mean phase gradient of another one, and its object the opposite.

    Parameters
    ----------
    probe : ndarray, (N, N), complex64
        The scan's.
    state : State

    Returns
    -------
    State
        It predicts the same intensities. Where the probe has become another one, so that the two are
        more than a detector pixel (2 pi / N rad/px) apart, the state is returned as it is.
    """
    ramp = fit_ramp(state.probe, probe, np.ones(probe.shape, np.bool_))
    if max(map(abs, ramp)) > 2 * np.pi / len(probe):
        return state
    along_rows, along_columns = ramp
    return replace(
        state,
        object=apply_ramp(state.object, (-along_rows, -along_columns)).astype(np.complex64),
        probe=apply_ramp(state.probe, ramp).astype(np.complex64),
    )

"""The data contract, case by case as PtychoPINN's own tests have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ptycho_compare.errors import ScanError
from ptycho_compare.phases.simulate.dataset import require_contract


def arrays(**changes: Any) -> dict[str, np.ndarray]:
    held = {
        "diffraction": np.ones((10, 16, 16), np.float32),
        "objectGuess": np.ones((64, 64), np.complex64),
        "probeGuess": np.ones((16, 16), np.complex64),
        "xcoords": np.linspace(8, 9, 10),  # closer than any view's threshold, which refuses nothing
        "ycoords": np.linspace(8, 9, 10),
    }
    held |= changes
    return {key: values for key, values in held.items() if values is not None}


def test_data_that_keep_the_contract_pass() -> None:
    require_contract(arrays(), label="x.npz")
    require_contract(arrays(), label="x.npz", gridsize=2, neighbors=4)
    require_contract(arrays(diff3d=np.ones((10, 16, 16)), diffraction=None), label="x.npz")


BREACHES: dict[str, tuple[dict[str, Any], str]] = {
    "no images": ({"diffraction": None}, "Missing required NPZ keys: diffraction or diff3d; found: objectG"),
    "no positions": (
        {"xcoords": None, "ycoords": None},
        "Missing required NPZ keys: xcoords, ycoords; found: diff",
    ),
    "no probe": ({"probeGuess": None}, "Missing required NPZ keys: probeGuess"),
    "counts": ({"diffraction": np.ones((10, 16, 16), np.uint16)}, "diffraction must be float: amplitude"),
    "waves": ({"diffraction": np.ones((10, 16, 16), complex)}, "diffraction must be float: amplitude"),
    "one image": (
        {"diffraction": np.ones((16, 16))},
        r"diffraction has shape \(16, 16\); needed: \(n, N, N\)",
    ),
    "a real object": ({"objectGuess": np.ones((64, 64))}, "objectGuess must be complex, and is float64"),
    "a real probe": ({"probeGuess": np.ones((16, 16))}, "probeGuess must be complex"),
    "a probe of another size": ({"probeGuess": np.ones((8, 8), complex)}, r"probeGuess is \(8, 8\) and"),
    "a position too few": (
        {"xcoords": np.ones(9)},
        r"xcoords length \(9,\) != diffraction first axis \(10,\)",
    ),
    "a y too many": ({"ycoords": np.ones(11)}, r"ycoords length \(11,\) != diffraction first axis"),
}


@pytest.mark.parametrize("case", BREACHES)
def test_a_breach_is_one_line_with_file_and_key(case: str) -> None:
    changes, message = BREACHES[case]
    with pytest.raises(ScanError, match=message) as caught:
        require_contract(arrays(**changes), label="hub/x.npz")
    assert str(caught.value).startswith("hub/x.npz: ")
    assert "\n" not in str(caught.value)


def test_groups_need_enough_neighbours() -> None:
    with pytest.raises(ScanError, match="neighbor_count required when gridsize=2"):
        require_contract(arrays(), label="x.npz", gridsize=2)
    with pytest.raises(ScanError, match=r"neighbor_count=3 < C=4.*OVERSAMPLING-001"):
        require_contract(arrays(), label="x.npz", gridsize=2, neighbors=3)


def test_several_breaches_are_counted() -> None:
    with pytest.raises(ScanError, match=r"\(and 2 more\)"):
        require_contract(
            arrays(xcoords=np.ones(9), ycoords=np.ones(9), objectGuess=np.ones((4, 4))), label="x.npz"
        )

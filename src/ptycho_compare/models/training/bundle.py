"""The bundle of a trained network: ``wts.h5.zip`` in PtychoPINN's layout."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ptycho_compare.files import atomic_path
from ptycho_compare.models.training.archive import keras_archive, zip_bytes
from ptycho_compare.models.training.networks import Networks
from ptycho_compare.models.training.parameters import bundle_parameters
from ptycho_compare.models.training.references import CUSTOM_OBJECTS, pickle_of_globals

_PROTOCOL = 4  # what PtychoPINN writes


def write_bundle(path: Path, networks: Networks, facts: dict[str, Any]) -> None:
    """Write both networks, with the parameters that PtychoPINN needs to run them.

    The same weights and parameters give the same bytes.

    Parameters
    ----------
    path : Path
        In a folder that exists.
    networks : Networks
    facts : dict
        See `parameters.bundle_parameters`.
    """
    models = {"autoencoder": networks.measure, "diffraction_to_obj": networks.reconstruct}
    parameters = bundle_parameters(networks.design, networks.probe, facts)
    shared = {
        "custom_objects.dill": pickle_of_globals(CUSTOM_OBJECTS),
        "model.h5": _scale_file(networks.design.input_scale),
        "params.dill": pickle.dumps(parameters, protocol=_PROTOCOL),
    }
    manifest = {"models": list(models), "version": "1.0"}
    members = {"manifest.dill": pickle.dumps(manifest, protocol=_PROTOCOL)}
    for name, model in models.items():
        own = {"model.keras": keras_archive(model), **shared}
        members |= {f"{name}/{member}": data for member, data in own.items()}
    with atomic_path(path) as temporary:
        temporary.write_bytes(zip_bytes(members))


def _scale_file(scale: float) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["intensity_scale"] = np.float64(scale)
    return buffer.getvalue()

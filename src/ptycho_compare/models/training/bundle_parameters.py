"""The parameters of a bundle, under PtychoPINN's names; those without a use here have its defaults."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.models.training.design import JITTER_PX, OFFSET_PX, Design

_CONSTANT: dict[str, Any] = {
    "offset": OFFSET_PX,
    "outer_offset_train": None,
    "outer_offset_test": None,
    "big_gridsize": 10,
    "max_position_jitter": JITTER_PX,
    "sim_jitter_scale": 0.0,
    "default_probe_scale": 0.7,
    "mae_weight": 0.0,
    "nll_weight": 1.0,
    "tv_weight": 0.0,
    "realspace_mae_weight": 0.0,
    "realspace_weight": 0.0,
    "nimgs_train": 9,
    "nimgs_test": 3,
    "data_source": "generic",
    "probe.trainable": False,
    "intensity_scale.trainable": False,
    "positions.provided": True,
    "object.big": True,
    "probe.big": True,
    "probe_scale": 4.0,
    "set_phi": False,
    "probe.mask": False,
    "pad_object": True,
    "model_type": "pinn",
    "size": 392,
    "amp_activation": "sigmoid",
    "h5_path": "wts.h5",
    "debug": False,
    "gaussian_smoothing_sigma": 0.0,
    "use_xla_translate": True,
    "subsample_seed": None,
    "enable_oversampling": False,
    "sequential_sampling": False,
    "backend": "tensorflow",
    "torch_loss_mode": "poisson",
    "torch_mae_pred_l2_match_target": False,
    "gradient_clip_algorithm": "norm",
    "optimizer": "adam",
    "momentum": 0.9,
    "weight_decay": 0.0,
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "scheduler": "Default",
    "lr_warmup_epochs": 0,
    "lr_min_ratio": 0.1,
    "plateau_factor": 0.5,
    "plateau_patience": 2,
    "plateau_min_lr": 5e-05,
    "plateau_threshold": 0.0,
    "architecture": "cnn",
    "fno_modes": 12,
    "fno_width": 32,
    "fno_blocks": 4,
    "fno_cnn_blocks": 2,
    "learned_input_channels": 1,
    "fno_input_transform": "none",
    "generator_output_mode": "real_imag",
    "probe_mask_sigma": 1.0,
    "_version": "1.0",
}


def bundle_parameters(design: Design, probe: NDArray[np.complex64], facts: dict[str, Any]) -> dict[str, Any]:
    """List all parameters of a bundle.

    Parameters
    ----------
    design : Design
    probe : ndarray, (N, N), complex64
        As the network multiplies by it.
    facts : dict
        Of the training: ``batch_size``, ``nepochs``, ``npseed``, ``n_groups``,
        ``n_subsample``, ``neighbor_count``, ``label``, ``output_prefix``, ``train_data_file_path``.

    Returns
    -------
    dict
        Of plain values, and ``probe`` (N, N, 1) complex64.
    """
    own = {
        "N": design.patch_px,
        "gridsize": design.gridsize,
        "n_filters_scale": design.filters_scale,
        "nphotons": float(design.photons),
        "intensity_scale": design.input_scale,
        "probe": np.ascontiguousarray(probe[..., None], np.complex64),
    }
    return {**_CONSTANT, **own, **facts}

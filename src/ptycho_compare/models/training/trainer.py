"""One network being trained: a step at a time, its whole state as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.models.bare_keras import keras
from ptycho_compare.models.bare_tensorflow import tf
from ptycho_compare.models.device import fitting_memory
from ptycho_compare.models.training.losses import Loss

Arrays = Mapping[str, NDArray[Any]]

_WARM_UP = 0.2
"""Share of all steps in which the rate rises: early large steps kill relu units, and a network that lost
too many stays at a constant image."""
_LAST_SHARE = 0.02


class Trainer:
    """Adam on a network, with a learning rate that rises first and then falls to almost nothing.

    Parameters
    ----------
    model : keras.Model
        Of `Networks`: images (B, N, N, C) float32 and offsets (B, 1, 2, C) float32 px in.
    loss : Loss
    target_shape, target_dtype : tuple of int, str
        Of one batch of targets; the first axis is the batch that everything is traced for.
    learning_rate : float
        The highest.
    steps : int
        In all epochs together.
    """

    def __init__(
        self,
        model: Any,
        loss: Loss,
        *,
        target_shape: tuple[int, ...],
        target_dtype: str,
        learning_rate: float,
        steps: int,
    ) -> None:
        self._model = model
        warm_up = max(1, round(_WARM_UP * steps))
        self._optimizer = keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                0.1 * learning_rate,
                max(1, steps - warm_up),
                alpha=_LAST_SHARE,
                warmup_target=learning_rate,
                warmup_steps=warm_up,
            )
        )
        self._optimizer.build(model.trainable_variables)
        target = tf.TensorSpec(target_shape, target_dtype)
        inputs = [tf.TensorSpec((target_shape[0], *shape[1:]), tf.float32) for shape in model.input_shape]

        @tf.function(input_signature=[*inputs, target], autograph=False)  # type: ignore[untyped-decorator]
        def step(images: Any, offsets: Any, targets: Any) -> Any:
            with tf.GradientTape() as tape:
                outputs = keras.tree.flatten(model([images, offsets], training=True))
                mean = tf.reduce_mean(loss(outputs, targets))
            variables = model.trainable_variables
            self._optimizer.apply_gradients(zip(tape.gradient(mean, variables), variables, strict=True))
            return mean

        @tf.function(input_signature=[*inputs, target], autograph=False)  # type: ignore[untyped-decorator]
        def losses(images: Any, offsets: Any, targets: Any) -> Any:
            return loss(keras.tree.flatten(model([images, offsets], training=False)), targets)

        # traced here, so that the first step takes no longer than the others
        self._step, self._losses = step.get_concrete_function(), losses.get_concrete_function()

    def step(self, images: Any, offsets: Any, targets: Any) -> float:
        """Take one step; the batch's mean loss before it."""
        with _fitting(images):
            return float(self._step(*_tensors(images, offsets, targets)))

    def losses(self, images: Any, offsets: Any, targets: Any) -> NDArray[np.float32]:
        """Loss of each group of a batch, (B,) float32; nothing is learnt."""
        with _fitting(images):
            return np.asarray(self._losses(*_tensors(images, offsets, targets)))

    def weights(self) -> dict[str, NDArray[Any]]:
        """Weights of the network, by number."""
        return _numbered("weight", self._model.weights)

    def state(self) -> dict[str, NDArray[Any]]:
        """Weights and the optimiser's variables."""
        return {**self.weights(), **_numbered("optimizer", self._optimizer.variables)}

    def restore(self, state: Arrays) -> None:
        """Go back to what `state` or `weights` gave."""
        for stem, variables in (("weight", self._model.weights), ("optimizer", self._optimizer.variables)):
            for number, variable in enumerate(variables):
                if f"{stem}_{number:03d}" in state:
                    variable.assign(state[f"{stem}_{number:03d}"])


def _fitting(images: Any) -> AbstractContextManager[None]:
    return fitting_memory(f"a batch of {len(images)} (this network's 'batch' in the study)")


def _tensors(*arrays: Any) -> list[Any]:
    return [tf.constant(each) for each in arrays]


def _numbered(stem: str, variables: Any) -> dict[str, NDArray[Any]]:
    return {f"{stem}_{number:03d}": each.numpy() for number, each in enumerate(variables)}

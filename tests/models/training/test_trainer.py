"""Steps: they lower the loss, and a state taken back goes on as if nothing had happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from later import later

if TYPE_CHECKING:
    from ptycho_compare.models.training.trainer import Trainer

keras, tf = later("keras"), later("tensorflow")
steps = later("ptycho_compare.models.training.trainer")
ROWS, SIDE, STEPS = 4, 8, 12


def small_model(seed: int) -> Any:
    images, offsets = keras.Input((SIDE, SIDE, 1)), keras.Input((1, 2, 1))
    first = keras.layers.Conv2D(4, 3, padding="same", activation="relu")
    model = keras.Model([images, offsets], [keras.layers.Conv2D(1, 3, padding="same")(first(images))])
    generator = np.random.default_rng(seed)
    model.set_weights([0.3 * generator.standard_normal(each.shape) for each in model.weights])
    return model


def trainer(seed: int = 0) -> Trainer:
    def loss(outputs: Any, targets: Any) -> Any:
        return tf.reduce_mean(tf.square(outputs[0] - targets), axis=(1, 2, 3))

    shape = (ROWS, SIDE, SIDE, 1)
    return steps.Trainer(
        small_model(seed), loss, target_shape=shape, target_dtype="float32", learning_rate=3e-2, steps=STEPS
    )


def batch(step: int) -> list[np.ndarray]:
    images = np.random.default_rng(step).random((ROWS, SIDE, SIDE, 1), np.float32)
    return [images, np.zeros((ROWS, 1, 2, 1), np.float32), images[:, ::-1]]


def test_training_lowers_the_loss() -> None:
    ours = trainer()
    losses = [ours.step(*batch(step)) for step in range(STEPS)]
    assert losses[-1] < 0.7 * losses[0]


def test_a_restored_state_goes_on_to_the_same_bits() -> None:
    unbroken, first, second = trainer(), trainer(), trainer(seed=1)
    for step in range(STEPS):
        unbroken.step(*batch(step))
    for step in range(5):
        first.step(*batch(step))
    second.restore(first.state())
    for step in range(5, STEPS):
        second.step(*batch(step))
    for name, values in unbroken.state().items():
        assert np.array_equal(values, second.state()[name]), name


def test_weights_alone_leave_the_optimiser_as_it_is() -> None:
    ours = trainer()
    begin = ours.weights()
    ours.step(*batch(0))
    moved = ours.state()
    ours.restore(begin)
    now = ours.state()
    assert all(np.array_equal(now[name], begin[name]) for name in begin)
    assert all(np.array_equal(now[name], moved[name]) for name in now if name not in begin)


def test_losses_are_per_group_and_teach_nothing() -> None:
    ours = trainer()
    before = ours.state()
    losses = ours.losses(*batch(0))
    assert losses.shape == (ROWS,)
    assert ours.step(*batch(0)) == pytest.approx(losses.mean(), rel=1e-5)
    again = trainer()
    assert all(np.array_equal(again.state()[name], before[name]) for name in before)

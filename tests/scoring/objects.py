"""Synthetic objects with a known spectrum, and the ways to spoil them."""

import numpy as np
import scipy


def random_field(shape, seed, *, cutoff=0.15):
    """A real, periodic, band-limited random field in [0, 1]."""
    # a stream of its own: noise of the same seed, added later, must not be this field's
    rng = np.random.default_rng([seed, 1789])
    radius = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1]))
    spectrum = np.fft.fft2(rng.standard_normal(shape)) * np.exp(-((radius / cutoff) ** 2))
    values = np.fft.ifft2(np.where(radius < 2.5 * cutoff, spectrum, 0)).real
    return (values - values.min()) / np.ptp(values)


def make_object(shape=(128, 128), seed=0, *, cutoff=0.15):
    """Amplitude 0.5 to 0.95, phase -0.3 to 0.9 rad, periodic."""
    amplitude = 0.5 + 0.45 * random_field(shape, 2 * seed, cutoff=cutoff)
    return amplitude * np.exp(1j * (-0.3 + 1.2 * random_field(shape, 2 * seed + 1, cutoff=cutoff)))


def moved(values, dy, dx):
    """Shift a periodic field exactly; content moves by +dy, +dx px."""
    ky, kx = np.fft.fftfreq(values.shape[0])[:, None], np.fft.fftfreq(values.shape[1])
    return np.fft.ifft2(np.fft.fft2(values) * np.exp(-2j * np.pi * (ky * dy + kx * dx)))


def displaced_pair(dy, dx, *, seed=0, size=192, border=24, cutoff=0.1):
    """A truth and the image that must be moved by (dy, dx) to lie on it; neither is periodic."""
    whole = make_object((size, size), seed, cutoff=cutoff)
    inner = slice(border, size - border)
    return whole[inner, inner], moved(whole, -dy, -dx)[inner, inner]


def noisy(values, level, seed=0):
    """Add complex white noise with `level` times the spread of the values."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(values.shape) + 1j * rng.standard_normal(values.shape)
    return values + level * np.std(values) * noise / np.sqrt(2)


def blurred(values, sigma):
    """Gaussian blur of a complex image."""
    gauss = scipy.ndimage.gaussian_filter
    return gauss(values.real, sigma) + 1j * gauss(values.imag, sigma)


def inner_mask(shape, margin=8):
    mask = np.zeros(shape, dtype=bool)
    mask[margin:-margin, margin:-margin] = True
    return mask


def tilted(values, ky, kx):
    """Add a phase ramp, rad/px along rows and columns, counted from pixel [0, 0]."""
    rows, cols = np.indices(values.shape)
    return values * np.exp(1j * (ky * rows + kx * cols))


def smooth_noise(shape, seed, *, blur_px=0.0):
    """Complex noise of unit power; blurred by a Gaussian of `blur_px`, its errors are alike that far."""
    rng = np.random.default_rng([seed, 31])
    noise = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)
    if blur_px == 0:
        return noise
    # the power that a Gaussian blur leaves is 1 / (4 pi blur^2)
    blurred = [scipy.ndimage.gaussian_filter(part, blur_px, mode="wrap") for part in (noise.real, noise.imag)]
    return (blurred[0] + 1j * blurred[1]) * np.sqrt(4 * np.pi) * blur_px

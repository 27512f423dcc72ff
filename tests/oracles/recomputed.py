"""Every score of an arm by its written definition (docs/scores.md), with numpy and scipy alone.

Nothing of the product is used, and nothing is fast: what the two have in common is the document.
"""

import numpy as np
from scipy import ndimage, optimize, spatial


def scores(arm, truth, mask, *, ramp_free):
    """Rows (name, column) -> number of an arm; images and mask are (H, W)."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    t, a = (np.where(mask, each, 0)[box].astype(complex) for each in (truth, arm))
    ramps = [np.arange(side) / side - 0.5 for side in t.shape]
    tilted = lambda k: a * np.exp(1j * (k[0] * ramps[0][:, None] + k[1] * ramps[1]))  # noqa: E731
    level = tilted(optimize.minimize(lambda k: fienup(tilted(k), t), [0.0, 0.0], tol=1e-10).x)
    errors = {"fienup_ramp_kept": fienup(a, t), "fienup_ramp_free": fienup(level, t)}
    a = level if ramp_free else a
    a = a * np.vdot(a, t) / np.vdot(a, a)
    lit = mask[box] & (np.abs(t) >= 0.01 * np.sqrt(np.mean(np.abs(t[mask[box]]) ** 2)))
    error, phase = np.angle(a * t.conj()), texture(t, lit)
    parts = {
        "amplitude": (np.abs(t), np.abs(a) * np.sum(np.abs(t * a)) / np.sum(np.abs(a) ** 2), mask[box]),
        "phase": (phase, phase + error, lit),
        "value": (t, a, mask[box]),
    }
    found = {(name, "value"): error for name, error in ({"fienup": fienup(a, t)} | errors).items()}
    found["phase_rmse", "phase"] = np.sqrt(np.mean(error[lit] ** 2))
    for part, (one, other, where) in parts.items():
        distance, values = np.abs(one - other)[where], np.stack([one.real[where], one.imag[where]], 1)
        if part == "value":
            spread = spatial.distance.pdist(values[spatial.ConvexHull(values).vertices]).max()
        else:
            spread = np.ptp(values[:, 0])
            found["ssim", part], found["ms_ssim", part] = similarity(one, other, where, spread)
        found["mae", part], found["mse", part] = distance.mean(), np.mean(distance**2)
        found["psnr", part] = 10 * np.log10(spread**2 / np.mean(distance**2))
        found |= {(name, part): number for name, number in rings(one, other, where, part).items()}
    return found


def fienup(a, t):
    return np.sqrt(max(1 - abs(np.vdot(a, t)) ** 2 / (np.vdot(a, a) * np.vdot(t, t)).real, 0))


def texture(t, lit):
    """Phase of a field without the polynomial of degree 12 that fits its wrapped differences best."""
    basis = [np.polynomial.chebyshev.chebvander(np.linspace(-1, 1, side), 12) for side in t.shape]
    surfaces = np.einsum("ia,jb->ijab", *basis).reshape(*t.shape, -1)[..., 1:]
    steps = [(np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])]
    joined = lambda step: np.concatenate([step(b, f)[lit[b] & lit[f]] for b, f in steps])  # noqa: E731
    slopes = joined(lambda b, f: surfaces[b] - surfaces[f])
    weighted = slopes * joined(lambda b, f: np.abs(t[b] * t[f]))[:, None]
    inverse = np.linalg.pinv(slopes.T @ weighted, rcond=1e-12, hermitian=True)
    level = t
    for _ in range(3):  # the later ones mend differences that wrapped
        right = joined(lambda b, f, level=level: np.angle(level[b] * level[f].conj()))
        level = level * np.exp(-1j * (surfaces @ (inverse @ (weighted.T @ right))))
    phase = np.angle(level * level[lit].mean().conj())
    return np.where(lit, phase - phase[lit].min(), 0)


def similarity(one, other, where, spread):
    """SSIM of Wang 2004 and MS-SSIM of Wang 2003 on whole windows inside a mask."""
    (c1, c2), terms = (np.array([0.01, 0.03]) * spread) ** 2, []
    for _ in range(min(int(np.log2(min(where.shape) / 11)) + 1, 5)):
        if not (whole := ndimage.minimum_filter(where, 11, mode="constant")).any():
            break
        images = np.stack([one, other, one * one, other * other, one * other]) * where
        m1, m2, s11, s22, s12 = (ndimage.gaussian_filter(each, 1.5, radius=5)[whole] for each in images)
        structure = (2 * (s12 - m1 * m2) + c2) / (s11 - m1**2 + s22 - m2**2 + c2)
        terms.append([structure.mean(), np.mean(structure * (2 * m1 * m2 + c1) / (m1**2 + m2**2 + c1))])
        h, w = (side // 2 for side in where.shape)
        fours = [each[: 2 * h, : 2 * w].reshape(h, 2, w, 2) for each in (one, other, where)]
        one, other, where = fours[0].mean((1, 3)), fours[1].mean((1, 3)), fours[2].all((1, 3))
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[: len(terms)]
    means = np.clip([each[0] for each in terms[:-1]] + [terms[-1][1]], 0, None)
    return terms[0][1], np.prod(means ** (weights / weights.sum()))


def rings(one, other, where, part):
    """Cut-offs and area of the ring correlation, and the cut-off of the ring transfer."""
    window, side = np.outer(*(np.hanning(side + 2)[1:-1] for side in one.shape)), max(one.shape)
    one, other = continued(one, where), continued(other, where)
    f1, f2 = (np.fft.fft2((e - np.sum(e * window) / window.sum()) * window) for e in (one, other))
    radius = np.hypot(np.fft.fftfreq(one.shape[0])[:, None], np.fft.fftfreq(one.shape[1]))
    ring, last = np.where(radius > 0.5, side, np.floor(radius * side + 0.5)).astype(int).ravel(), side // 2
    sums = (np.ones(one.shape), (f1 * f2.conj()).real, np.abs(f1) ** 2, np.abs(f2) ** 2)
    n, cross, p1, p2 = (np.bincount(ring, each.ravel())[1 : last + 1] for each in sums)
    frequency, correlation = np.arange(1, last + 1) / side, cross / np.sqrt(p1 * p2)
    leaked = p1 < [2.0 * sum(p1[j] / (i - j) ** 6 for j in range(i - 1)) for i in range(last)]
    ended = np.logical_and.accumulate(leaked[::-1])[::-1]
    dark = (leaked & ~ended) | (p1 / n < 0.01 * np.maximum.accumulate((p1 / n)[::-1])[::-1])

    def cut(above, counts):
        f, above = frequency[counts], np.where(ended, np.minimum(above, 0), above)[counts]
        kept = len(f) - np.argmax(np.concatenate([[0], np.cumsum(above * n[counts])])[::-1])
        if kept in (0, len(f)):
            return f[0] if kept < len(f) else 0.5 if counts[-1] else f[-1]
        return f[kept - 1] + above[kept - 1] / (above[kept - 1] - above[kept]) * (f[kept] - f[kept - 1])

    half_bit = (0.2071 + 1.9102 / np.sqrt(n)) / (1.2071 + 0.9102 / np.sqrt(n))
    levels = {"frc50": 0.5, "frc1over7": 1 / 7, "frc_half_bit": half_bit}
    found = {name: cut(correlation - level, ~dark) for name, level in levels.items()}
    waves = [np.exp(-2j * np.pi * np.outer([-1, 0, 1], np.arange(s) / s)) for s in one.shape]
    low, mine = (waves[0] @ (e * window) @ waves[1].T for e in (one, other))
    # a modulation transfer is 1 at the lowest frequencies; a phase in rad has its scale
    gain = 1.0 if part == "phase" else np.sum(np.abs(low) ** 2) / np.vdot(low, mine).real
    measured = gain**2 * np.maximum(p2 - cross**2 / p1, 0) * 8 <= 0.25**2 * p1 * n
    if (measured & ~dark).any():
        found["frt50"] = cut(np.clip(gain * cross / p1, -1, 1) - 0.5, measured & ~dark)
    return found | {"frc_auc": correlation.mean()}


def continued(values, where):
    """Outside a mask the mean of what is near, fading into the mean of all."""
    known = np.where(where, values - values[where].mean(), 0)
    near = ndimage.gaussian_filter(known, 2.0, mode="constant")
    near /= ndimage.gaussian_filter(where * 1.0, 2.0, mode="constant") + 0.02
    return values[where].mean() + np.where(where, known, near)

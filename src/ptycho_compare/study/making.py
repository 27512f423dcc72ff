"""How phases C to F make a study's data, networks and reconstructions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from ptycho_compare.study.comparing import Name, Section, Seed

Share = Annotated[float, Field(gt=0, le=1)]
Words = Annotated[tuple[str, ...], Field(min_length=1)]


class Simulation(Section):
    """Phase C: a known object, scanned and measured by numerical experiment.

    Attributes
    ----------
    object : str
        ``lines``, ``broadband`` (natural-like 1/f), ``siemens`` (a Siemens star) or ``phase`` (a
        pure phase object).
    object_px : int
        Side of the object, px.
    amplitude : tuple of float
        Of the object where it absorbs most, and where it absorbs least; ``phase`` has amplitude 1.
    phase_rad : tuple of float
        Of the object where it delays least, and where it delays most; either sign is somebody's convention.
    probe : str
        ``zone_plate`` (defocused), ``gaussian`` or ``file``.
    probe_file : str
        NPZ with ``probeGuess``, below the hub or absolute; only for ``file``.
    probe_fwhm_px : float
        Full width at half maximum of the Gaussian amplitude that has the probe's half-energy radius, px; a
        probe from a file keeps its own.
    probe_curvature : float
        Of a ``gaussian``: phase per squared distance from its middle, rad/px^2; 0 in focus. Near pi/N the
        pattern is a shadow image of the object at its own size: upright, and upside down near -pi/N.
    patch_px : int
        N, side of a diffraction pattern, px.
    path : str
        ``raster``, ``snake``, ``fermat`` or ``random``.
    images : int
        Positions in all; the splits share them by y.
    jitter_px : float
        Largest random displacement of a raster's or snake's positions, per axis, px.
    seed : int
        Of object, positions and noise.
    """

    object: Literal["lines", "broadband", "siemens", "phase"] = "lines"
    object_px: Annotated[PositiveInt, Field(le=32_768)] = 256
    amplitude: tuple[Share, Share] = (0.4, 1.0)
    phase_rad: tuple[float, float] = (-1.0, 1.0)
    probe: Literal["zone_plate", "gaussian", "file"] = "zone_plate"
    probe_file: str = ""
    probe_fwhm_px: PositiveFloat = 16.0
    probe_curvature: float = 0.0
    patch_px: Annotated[int, Field(ge=16, multiple_of=16)] = 64
    path: Literal["raster", "snake", "fermat", "random"] = "random"
    images: Annotated[int, Field(ge=8)] = 1280
    jitter_px: Annotated[float, Field(ge=0)] = 1.5
    seed: Seed = 42

    @model_validator(mode="after")
    def _fits(self) -> Simulation:
        if (self.probe == "file") != bool(self.probe_file):
            raise ValueError("probe = 'file' and probe_file belong together")
        if self.probe != "gaussian" and self.probe_curvature:
            raise ValueError("probe_curvature belongs to probe = 'gaussian'")
        if not self.amplitude[0] < self.amplitude[1]:
            low, high = self.amplitude
            raise ValueError(f"amplitude is [{low:g}, {high:g}]; needed: the least, then the largest")
        if self.object_px < 2 * self.patch_px:
            raise ValueError(
                f"object_px is {self.object_px}; needed: at least twice patch_px, {2 * self.patch_px}"
            )
        if self.probe != "file" and self.probe_fwhm_px > self.patch_px / 2:
            raise ValueError(
                f"probe_fwhm_px is {self.probe_fwhm_px:g}; needed: at most half of patch_px, "
                f"{self.patch_px / 2:g}, or the probe does not fit into a pattern's window"
            )
        return self


class OverlapView(Section):
    """One view of phase D.

    Attributes
    ----------
    s_img : float
        Part of the images that is kept, rounded down to whole images.
    n_groups : int
        Groups that are measured where `gridsize` is 2.
    gridsize : int
        1 (single images) or 2 (groups of four).
    """

    s_img: Share = 1.0
    n_groups: PositiveInt = 512
    gridsize: Literal[1, 2] = 2


class Overlap(Section):
    """Phase D: subsamples of a split, and how far their probes overlap.

    Attributes
    ----------
    neighbors : int
        K, nearest neighbours that the metrics average over. Which neighbours networks see as a group is
        ``grouping.neighbors``.
    probe_diameter_px : float or None
        D of the discs whose overlap is measured, px of the object's grid; left out: 0.6 N.
    seed : int
        Of the subsample; that of the measured groups is ``grouping.seed``.
    views : dict of str to OverlapView
        By name; a view of the study that is not here has the defaults.
    """

    neighbors: PositiveInt = 7
    probe_diameter_px: PositiveFloat | None = None
    seed: Seed = 456
    views: dict[Name, OverlapView] = Field(default={})

    def view(self, name: str) -> OverlapView:
        """How a view is made."""
        return self.views.get(name, OverlapView())


class NetworkTraining(Section):
    """How one network is trained.

    Attributes
    ----------
    epochs : int
        At most.
    batch : int
        Groups (or images) per step.
    patience : int
        Epochs without a lower validation loss after which training ends.
    filters_scale : int
        PtychoPINN's ``n_filters_scale``.
    groups : int or None
        Groups drawn from the training data; left out: as many as it has images.
    """

    epochs: PositiveInt = 50
    batch: PositiveInt = 16
    learning_rate: PositiveFloat = 1e-3
    patience: PositiveInt = 10
    filters_scale: PositiveInt = 2
    groups: PositiveInt | None = None


class Training(Section):
    """Phase E: both networks.

    Attributes
    ----------
    seed : int
        Of weights, validation split and order, and of the choice of images.
    images : int or None
        How many images of the training split the networks see: the first of a seeded order, so that more
        images hold the fewer; left out: all.
    validation : float
        Part of the groups that is held out.
    device : str
        ``auto`` takes a GPU where there is one.
    """

    seed: Seed = 42
    images: Annotated[int, Field(ge=4)] | None = None
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    device: Literal["auto", "cpu", "gpu"] = "auto"
    ptychopinn: NetworkTraining = NetworkTraining()
    baseline: NetworkTraining = NetworkTraining()


class Reconstruction(Section):
    """Phase F: pty-chi.

    Attributes
    ----------
    engine : str
        By pty-chi's name; ``AD`` is gradient descent by automatic differentiation (Adam). ``DM`` and
        ``RAAR``, the difference map and relaxed averaged alternating reflections, need many photons: at a
        thousand per image they do not converge.
    batch : int
        Images per update; smaller ones need fewer epochs. ``DM`` and ``RAAR`` have none.
    segment : int
        Epochs between checkpoints. Each segment begins from the object and probe that the one before
        stored, so that a broken run and a whole one give the same.
    noise_model : str
        Of LSQML; its Poisson model diverges at high doses.
    seed : int
        Of the start and of the order of the images.
    device : str
        ``auto`` takes a GPU where there is one.
    """

    engine: Literal["LSQML", "EPIE", "RPIE", "DM", "RAAR", "AD"] = "LSQML"
    epochs: PositiveInt = 100
    batch: PositiveInt = 32
    segment: PositiveInt = 20
    noise_model: Literal["gaussian", "poisson"] = "gaussian"
    seed: Annotated[Seed, Field(lt=2**31)] = 1
    device: Literal["auto", "cpu", "gpu"] = "auto"


class Commands(Section):
    """A lab's own commands in place of phases, as argument lists.

    ``{python}`` (this interpreter), ``{hub}``, ``{study}``, ``{dose}``, ``{view}``, ``{split}``,
    ``{network}`` (``baseline``, or the view) and ``{cell}`` (levels of the study's factors that the phase
    depends on, e.g. ``seed_1``) are filled in where the phase has them. What the phase must leave behind is
    checked all the same.
    """

    phase_c: Words | None = None
    phase_d: Words | None = None
    phase_e: Words | None = None
    phase_f: Words | None = None
    phase_g: Words | None = None

    @model_validator(mode="after")
    def _known_braces(self) -> Commands:
        for phase, known in _FILLED_IN.items():
            for word in getattr(self, phase) or ():
                try:
                    word.format(**dict.fromkeys(known, ""))
                except (KeyError, IndexError, ValueError):
                    names = ", ".join(f"{{{name}}}" for name in known)
                    raise ValueError(f"{phase}: {word!r}: needed: no braces but {names}") from None
        return self


_EVERYWHERE = ("python", "hub", "study", "dose")
_FILLED_IN = {
    "phase_c": _EVERYWHERE,
    "phase_d": (*_EVERYWHERE, "view"),
    "phase_e": (*_EVERYWHERE, "view", "network", "cell"),
    "phase_f": (*_EVERYWHERE, "view", "split", "cell"),
    "phase_g": (*_EVERYWHERE, "view", "split", "cell"),
}

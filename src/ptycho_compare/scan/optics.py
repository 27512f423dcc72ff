"""The lengths of a measurement, in metres, as far as the file tells them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Optics:
    """Lengths that turn pixels into metres; None where nobody says.

    Attributes
    ----------
    wavelength_m, distance_m, detector_pixel_m : float or None
        Wavelength, sample to detector, side of a detector pixel.
    object_pixel_m : float or None
        Side of a pixel of the object's grid, the one positions are counted in.
    """

    wavelength_m: float | None = None
    distance_m: float | None = None
    detector_pixel_m: float | None = None
    object_pixel_m: float | None = None

    @property
    def object_pixel_nm(self) -> float | None:
        """Side of an object pixel, nm."""
        return None if self.object_pixel_m is None else self.object_pixel_m * 1e9

    def far_field_pixel_m(self, side: int) -> float | None:
        """Side of an object pixel in the far field, wavelength * distance / (N * detector pixel), m.

        It follows from the discrete Fourier transform alone: N samples of pitch d in the object
        plane and N of pitch p in the detector plane obey d p N = wavelength * distance.
        """
        if self.wavelength_m is None or self.distance_m is None or self.detector_pixel_m is None:
            return None
        return self.wavelength_m * self.distance_m / (side * self.detector_pixel_m)

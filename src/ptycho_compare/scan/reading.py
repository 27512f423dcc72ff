"""A user's statements about a scan, where its file does not say it; what is None is found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from ptycho_compare.errors import ScanError
from ptycho_compare.study import Study

Values = Literal["amplitude", "counts"]
DcPlace = Literal["centre", "corner"]
GeometryRule = Literal["checked", "as-given"]
ROLES = ("diffraction", "x", "y", "positions", "positions_yx", "probe", "object", "mask")
_YX = {"positions_yx"}
UNIT_ROLES = ("positions", "distance", "pixel", "wavelength", "energy")


@dataclass(frozen=True)
class Reading:
    """How a scan file is to be read.

    Attributes
    ----------
    values : {"amplitude", "counts"} or None
        Counts are whatever is proportional to photons: intensities too.
    dc : {"centre", "corner"} or None
        Where zero frequency lies: pixel [N//2, N//2] or pixel [0, 0].
    keys : mapping
        Role to NPZ key or HDF5 path. Roles: ``diffraction`` (n, N, N); ``x`` and ``y`` (n,), or
        ``positions`` (n, 2) with columns x and y, or ``positions_yx`` with columns row and column,
        all in px of the object's grid unless a unit is stated, where position
        (x, y) is that of patch pixel [N//2, N//2]; ``probe`` (N, N); ``object`` (H, W), the truth;
        ``mask`` (N, N) or (n, N, N), non-zero where a detector pixel is bad. n may be a raster's rows and
        columns. In a CXI file positions are the sample's: ``positions`` (n, 3), or ``x`` and ``y``.
    object_pixel_m : float or None
        Side of an object pixel, m.
    geometry : {"checked", "as-given"}
        Whether a scan is refused whose images another geometry explains clearly better.
    units : mapping
        Role to unit: of ``positions`` (``px`` or a length), and in CXI files of ``distance``, ``pixel`` (of
        the detector), ``wavelength`` and ``energy``. It goes before what the file says.
    mask_good : {0, 1} or None
        Which value of a mask is good: 0 (so is None: every other is bad), or 1 (every value but 0).
    bad_from : float or None
        A stored number from here on marks a bad pixel of its image; None: found out.

    Raises
    ------
    ScanError
        A role, a word or a size that makes no sense.
    """

    values: Values | None = None
    dc: DcPlace | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    object_pixel_m: float | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    geometry: GeometryRule = "checked"
    mask_good: Literal[0, 1] | None = None
    bad_from: float | None = None

    def __post_init__(self) -> None:
        for option, word, known in (
            ("--diffraction-values", self.values, get_args(Values)),
            ("--diffraction-dc", self.dc, get_args(DcPlace)),
            ("--geometry", self.geometry, get_args(GeometryRule)),
        ):
            if word is not None and word not in known:
                raise ScanError(f"{option} is {word!r}; needed: {' or '.join(known)}")
        unknown = [role for role in self.keys if role not in ROLES]
        if unknown:
            raise ScanError(f"there is no role {unknown[0]!r} in a scan; roles: {', '.join(ROLES)}")
        strange = [role for role in self.units if role not in UNIT_ROLES]
        if strange:
            raise ScanError(f"there is no unit of {strange[0]!r} in a scan; units: {', '.join(UNIT_ROLES)}")
        named = [{"x", "y"} & self.keys.keys(), {"positions"} & self.keys.keys(), self.keys.keys() & _YX]
        if sum(map(bool, named)) > 1:
            raise ScanError("positions are named twice; give 'positions', 'positions_yx', or 'x' and 'y'")
        if self.object_pixel_m is not None and not 0 < self.object_pixel_m < float("inf"):
            raise ScanError(f"the object pixel is {self.object_pixel_m} m; needed: a size above 0")
        if self.mask_good not in (None, 0, 1):
            raise ScanError(f"--mask-good is {self.mask_good!r}; needed: 0 or 1")
        if self.bad_from is not None and not 0 < self.bad_from < float("inf"):
            raise ScanError(f"--bad-from is {self.bad_from}; needed: a number above 0")

    @classmethod
    def of_study(cls, study: Study) -> Reading:
        """Return what a study's section ``[scan]`` says of its files."""
        scan = study.scan
        pixel_m = None if scan.pixel_nm is None else scan.pixel_nm * 1e-9
        return cls(
            values=scan.values,
            dc=scan.dc,
            keys=scan.keys,
            object_pixel_m=pixel_m,
            units=scan.units,
            geometry=scan.geometry,
            mask_good=scan.mask_good,
            bad_from=scan.bad_from,
        )


AS_FOUND = Reading()

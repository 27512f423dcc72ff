"""A user's statements about a scan, where its file does not say it; what is None is found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from ptycho_compare.errors import ScanError
from ptycho_compare.study import Study

Values = Literal["amplitude", "counts"]
DcPlace = Literal["centre", "corner"]
ROLES = ("diffraction", "x", "y", "positions", "probe", "object", "mask")


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
        ``positions`` (n, 2) with columns x and y, all in px of the object's grid, where position
        (x, y) is that of patch pixel [N//2, N//2]; ``probe`` (N, N); ``object`` (H, W), the truth;
        ``mask`` (N, N), non-zero where a detector pixel is bad. In a CXI file all positions are
        translations of the sample in metres, so only ``positions`` can be named there.
    object_pixel_m : float or None
        Side of an object pixel, m.

    Raises
    ------
    ScanError
        A role, a word or a size that makes no sense.
    """

    values: Values | None = None
    dc: DcPlace | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    object_pixel_m: float | None = None

    def __post_init__(self) -> None:
        for option, word, known in (
            ("--diffraction-values", self.values, get_args(Values)),
            ("--diffraction-dc", self.dc, get_args(DcPlace)),
        ):
            if word is not None and word not in known:
                raise ScanError(f"{option} is {word!r}; needed: {' or '.join(known)}")
        unknown = [role for role in self.keys if role not in ROLES]
        if unknown:
            raise ScanError(f"there is no role {unknown[0]!r} in a scan; roles: {', '.join(ROLES)}")
        if "positions" in self.keys and ("x" in self.keys or "y" in self.keys):
            raise ScanError("positions are named twice; give 'positions', or 'x' and 'y'")
        if self.object_pixel_m is not None and not 0 < self.object_pixel_m < float("inf"):
            raise ScanError(f"the object pixel is {self.object_pixel_m} m; needed: a size above 0")

    @classmethod
    def of_study(cls, study: Study) -> Reading:
        """Return what a study's section ``[scan]`` says of its files."""
        scan = study.scan
        pixel_m = None if scan.pixel_nm is None else scan.pixel_nm * 1e-9
        return cls(values=scan.values, dc=scan.dc, keys=scan.keys, object_pixel_m=pixel_m)


AS_FOUND = Reading()

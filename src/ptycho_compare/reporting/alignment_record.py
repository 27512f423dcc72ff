"""What was removed from an arm or measured of its place, as plain data for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # scoring loads scipy and scikit-image
    from ptycho_compare.scoring import ArmScore


def alignment_record(score: ArmScore) -> dict[str, Any]:
    """Return ``gauge``, ``shift`` and ``twin`` of an arm, as far as there are any."""
    record: dict[str, Any] = {}
    if score.gauge is not None:
        record["gauge"] = {
            "gain": abs(score.gauge.scale),
            "phase_rad": score.gauge.phase,
            "ramp_rad_per_px": list(score.gauge.ramp),
            "overlap_before": score.gauge.overlap_before,
            "overlap_after": score.gauge.overlap_after,
        }
    if score.shift is not None:
        record["shift"] = {
            "dy_px": score.shift.dy,
            "dx_px": score.shift.dx,
            "ramp_rad_per_px": list(score.shift.ramp),
            "registered": score.shift.registered,
            "applied": score.moved,
            "confidence": score.shift.confidence,
            "reason": score.shift.reason,
        }
    if score.twin is not None:
        record["twin"] = {"overlap": score.twin.overlap, "direct_overlap": score.twin.direct_overlap}
    return record

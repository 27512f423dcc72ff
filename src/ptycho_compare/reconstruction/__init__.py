"""Groups streamed through a predictor onto a canvas, and reconstructions made elsewhere."""

from ptycho_compare.reconstruction.canvas import Canvas, Grid, read_window
from ptycho_compare.reconstruction.checkpoint import Cadence, Checkpoint
from ptycho_compare.reconstruction.geometry import GeometryCheck, check_geometry
from ptycho_compare.reconstruction.image_source import ImageSource, parse_source, read_image
from ptycho_compare.reconstruction.own_probe import was_retrieved
from ptycho_compare.reconstruction.ready_made import ReadyMade, read_ready_made
from ptycho_compare.reconstruction.residual import Residual, diffraction_residual
from ptycho_compare.reconstruction.segment import Segment, empty_segment, segments_of, take_over
from ptycho_compare.reconstruction.stream import (
    Chunk,
    Response,
    empty_stream,
    fixed_point_of,
    reconstruct,
    response_to_images,
)
from ptycho_compare.reconstruction.stream_state import StreamState
from ptycho_compare.reconstruction.user_made import (
    UserSource,
    find_reconstructor,
    parse_user_source,
    user_made,
)

__all__ = [
    "Cadence",
    "Canvas",
    "Checkpoint",
    "Chunk",
    "GeometryCheck",
    "Grid",
    "ImageSource",
    "ReadyMade",
    "Residual",
    "Response",
    "Segment",
    "StreamState",
    "UserSource",
    "check_geometry",
    "diffraction_residual",
    "empty_segment",
    "empty_stream",
    "find_reconstructor",
    "fixed_point_of",
    "parse_source",
    "parse_user_source",
    "read_image",
    "read_ready_made",
    "read_window",
    "reconstruct",
    "response_to_images",
    "segments_of",
    "take_over",
    "user_made",
    "was_retrieved",
]

"""Groups streamed through a predictor onto a canvas, and reconstructions made elsewhere."""

from ptycho_compare.reconstruction.canvas import Canvas, Grid
from ptycho_compare.reconstruction.ready_made import ReadyMade, read_ready_made
from ptycho_compare.reconstruction.response import response_to_images
from ptycho_compare.reconstruction.stream import Chunk, Timing, reconstruct

__all__ = [
    "Canvas",
    "Chunk",
    "Grid",
    "ReadyMade",
    "Timing",
    "read_ready_made",
    "reconstruct",
    "response_to_images",
]

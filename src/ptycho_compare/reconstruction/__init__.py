"""Groups streamed through a predictor onto a canvas, and reconstructions made elsewhere."""

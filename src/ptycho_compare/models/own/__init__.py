"""Networks of anybody's, as ONNX files: what they expect is said in a toml, the rest is as for any arm."""

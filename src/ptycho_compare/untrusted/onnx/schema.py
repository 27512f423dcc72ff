"""The messages of an ONNX file, as far as they are read: field numbers of onnx.proto."""

from __future__ import annotations

from collections.abc import Mapping

from ptycho_compare.untrusted.onnx.wire import Field

MODEL: Mapping[int, Field] = {
    1: Field("ir_version", "int"),
    2: Field("producer_name", "text"),
    3: Field("producer_version", "text"),
    4: Field("domain", "text"),
    5: Field("model_version", "int"),
    6: Field("doc_string", "bytes"),
    7: Field("graph", "message"),
    8: Field("opset_import", "message", many=True),
    14: Field("metadata_props", "message", many=True),
    20: Field("training_info", "message", many=True),
    25: Field("functions", "message", many=True),
    26: Field("configuration", "message", many=True),
}
OPSET: Mapping[int, Field] = {1: Field("domain", "text"), 2: Field("version", "int")}
ENTRY: Mapping[int, Field] = {1: Field("key", "text"), 2: Field("value", "text")}
GRAPH: Mapping[int, Field] = {
    1: Field("node", "message", many=True),
    2: Field("name", "text"),
    5: Field("initializer", "message", many=True),
    10: Field("doc_string", "bytes"),
    11: Field("input", "message", many=True),
    12: Field("output", "message", many=True),
    13: Field("value_info", "message", many=True),
    14: Field("quantization_annotation", "message", many=True),
    15: Field("sparse_initializer", "message", many=True),
    16: Field("metadata_props", "message", many=True),
}
NODE: Mapping[int, Field] = {
    1: Field("input", "text", many=True),
    2: Field("output", "text", many=True),
    3: Field("name", "text"),
    4: Field("op_type", "text"),
    5: Field("attribute", "message", many=True),
    6: Field("doc_string", "bytes"),
    7: Field("domain", "text"),
    8: Field("overload", "text"),
    9: Field("metadata_props", "message", many=True),
    10: Field("device_configurations", "message", many=True),
}
ATTRIBUTE: Mapping[int, Field] = {
    1: Field("name", "text"),
    2: Field("f", "float"),
    3: Field("i", "int"),
    4: Field("s", "bytes"),
    5: Field("t", "message"),
    6: Field("g", "message"),
    7: Field("floats", "float", many=True),
    8: Field("ints", "int", many=True),
    9: Field("strings", "bytes", many=True),
    10: Field("tensors", "message", many=True),
    11: Field("graphs", "message", many=True),
    13: Field("doc_string", "bytes"),
    14: Field("tp", "message"),
    15: Field("type_protos", "message", many=True),
    20: Field("type", "int"),
    21: Field("ref_attr_name", "text"),
    22: Field("sparse_tensor", "message"),
    23: Field("sparse_tensors", "message", many=True),
}
TENSOR: Mapping[int, Field] = {
    1: Field("dims", "int", many=True),
    2: Field("data_type", "int"),
    3: Field("segment", "message"),
    4: Field("float_data", "bytes", many=True),
    5: Field("int32_data", "bytes", many=True),
    6: Field("string_data", "bytes", many=True),
    7: Field("int64_data", "bytes", many=True),
    8: Field("name", "text"),
    9: Field("raw_data", "bytes"),
    10: Field("double_data", "bytes", many=True),
    11: Field("uint64_data", "bytes", many=True),
    12: Field("doc_string", "bytes"),
    13: Field("external_data", "message", many=True),
    14: Field("data_location", "int"),
    16: Field("metadata_props", "message", many=True),
}
"""Numbers as packed bytes, the form in which they are written since 2017; apart they come one by one."""
VALUE: Mapping[int, Field] = {
    1: Field("name", "text"),
    2: Field("type", "message"),
    3: Field("doc_string", "bytes"),
    4: Field("metadata_props", "message", many=True),
}
TYPE: Mapping[int, Field] = {
    1: Field("tensor_type", "message"),
    4: Field("sequence_type", "message"),
    5: Field("map_type", "message"),
    6: Field("denotation", "text"),
    7: Field("opaque_type", "message"),
    8: Field("sparse_tensor_type", "message"),
    9: Field("optional_type", "message"),
}
TENSOR_TYPE: Mapping[int, Field] = {1: Field("elem_type", "int"), 2: Field("shape", "message")}
SHAPE: Mapping[int, Field] = {1: Field("dim", "message", many=True)}
DIMENSION: Mapping[int, Field] = {
    1: Field("dim_value", "int"),
    2: Field("dim_param", "text"),
    3: Field("denotation", "text"),
}

NUMBERS: Mapping[int, str] = {1: "<f4", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8"}
"""Types of tensors that are read, by ONNX's own numbers."""
CODES: Mapping[str, int] = {"float32": 1, "int32": 6, "int64": 7, "bool": 9, "float16": 10, "float64": 11}

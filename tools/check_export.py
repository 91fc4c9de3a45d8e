"""Checks exported ONNX files by ONNX's own rules. A development-time check; no build or test needs it.

    pip install onnx
    python tools/check_export.py FILE.onnx...

Last run with onnx 1.23.1 under Python 3.11.
"""

import sys

import onnx

for path in sys.argv[1:]:
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path, load_external_data=False)
    print(
        f"{path}: valid; IR {model.ir_version}, opset {model.opset_import[0].version}, "
        f"{len(model.graph.node)} nodes, {len(model.graph.output)} outputs, onnx {onnx.__version__}"
    )

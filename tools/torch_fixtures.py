"""Writes the small PyTorch files that TorchFileTest reads.

Made with Python 3.11.7 and torch 2.13.0 (CPU); the last line printed says what was used. Run from the repository root:

    python tools/torch_fixtures.py modscan-onnx/src/test/resources/io/modscan/onnx/internal/checkpoint/torch

Every tensor holds 0, 1, 2, … in the order of its storage, so that the test knows the bytes without torch.
"""

import platform
import sys
from collections import OrderedDict
from pathlib import Path

import torch

DTYPES = {
    "f64": torch.float64,
    "f32": torch.float32,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "i64": torch.int64,
    "i32": torch.int32,
    "i16": torch.int16,
    "i8": torch.int8,
    "u8": torch.uint8,
    "bool": torch.bool,
}


def count(*shape, dtype=torch.float32):
    size = 1
    for dimension in shape:
        size *= dimension
    return torch.arange(size).to(dtype).reshape(shape)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)

    # One tensor of each type that a state dict may have, by each protocol that torch.save may be asked for.
    every_type = {name: count(2, 3, dtype=dtype) for name, dtype in DTYPES.items()}
    for protocol in (2, 3, 4, 5):
        torch.save(every_type, folder / f"types_protocol{protocol}.bin", pickle_protocol=protocol)

    # A module's state dict: an OrderedDict with the attribute _metadata.
    module = torch.nn.Sequential(OrderedDict(fc=torch.nn.Linear(3, 2), norm=torch.nn.LayerNorm(2)))
    state = module.state_dict()
    for tensor in state.values():
        tensor.copy_(count(*tensor.shape))
    assert state._metadata
    torch.save(state, folder / "module.bin")

    # What shares a storage: tied weights, a slice at an offset, and shapes whose strides say nothing.
    base = count(4, 3)
    torch.save(
        OrderedDict(
            whole=base,
            tied=base,
            rows=base[1:3],
            scalar=base[2, 1],
            empty=base[4:],
            column_of_one=base[:1].t(),
            single=base[1:2, 1:2],
            own_empty=torch.empty(0, 5),
        ),
        folder / "views.bin",
    )

    parameters = {"p": torch.nn.Parameter(count(2, 2)), "frozen": torch.nn.Parameter(count(2), False)}
    torch.save(parameters, folder / "parameters.bin")
    torch.save({}, folder / "empty.bin")

    # Refused.
    torch.save({"good": count(2), "turned": count(2, 3).t()}, folder / "transposed.bin")
    torch.save({"columns": count(2, 4)[:, :2]}, folder / "sliced.bin")
    for name, protocol in (("legacy", 2), ("legacy_protocol4", 4)):
        torch.save(
            {"w": count(2)},
            folder / f"{name}.bin",
            _use_new_zipfile_serialization=False,
            pickle_protocol=protocol,
        )
    linear = torch.nn.Linear(2, 2)
    adam = torch.optim.Adam(linear.parameters())
    linear(torch.ones(2)).sum().backward()
    adam.step()
    torch.save(
        {"model": linear.state_dict(), "optimizer": adam.state_dict(), "epoch": 3, "loss": 0.5, "note": None},
        folder / "training_checkpoint.bin",
    )
    torch.save([count(2)], folder / "list.bin")
    torch.save({0: count(2)}, folder / "integer_keys.bin")
    torch.save({"w": torch._neg_view(count(2))}, folder / "negated.bin")
    torch.save({"w": count(2).to(torch.float8_e4m3fn)}, folder / "float8.bin")
    torch.save({"w": count(2).to(torch.complex64)}, folder / "complex.bin")
    torch.save(torch.nn.Linear(2, 2), folder / "whole_module.bin")
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), folder / "torchscript.bin")

    print("python", platform.python_version(), "torch", torch.__version__)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

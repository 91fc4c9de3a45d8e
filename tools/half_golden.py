"""Writes floats and what they become as float16 and bfloat16, which HalvesTest and StoredAsTest read.

Made with Python 3.11.7, torch 2.13.0 and NumPy 2.4.6; what was used is printed. Run from the repository root:

    python tools/half_golden.py modscan-core/src/test/resources/io/modscan/core/halves.csv

A line holds the bits of a float32, of its float16 and of its bfloat16, in hexadecimal digits: what torch's .half() and
.bfloat16() make of it. NumPy's float16 is held against torch's. NaN is left out: which of its bits are kept differs between
PyTorch's own ways.

Whether a capture that was stored as halves is the one in float32, rounded by torch, bit by bit:

    python tools/half_golden.py --check float32.safetensors half.safetensors
"""

import platform
import sys

import numpy as np
import torch


def bits_of(values):
    return values.view(torch.int16).numpy().astype(np.int32) & 0xFFFF


def golden(target):
    random = np.random.default_rng(24)
    bits = [random.integers(0, 2**32, 300, dtype=np.uint32)]  # over all exponents
    normal = random.standard_normal(200) * 10.0 ** random.integers(-9, 6, 200)
    bits.append(normal.astype(np.float32).view(np.uint32))
    # Halfway between two float16's, and two bfloat16's, of each exponent, and the floats beside.
    halves = np.concatenate([np.arange(0, 0x7C00, 0x155, dtype=np.uint16), np.uint16([0, 1, 2, 3, 0x3FE, 0x3FF, 0x400, 0x7BFE])])
    ties = ((halves.view(np.float16).astype(np.float64) + (halves + 1).astype(np.uint16).view(np.float16).astype(np.float64)) / 2)
    ties = ties[np.isfinite(ties)].astype(np.float32).view(np.uint32)
    bits += [ties - 1, ties, ties + 1, ties | 0x80000000]
    wide = np.arange(0, 0x7F80, 0x1A3, dtype=np.uint32) << 16 | 0x8000
    bits += [wide - 1, wide, wide + 1, wide | 0x80000000]
    edges = np.float32([0, 65504, 65519.996, 65520, 65536, 1e38, 3.3895314e38, 3.3961775e38, 3.4028235e38, np.inf, 2**-14, 2**-24, 2**-25, 2**-26, 1e-45])
    bits += [edges.view(np.uint32), (-edges).view(np.uint32)]
    bits = np.unique(np.concatenate(bits))
    floats = bits.view(np.float32)
    bits = bits[~np.isnan(floats)]
    floats = bits.view(np.float32)
    half = bits_of(torch.from_numpy(floats.copy()).half())
    with np.errstate(over="ignore"):
        assert (floats.astype(np.float16).view(np.uint16) == half).all(), "NumPy and torch differ"
    brain = bits_of(torch.from_numpy(floats.copy()).bfloat16())
    with open(target, "w", newline="\n") as out:
        for f, h, b in zip(bits, half, brain):
            out.write(f"{f:08x},{h:04x},{b:04x}\n")
    print(len(bits), "floats; Python", platform.python_version(), "torch", torch.__version__, "NumPy", np.__version__)


def check(exact, rounded):
    from safetensors.torch import load_file

    exact, rounded = load_file(exact), load_file(rounded)
    assert exact.keys() == rounded.keys(), exact.keys() ^ rounded.keys()
    values = 0
    for name, stored in rounded.items():
        of = exact[name]
        if of.dtype != torch.float32:
            assert torch.equal(of, stored), name
            continue
        assert stored.dtype in (torch.float16, torch.bfloat16), (name, stored.dtype)
        assert torch.equal(of.to(stored.dtype).view(torch.int16), stored.view(torch.int16)), name
        values += of.numel()
    print(values, "values of", len(rounded), "tensors: the same bits")


if sys.argv[1] == "--check":
    check(*sys.argv[2:])
else:
    golden(sys.argv[1])

"""Writes what LargeFilesTest needs to lay out a pytorch_model.bin of more than 4 GiB, as torch.save writes it, in no space.

Made with Python 3.11.7, torch 2.13.0 (CPU) and safetensors 0.8.0; the last line printed says what was used. Run from the
repository root, with 5 GB free in the folder for temporary files:

    python tools/large_fixture.py modscan-onnx/src/test/resources/io/modscan/onnx/opt/large

The model is an OPT with a vocabulary of 17 million, whose table of embeddings is zero but for the rows of ROWS. It is saved
by torch, and of the file those blocks are kept that are not zero: regions.bin holds the file's size, and then for each run
of such blocks its offset, its length (both int64, little-endian) and its bytes. In small.safetensors is the same model with
a vocabulary of just these rows, in their order.
"""

import platform
import struct
import sys
import tempfile
from pathlib import Path

import safetensors
import safetensors.torch
import torch

VOCABULARY = 17_000_000
HIDDEN = 64
FFN = 32
POSITIONS = 16
ROWS = [2, 7, 8_388_607, 16_777_216, 16_999_999]
BLOCK = 512


def random(*shape):
    return torch.randn(*shape) * 0.3


def weights():
    prefix = "model.decoder."
    state = {prefix + "embed_positions.weight": random(POSITIONS + 2, HIDDEN)}
    block = prefix + "layers.0."
    for name in ("self_attn.k_proj", "self_attn.v_proj", "self_attn.q_proj", "self_attn.out_proj"):
        state[block + name + ".weight"] = random(HIDDEN, HIDDEN)
        state[block + name + ".bias"] = random(HIDDEN)
    for name, out, into in (("fc1", FFN, HIDDEN), ("fc2", HIDDEN, FFN)):
        state[block + name + ".weight"] = random(out, into)
        state[block + name + ".bias"] = random(out)
    for name in (block + "self_attn_layer_norm", block + "final_layer_norm", prefix + "final_layer_norm"):
        state[name + ".weight"] = 1 + random(HIDDEN)
        state[name + ".bias"] = random(HIDDEN)
    return state


def regions(path):
    """Yields (offset, bytes) of each run of blocks that are not zero."""
    zero = bytes(BLOCK)
    begin, run = 0, b""
    offset = 0
    with open(path, "rb") as file:
        while chunk := file.read(BLOCK << 11):
            if chunk.count(0) == len(chunk) and not run:
                offset += len(chunk)
                continue
            for at in range(0, len(chunk), BLOCK):
                block = chunk[at : at + BLOCK]
                if block == zero[: len(block)]:
                    if run:
                        yield begin, run
                        run = b""
                else:
                    if not run:
                        begin = offset + at
                    run += block
            offset += len(chunk)
    if run:
        yield begin, run


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(2026)
    others = weights()
    rows = random(len(ROWS), HIDDEN)
    name = "model.decoder.embed_tokens.weight"
    safetensors.torch.save_file({name: rows, **others}, folder / "small.safetensors")
    table = torch.zeros(VOCABULARY, HIDDEN)
    table[torch.tensor(ROWS)] = rows
    with tempfile.TemporaryDirectory() as temporary:
        large = Path(temporary) / "pytorch_model.bin"
        torch.save({name: table, **others}, large)
        with open(folder / "regions.bin", "wb") as out:
            out.write(struct.pack("<q", large.stat().st_size))
            for offset, data in regions(large):
                out.write(struct.pack("<qq", offset, len(data)))
                out.write(data)
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, safetensors {safetensors.__version__}: "
        f"{folder}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))

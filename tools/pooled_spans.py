"""Holds pooled spans against NumPy on per-token captures of the same prompts.

    modscan capture --model M --prompts P --sites GLOBS --out all.safetensors
    modscan capture … --pooling mean --positions span:LABEL --out mean.safetensors     (or last, max, sum)
    modscan capture … --positions span:LABEL --out kept.safetensors
    python tools/pooled_spans.py all.safetensors mean.safetensors LABEL
    python tools/pooled_spans.py all.safetensors kept.safetensors LABEL

Prints the largest difference relative to each tensor's largest value. Needs numpy and safetensors.
"""

import json
import sys

import numpy as np
from safetensors import safe_open


def tensors(path):
    with safe_open(path, "np") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}


def main(whole, other, label):
    facts, all_tokens = tensors(whole)
    other_facts, found = tensors(other)
    offsets = all_tokens["prompt_offsets"]
    prompts = json.loads(facts["modscan.prompts"])
    positions = [
        sorted({t for s in p.get("spans", []) if s["label"] == label for t in range(s["start"], s["end"])})
        for p in prompts
    ]
    sites = {site["name"]: site["pooling"] for site in json.loads(other_facts["modscan.sites"])}
    worst = 0.0
    compared = 0
    for name, pooling in sites.items():
        expected = []
        for prompt, at in enumerate(positions):
            values = all_tokens[name][offsets[prompt] : offsets[prompt + 1]][at]
            if pooling == "none":
                expected.append(values)
                continue
            values = values.astype(np.float64)
            pooled = {"mean": values.mean, "sum": values.sum, "max": values.max}.get(pooling)
            expected.append((values[-1] if pooling == "last" else pooled(axis=0))[None])
        expected = np.concatenate(expected)
        actual = found[name]
        assert actual.shape == expected.shape, (name, actual.shape, expected.shape)
        worst = max(worst, np.abs(actual - expected).max() / np.abs(expected).max())
        compared += actual.size
    if "kept_positions" in found:
        assert np.array_equal(found["kept_positions"], np.concatenate(positions)), "kept_positions"
        assert np.array_equal(found["kept_offsets"], np.cumsum([0] + [len(p) for p in positions])), "kept_offsets"
    print(f"{len(sites)} sites, {len(prompts)} prompts, {compared} values: largest difference {worst:.2e}")


if __name__ == "__main__":
    main(*sys.argv[1:])

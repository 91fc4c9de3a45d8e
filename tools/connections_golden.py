#!/usr/bin/env python3
"""Writes the reference values that the tests of connections between units compare with.

    python tools/connections_golden.py

needs numpy; its version goes into the file. Inputs are float32, written as the decimal that reads back as the same number.
References are computed in float64 from them, by matrices over all units at once: what is written by every unit, what is read by
every unit, and the LayerNorms between. The tests hold themselves to the tolerance that the file names.
"""

import json
import pathlib
import platform

import numpy as np

ROOT = pathlib.Path(__file__).parent.parent
TARGET = ROOT / "modscan-metrics/src/test/resources/io/modscan/metrics/connections.json"
rng = np.random.default_rng(20261129)

LAYERS, HEADS, OF_HEAD, NEURONS, WIDTH, PROMPTS = 3, 2, 3, 5, 10, 14


def floats(array):
    array = np.asarray(array, np.float32)
    if array.ndim > 1:
        return [floats(row) for row in array]
    return [float(str(v)) for v in array]


def made_up():
    weights = {}
    for layer in range(LAYERS):
        block = f"blocks.{layer}."
        for name, shape in [
            ("attn.W_V", (HEADS, WIDTH, OF_HEAD)), ("attn.W_O", (HEADS, OF_HEAD, WIDTH)),
            ("mlp.W_in", (WIDTH, NEURONS)), ("mlp.W_out", (NEURONS, WIDTH)),
        ]:
            weights[block + name] = rng.normal(size=shape).astype(np.float32)
        for norm in ["ln1.w", "ln2.w"]:
            weights[block + norm] = rng.uniform(0.2, 2, size=WIDTH).astype(np.float32)
    weights["ln_final.w"] = np.ones(WIDTH, np.float32)
    return weights


def captured():
    values = {}
    for layer in range(LAYERS):
        z = rng.normal(size=(PROMPTS, HEADS * OF_HEAD)) * rng.uniform(0.1, 3, size=HEADS * OF_HEAD)
        post = np.maximum(rng.normal(size=(PROMPTS, NEURONS)) + rng.normal(size=(PROMPTS, 1)), 0)
        post[:, layer] = 0
        values[f"blocks.{layer}.attn.hook_z"] = z.astype(np.float32)
        values[f"blocks.{layer}.mlp.hook_post"] = post.astype(np.float32)
    return values


def stages(weights):
    """For each half of each block: its site's name, writes [units, width], reads [units, width], the LayerNorm's scale."""
    for layer in range(LAYERS):
        get = lambda name: weights[f"blocks.{layer}.{name}"].astype(np.float64)
        yield (f"blocks.{layer}.attn.hook_z", get("attn.W_O").reshape(-1, WIDTH),
               get("attn.W_V").transpose(0, 2, 1).reshape(-1, WIDTH), get("ln1.w"))
        yield f"blocks.{layer}.mlp.hook_post", get("mlp.W_out"), get("mlp.W_in").T, get("ln2.w")


def basis_of(x, centred):
    """Unit vectors in rows, of falling eigenvalue, the largest entry positive; and the eigenvalues."""
    x = x - x.mean(axis=0) if centred else x
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    keep = values > values.max() * max(x.shape) * 2.0**-52
    values, vectors = values[keep][::-1], vectors[:, keep].T[::-1]
    return np.array([u * np.sign(u[np.argmax(np.abs(u))]) for u in vectors]), values


def norm(rows):
    return np.sqrt((rows**2).sum(axis=1))


def over_heads(site, values):
    """Of a head's dimensions the mean for each."""
    return values if "mlp" in site else values.reshape(HEADS, OF_HEAD).mean(axis=1).repeat(OF_HEAD)


def case(name, weights, behind=False, data=None, basis=None, without=()):
    keep = [i for i in range(WIDTH) if i not in without]
    centring = np.eye(len(keep)) - 1 / len(keep)
    sites, scales = [], []
    for site, writes, reads, scale in stages(weights):
        writes, reads, scale = writes[:, keep], reads[:, keep], scale[keep]
        scales.append(scale)
        if not behind:
            writes, reads = writes @ centring, reads * scale @ centring
        loud, hear = np.ones(len(writes)), np.ones(len(reads))
        if data is not None:
            x = data[site].astype(np.float64)
            spread = x.std(axis=0) if basis == "centred" else np.sqrt((x**2).mean(axis=0))
            amplitude = norm(writes) * spread
            typical = np.sqrt((amplitude[amplitude > 0] ** 2).mean())
            loud = np.minimum(1, amplitude / typical)
            hear = (spread > 0) * 1.0
            if basis is not None:
                u, variances = basis_of(x, basis == "centred")
                on = (x > 0).mean(axis=0) if "mlp" in site else np.ones(x.shape[1])
                reads = reads * on[:, None]
                typical = np.sqrt(np.mean([v for v in over_heads(site, norm(writes) ** 2) * over_heads(site, spread**2) if v > 0]))
                apart = (u**2) @ over_heads(site, norm(reads) ** 2)
                hear = np.minimum(1, norm(u @ reads) / np.sqrt(apart))
                writes, reads = u @ writes, u @ reads
                loud = np.minimum(1, norm(writes) * np.sqrt(variances) / typical)
        sites.append((site, writes, reads, loud, hear))
    pairs = []
    for i, (site, writes, _, loud, _) in enumerate(sites):
        carried = writes
        for j in range(i + 1, len(sites)):
            if behind:
                carried = carried @ centring * scales[j - 1]
            other, _, reads, _, hear = sites[j]
            cosine = carried @ reads.T / np.outer(norm(carried), norm(reads))
            cosine = np.where(np.outer(loud, hear) > 0, cosine, 0)
            pairs.append({
                "from": site, "to": other, "cosine": cosine.round(8).tolist(),
                "strength": (np.abs(cosine) * np.outer(loud, hear)).round(8).tolist(),
            })
    strength = linked(sites, pairs)
    return {
        "name": name, "behind": behind, "among": data is not None, "basis": basis, "without": list(without), "pairs": pairs,
        "threshold": 0.3, "neighbours": 3, "links": strength,
    }


def linked(sites, pairs, threshold=0.3, neighbours=3):
    """How many pairs are linked."""
    firsts, n = {}, 0
    for site, writes, *_ in sites:
        firsts[site] = n
        n += len(writes)
    s = np.zeros((n, n))
    for pair in pairs:
        block = np.array(pair["strength"])
        a, b = firsts[pair["from"]], firsts[pair["to"]]
        s[a : a + block.shape[0], b : b + block.shape[1]] = block
    s = s + s.T
    kept = np.zeros((n, n), bool)
    for i in range(n):
        usable = [j for j in range(n) if s[i, j] >= threshold]
        kept[i, sorted(usable, key=lambda j: -s[i, j])[:neighbours]] = True
    return int(np.triu(kept | kept.T).sum())


def main():
    weights, data = made_up(), captured()
    golden = {
        "made": {
            "by": "tools/connections_golden.py", "python": platform.python_version(), "numpy": np.__version__,
            "tolerance": "absolute 2e-6: rows and products are float32",
        },
        "weights": {name: {"shape": list(w.shape), "values": floats(w.ravel())} for name, w in weights.items()},
        "activations": {site: floats(x) for site, x in data.items()},
        "cases": [
            case("weights alone", weights),
            case("without two coordinates", weights, without=(2, 7)),
            case("norms behind", weights, behind=True),
            case("among activations", weights, data=data),
            case("norms behind, among activations, without a coordinate", weights, behind=True, data=data, without=(0,)),
            case("uncentred bases", weights, data=data, basis="uncentred"),
            case("centred bases", weights, data=data, basis="centred"),
            case("norms behind, uncentred bases", weights, behind=True, data=data, basis="uncentred"),
        ],
    }
    sections = ",\n".join(f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in golden.items())
    TARGET.write_text("{\n" + sections + "\n}\n", encoding="utf-8")
    print(TARGET, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

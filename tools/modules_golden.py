#!/usr/bin/env python3
"""Writes the reference values that the tests of attention behaviour and modules compare with.

    python tools/modules_golden.py

needs numpy, scipy, scikit-learn, networkx and safetensors; their versions go into the file. Inputs are float32, written as
the decimal that reads back as the same number; null stands for NaN. References are computed in float64 from them. The
tests hold themselves to the tolerances that the file names. The demo model's values come from the examples' test resources.
"""

import json
import math
import pathlib
import platform

import networkx
import numpy as np
import scipy
import scipy.stats
import sklearn
from safetensors.numpy import load_file
from sklearn.metrics import adjusted_rand_score

ROOT = pathlib.Path(__file__).parent.parent
TARGET = ROOT / "modscan-metrics/src/test/resources/io/modscan/metrics/modules.json"
DEMO = ROOT / "examples/src/test/resources/io/modscan/examples/demo"
rng = np.random.default_rng(20261124)


def plain(value):
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return None if math.isnan(value) else float(value)
    return value


def floats(array):
    """Float32 values as short decimals; infinity as 1e39, which reads back as it."""
    array = np.asarray(array, np.float32)
    if array.ndim > 1:
        return [floats(row) for row in array]
    return [None if np.isnan(v) else 1e39 if np.isposinf(v) else float(str(v)) for v in array]


# --- what heads look at -----------------------------------------------------------------------------------------------


def behaviour(name, pattern, bos):
    """pattern [heads, queries, keys]; bos: 1 if the first token is BOS, 0 if not."""
    pattern = np.asarray(pattern, np.float32)
    wide = pattern.astype(np.float64)
    n = wide.shape[1]
    query, key = np.arange(n)[:, None], np.arange(n)[None, :]
    entropy = scipy.stats.entropy(wide, axis=2)
    # scipy's entropy scales each row to a sum of 1, so the definition itself is the reference, and scipy's a check on it.
    own = -np.where(wide > 0, wide * np.log(np.where(wide > 0, wide, 1)), 0).sum(axis=2)
    assert np.allclose(entropy, own, rtol=0, atol=1e-5), name
    distance = (wide * (query - key)).sum(axis=2)
    self_mass = np.diagonal(wide, axis1=1, axis2=2)
    first = wide[:, :, 0] * bos
    previous = np.diagonal(wide, offset=-1, axis1=1, axis2=2)
    if n == 1:
        nothing = np.full((wide.shape[0], 5), np.nan)
        return {"name": name, "tokens": n, "bos": bos, "pattern": floats(pattern.ravel()),
                "absolute": plain(nothing), "relative": plain(nothing)}
    t = np.arange(1, n)
    masses = [first[:, 1:].mean(axis=1), self_mass[:, 1:].mean(axis=1), previous.mean(axis=1)]
    absolute = [own[:, 1:].mean(axis=1), distance[:, 1:].mean(axis=1)] + masses
    relative = [(own[:, 1:] / np.log(t + 1)).mean(axis=1), (distance[:, 1:] / t).mean(axis=1)] + masses
    return {
        "name": name, "tokens": n, "bos": bos, "pattern": floats(pattern.ravel()),
        "absolute": plain(np.stack(absolute, axis=1)), "relative": plain(np.stack(relative, axis=1)),
    }


def causal(heads, n, scale):
    scores = rng.normal(size=(heads, n, n)) * scale
    scores[:, np.triu_indices(n, 1)[0], np.triu_indices(n, 1)[1]] = -np.inf
    return scipy.special.softmax(scores, axis=2)


def behaviours():
    one_hot = np.zeros((3, 6, 6))
    one_hot[0, :, 0] = 1
    one_hot[1] = np.eye(6)
    one_hot[2, np.arange(1, 6), np.arange(5)] = 1
    one_hot[2, 0, 0] = 1
    uniform = np.tril(np.ones((1, 7, 7))) / np.arange(1, 8)[None, :, None]
    tiny = np.array([[[1, 0, 0], [1, 1e-30, 0], [1e-38, 1e-45, 1]]])
    demo = load_file(DEMO / "reference.safetensors")
    lengths = demo["attention_mask"].sum(axis=1)
    cases = [
        behaviour("one token", [[[1]], [[1]]], 1),
        behaviour("two tokens", [[[1, 0], [0.25, 0.75]]], 1),
        behaviour("all to one key", one_hot, 1),
        behaviour("uniform", uniform, 0),
        behaviour("tiny weights", tiny, 1),
        behaviour("not causal", scipy.special.softmax(rng.normal(size=(2, 4, 4)), axis=2), 0),
        behaviour("normal scores", causal(4, 9, 1), 1),
        behaviour("sharp scores", causal(2, 12, 20), 1),
    ]
    for layer, row in [(0, 2), (3, 2), (5, 1)]:
        n = int(lengths[row])
        pattern = demo[f"blocks.{layer}.attn.hook_pattern"][row, :, :n, :n]
        cases.append(behaviour(f"demo, layer {layer}, prompt {row}", pattern, 1))
    return cases


# --- correlations and links -------------------------------------------------------------------------------------------


def links(name, values, neighbours, threshold, absolute=False):
    """values [prompts, units]"""
    values = np.asarray(values, np.float32)
    wide = values.astype(np.float64)
    units = [u for u in range(wide.shape[1]) if np.isfinite(wide[:, u]).all() and np.ptp(wide[:, u]) > 0]
    correlation = np.corrcoef(wide[:, units], rowvar=False).reshape(len(units), len(units))
    weight = np.round((np.abs(correlation) if absolute else correlation) * 2**24) / 2**24
    np.fill_diagonal(weight, 0)
    usable = (weight > 0) & (weight >= np.round(threshold * 2**24) / 2**24)
    kept = np.zeros_like(usable)
    for i in range(len(units)):
        nearest = sorted((j for j in range(len(units)) if usable[i, j]), key=lambda j: (-weight[i, j], j))
        kept[i, nearest[:neighbours]] = True
    kept |= kept.T
    pairs = [[units[i], units[j], weight[i, j]] for i in range(len(units)) for j in range(i + 1, len(units)) if kept[i, j]]
    return {
        "name": name, "values": floats(values), "neighbours": neighbours, "threshold": threshold, "absolute": absolute,
        "units": units, "correlation": plain(correlation), "links": plain(pairs),
    }


def link_cases():
    normal = rng.normal(size=(30, 8))
    magnitudes = normal * np.array([1e30, 1e-30, 1e20, 1, 1, 1e-10, 1e10, 1])
    mixed = rng.normal(size=(25, 9)) + 2 * rng.normal(size=(25, 1))
    mixed[:, 2] = 3
    mixed[4, 5] = np.nan
    mixed[7, 6] = np.inf
    mixed[:, 7] = -mixed[:, 8]
    ties = np.round(rng.normal(size=(12, 10)), 0)
    ties[:, 5:] = ties[:, :5]
    sparse = np.maximum(rng.normal(-1, 1, size=(40, 12)), 0)
    offset = rng.normal(size=(20, 5)) + 1e4
    post = load_file(DEMO / "pooled.safetensors")["blocks.2.mlp.hook_post.mean"][::2]
    post = post[:, np.argsort(-post.std(axis=0), kind="stable")[:24]]
    return [
        links("normal", normal, 3, 0),
        links("all pairs", normal, 100, 0),
        links("absolute", normal, 100, 0.1, True),
        links("tiny and huge", magnitudes, 2, 0),
        links("constant, NaN, infinite, opposite", mixed, 2, 0.3),
        links("opposite, absolute", mixed, 2, 0.3, True),
        links("duplicates", ties, 2, 0),
        links("sparse", sparse, 4, 0.2),
        links("far from zero", offset, 2, 0),
        links("three prompts", normal[:3], 2, 0.9),
        links("demo, mlp.hook_post of layer 2", post, 5, 0.4),
    ]


def chance_levels():
    cases = []
    for prompts, units, absolute in [
        (3, 10, False), (4, 2, False), (10, 50, True), (100, 300, False),
        (200, 10_000, False), (200, 10_000, True), (1000, 40_000, False),
    ]:
        pairs = units * (units - 1) / 2
        p = 0.05 / pairs / (2 if absolute else 1)
        t = scipy.stats.t.isf(p, prompts - 2)
        r = float(t / math.sqrt(prompts - 2 + t * t))
        cases.append({"prompts": prompts, "units": units, "absolute": absolute, "r": r})
    return cases


# --- partitions -------------------------------------------------------------------------------------------------------


def modularity(name, graph, communities, resolution):
    n = graph.number_of_nodes()
    a = networkx.to_numpy_array(graph, nodelist=range(n))
    k = a.sum(axis=1)
    same = np.equal.outer(communities, communities)
    q = ((a - resolution * np.outer(k, k) / k.sum()) * same).sum() / k.sum()
    sets = [set(np.flatnonzero(np.equal(communities, c)).tolist()) for c in sorted(set(communities))]
    known = networkx.community.modularity(graph, sets, weight="weight", resolution=resolution)
    assert abs(q - known) < 1e-12, name
    best = max(
        networkx.community.modularity(
            graph,
            networkx.community.louvain_communities(graph, weight="weight", resolution=resolution, seed=seed),
            resolution=resolution,
        )
        for seed in range(10)
    )
    return {
        "name": name, "nodes": n, "communities": [int(c) for c in communities], "resolution": resolution,
        "links": [[i, j, d["weight"]] for i, j, d in graph.edges(data=True)], "modularity": float(q), "louvain": float(best),
    }


def weighted(graph):
    for _, _, data in graph.edges(data=True):
        data["weight"] = int(rng.integers(1, 2**20)) / 2**20
    return networkx.convert_node_labels_to_integers(graph)


def modularities():
    two = networkx.Graph()
    two.add_nodes_from(range(7))
    two.add_weighted_edges_from([(0, 1, 1.0), (0, 2, 1.0), (1, 2, 1.0), (3, 4, 0.5), (3, 5, 0.5), (4, 5, 0.5), (2, 3, 0.25)])
    karate = networkx.convert_node_labels_to_integers(networkx.karate_club_graph())
    for _, _, data in karate.edges(data=True):
        data["weight"] = 1.0
    blocks = weighted(networkx.planted_partition_graph(6, 20, 0.5, 0.02, seed=3))
    noise = weighted(networkx.gnm_random_graph(150, 500, seed=4))
    return [
        modularity("two triangles and a node alone", two, [0, 0, 0, 1, 1, 1, 2], 1.0),
        modularity("all in one", two, [0] * 7, 1.0),
        modularity("all alone", two, list(range(7)), 1.0),
        modularity("karate club", karate, [0 if karate.nodes[i]["club"] == "Mr. Hi" else 1 for i in range(34)], 1.0),
        modularity("blocks", blocks, [i // 20 for i in range(120)], 1.0),
        modularity("blocks, higher resolution", blocks, [i // 10 for i in range(120)], 2.5),
        modularity("blocks, lower resolution", blocks, [i // 60 for i in range(120)], 0.4),
        modularity("no blocks", noise, [i % 7 for i in range(150)], 1.0),
    ]


def rand_indices():
    cases = [
        ([0, 0, 1, 1], [5, 5, 2, 2]), ([0, 0, 1, 1], [0, 1, 0, 1]), ([0, 0, 0], [0, 1, 2]), ([0, 1, 2], [0, 1, 2]), ([0], [3]),
    ]
    for n, k in [(30, 3), (50, 12)]:
        a = rng.integers(0, k, n)
        b = np.where(rng.uniform(size=n) < 0.7, a, rng.integers(0, k, n))
        cases.append((a.tolist(), b.tolist()))
    return [{"one": a, "other": b, "index": float(adjusted_rand_score(a, b))} for a, b in cases]


def main():
    golden = {
        "made": {
            "by": "tools/modules_golden.py",
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
            "networkx": networkx.__version__,
            "tolerance": "behaviour: relative 1e-6 (results are float32), absolute 1e-7; correlations: absolute 1e-12;"
            " weights: two steps of 2^-24; chance level: absolute 1e-9; modularity and Rand index: absolute 1e-12",
        },
        "behaviours": behaviours(),
        "links": link_cases(),
        "chanceLevels": chance_levels(),
        "modularities": modularities(),
        "randIndices": rand_indices(),
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    sections = ",\n".join(f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in golden.items())
    TARGET.write_text("{\n" + sections + "\n}\n", encoding="utf-8")
    print(TARGET, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

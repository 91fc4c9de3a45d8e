#!/usr/bin/env python3
"""Writes the reference values that the tests of io.modscan.metrics.basis compare with.

    python tools/basis_golden.py [POOLED.safetensors]

needs numpy and scikit-learn; their versions go into the file. The optional argument is a file of pooled activations of the
demo model with its 100 prompts; an extract of it becomes three of the cases, which are taken from the file as it is where the
argument is left out. Values are float32, written as the decimal that reads back as the same number. References are
computed in float64 from those float32 values. The tests hold themselves to these tolerances: eigenvalues, relative to the
largest, 1e-12; means and deviations, 1e-12 of the largest; entries of components 1e-9, except where "loose" says otherwise;
coordinates, which are float32, 3e-7 of the largest and what components may be off; norm shares and cosines 1e-12.
"""

import json
import math
import pathlib
import platform
import struct
import sys

import numpy as np
import sklearn
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

TARGET = (
    pathlib.Path(__file__).parent.parent
    / "modscan-metrics/src/test/resources/io/modscan/metrics/basis.json"
)
rng = np.random.default_rng(20261124)


def plain(value):
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value.tolist()]
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def floats(array):
    """Float32 values as short decimals."""
    array = np.asarray(array, np.float32)
    if array.ndim > 1:
        return [floats(row) for row in array]
    return [float(str(v)) for v in array]


def turned(components):
    """The largest entry of each row positive, the first of nearly equal ones."""
    rows = []
    for row in components:
        size = np.abs(row)
        first = np.flatnonzero(size >= size.max() * (1 - 1e-6))[0]
        rows.append(row * np.sign(row[first]))
    return np.array(rows).reshape(len(rows), -1)


def decomposed(moments, n):
    # A power of two rounds nothing, and LAPACK then sees no entry of 1e-60.
    scale = np.abs(moments).max()
    if scale == 0:
        return np.zeros(0), np.zeros((0, len(moments)))
    scale = 2.0 ** np.frexp(scale)[1]
    values, vectors = np.linalg.eigh(moments / scale)
    order = np.argsort(-values)
    values, vectors = values[order], vectors[:, order].T
    rank = int((values > values[0] * max(n, len(moments)) * np.finfo(float).eps).sum())
    return values[:rank] * scale, turned(vectors[:rank])


def spectrum(values, components, coordinates):
    share = values / values.sum() if len(values) else np.array([math.nan])
    return {
        "values": plain(values),
        "components": plain(components),
        "coordinates": plain(coordinates),
        "explained": plain(np.cumsum(share)),
        "effectiveRank": plain(float(np.exp(-(share * np.log(share)).sum()))),
    }


def case(name, x, loose=None):
    x = np.asarray(x, np.float32)
    wide = x.astype(np.float64)
    n, d = wide.shape
    mean = np.array([math.fsum(column) / n for column in wide.T])
    off = wide - mean
    raw_values, raw = decomposed(wide.T @ wide / n, n)
    values, components = decomposed(off.T @ off / n, n)
    whitened = off @ components.T / np.sqrt(values)
    zca = whitened @ components
    if len(values):
        # scikit-learn takes variances below 1e-16 for none when it whitens.
        scale = 2.0 ** np.frexp(np.abs(wide).max())[1]
        known = PCA(svd_solver="full").fit(wide / scale)
        r = len(values)
        assert np.allclose(known.explained_variance_[:r] * (n - 1) / n * scale**2, values, rtol=1e-9, atol=0), name
        assert np.allclose(turned(known.components_[:r]), components, atol=1e-9), name
        white = PCA(svd_solver="full", whiten=True).fit(wide / scale).transform(wide / scale)[:, :r] * np.sqrt(n / (n - 1))
        assert np.allclose(np.abs(white), np.abs(whitened), atol=1e-8), name
    if n > 1:
        scaler = StandardScaler().fit(wide)
        assert np.allclose(scaler.mean_, mean, rtol=1e-12, atol=np.abs(wide).max() * 1e-15), name
        known_deviation = np.sqrt(scaler.var_)
    deviation = np.sqrt((off**2).mean(axis=0))
    constant = (x == x[0]).all(axis=0)
    deviation[constant] = 0
    if n > 1:
        assert np.allclose(known_deviation, deviation, rtol=1e-9, atol=1e-15 * np.abs(wide).max()), name
    standardised = np.where(constant, 0, off / np.where(constant, 1, deviation))
    return {
        "name": name,
        "vectors": floats(x),
        "loose": loose,
        "mean": plain(mean),
        "deviation": plain(deviation),
        "standardised": plain(standardised),
        "uncentred": spectrum(raw_values, raw, wide @ raw.T),
        "centred": spectrum(values, components, off @ components.T),
        "whitened": plain(whitened),
        "zca": plain(zca),
        "bright": bright(wide),
    }


def bright(x):
    """All pairs, one by one."""
    lengths = np.sqrt((x**2).sum(axis=1))
    x = x[lengths > 0]
    n, d = x.shape
    u = x / lengths[lengths > 0][:, None]
    pairs = [u[i] * u[j] for i in range(n) for j in range(n) if i != j]
    parts = np.array([math.fsum(column) for column in zip(*pairs)]) / len(pairs) if pairs else np.full(d, math.nan)
    squares = (x**2).sum(axis=0)
    return {
        "samples": n,
        "shares": plain(squares / squares.sum() if n else np.full(d, math.nan)),
        "cosines": plain(parts),
        "meanCosine": plain(math.fsum(parts) if pairs else math.nan),
    }


def demo(file):
    """Extracts: rows are prompts of all ten topics."""
    if file is None:
        old = json.loads(TARGET.read_text())["cases"]
        return [case(c["name"], c["vectors"]) for c in old if c["name"].startswith("demo")]
    with open(file, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        body = f.read()

    def tensor(name):
        begin, end = header[name]["data_offsets"]
        return np.frombuffer(body[begin:end], "<f4").reshape(header[name]["shape"])

    z = tensor("blocks.3.attn.hook_z.mean")
    post = tensor("blocks.5.mlp.hook_post.mean")
    resid = tensor("blocks.4.hook_resid_post.last")
    return [
        case("demo: a head's z", z[::2, 5, :12]),
        case("demo: neurons", post[::4, :10]),
        case("demo: residual stream, more coordinates than prompts", resid[::10, :24]),
    ]


def main():
    normal = lambda n, d: rng.normal(size=(n, d)) * np.linspace(3, 0.5, d)
    mixed = normal(20, 4) @ rng.normal(size=(4, 4))
    deficient = normal(15, 5)
    deficient[:, 3] = deficient[:, 0]
    deficient[:, 4] = -2 * deficient[:, 1]
    flat = normal(12, 4)
    flat[:, 1] = 0.1
    flat[:, 3] = 0
    far = normal(30, 3) + np.array([1e4, -3e3, 50])
    outlier = normal(25, 5)
    outlier[:, 2] += 60
    zeros = normal(8, 3)
    zeros[[2, 5]] = 0
    opposite = np.array([[1.0, -1.0, 0.2], [2.0, -2.0, -0.1], [0.5, -0.5, 0.3], [0.0, 0.0, -0.4]])
    cases = [
        case("one vector", [[3, -4]]),
        case("two vectors", [[3, -4, 1], [1, 2, 0.5]]),
        case("two equal vectors", [[3, -4], [3, -4]]),
        case("one coordinate", [[1], [2], [4], [-3]]),
        case("zeros", np.zeros((4, 3))),
        case("constant", np.full((5, 3), 0.1)),
        case("normal", normal(40, 6)),
        case("mixed", mixed),
        case("as many vectors as coordinates", normal(5, 5)),
        case("more coordinates than vectors", normal(4, 9)),
        case("a coordinate twice and one the other's opposite", deficient),
        case("opposite neurons", opposite),
        case("constant coordinates", flat),
        case("some vectors zero", zeros),
        case("mean far from zero", far, loose=1e-6),
        case("outlier dimension", outlier),
        case("tiny", mixed * 1e-30, loose=1e-9),
        case("huge", mixed * 1e30, loose=1e-9),
        case("smallest floats", np.round(mixed * 40) * 1.4e-45, loose=1e-9),
        case("tiny beside huge", mixed * np.array([1e-30, 1, 1e30, 1e15]), loose=1e-9),
        *demo(sys.argv[1] if len(sys.argv) > 1 else None),
    ]
    golden = {
        "made": {
            "by": "tools/basis_golden.py",
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
            "tolerance": "eigenvalues, means, deviations 1e-12 of the largest; components 1e-9 or as loose says; coordinates 3e-7 of"
            " the largest, and that; norm shares and cosines 1e-12",
        },
        "cases": cases,
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(c, allow_nan=False) for c in golden["cases"])
    TARGET.write_text(
        '{"made": ' + json.dumps(golden["made"]) + ',\n"cases": [\n' + lines + "\n]}\n", encoding="utf-8"
    )
    print(TARGET, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

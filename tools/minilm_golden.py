"""Topic selectivity of MiniLM's heads and neurons, as MiniLmTest has it, by onnxruntime, tokenizers and scikit-learn.

    python tools/minilm_golden.py MODEL.onnx TOKENIZER.json PROMPTS.csv

prints, for the units in the test, AUROC against all other topics, and how many units have an AUROC above 0.9505, which none has exactly, for some topic.
Versions used: onnxruntime 1.30.0, tokenizers 0.23.2, scikit-learn 1.9.1, NumPy 2.4.6, onnx 1.23.1.
"""

import csv
import sys

import numpy as np
import onnx
import onnxruntime
from sklearn.metrics import roc_auc_score
from tokenizers import Tokenizer

model = onnx.load(sys.argv[1])
z = [f"/encoder/layer.{i}/attention/self/MatMul_1_output_0" for i in range(6)]
neurons = [f"/encoder/layer.{i}/intermediate/intermediate_act_fn/Mul_1_output_0" for i in range(6)]
for name in z + neurons:
    model.graph.output.append(onnx.ValueInfoProto(name=name))
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
tokenizer = Tokenizer.from_file(sys.argv[2])
tokenizer.no_padding()
tokenizer.no_truncation()

topics, rows = [], []
with open(sys.argv[3], newline="", encoding="utf-8") as file:
    for prompt in csv.DictReader(file):
        ids = np.array([tokenizer.encode(prompt["text"]).ids], dtype=np.int64)
        values = session.run(
            z + neurons,
            {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)},
        )
        # [CLS] stands first and is left out.
        heads = [np.linalg.norm(v[0, :, 1:].astype(np.float64), axis=-1).mean(axis=-1) for v in values[:6]]
        units = [v[0, 1:].astype(np.float64).mean(axis=0) for v in values[6:]]
        topics.append(prompt["topic"])
        rows.append(np.concatenate([np.concatenate(heads), np.concatenate(units)]))
rows = np.array(rows)
topics = np.array(topics)
auroc = {t: np.array([roc_auc_score(topics == t, rows[:, u]) for u in range(rows.shape[1])]) for t in sorted(set(topics))}
best = np.max(list(auroc.values()), axis=0)
print("units", rows.shape[1], "heads:", (best[:72] > 0.9505).sum(), "neurons:", (best[72:] > 0.9505).sum())
for topic in ("law", "french"):
    head = int(np.argmax(auroc[topic][:72]))
    unit = int(np.argmax(auroc[topic][72:]))
    print(topic, "head", divmod(head, 12), auroc[topic][head], rows[topics == topic, head].mean())
    print(topic, "neuron", divmod(unit, 1536), auroc[topic][72 + unit], rows[topics == topic, 72 + unit].mean())

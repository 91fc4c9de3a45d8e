"""Measures what a capture by forward hooks costs in transformers, a round at a request.

Last run with Python 3.11, torch 2.13.0 (CPU) and transformers 5.18.0; the first line printed says what is used.

    pip install torch==2.13.0 transformers==5.18.0
    python tools/transformers_hooks.py CHECKPOINT PROMPTS.jsonl [THREADS]

CHECKPOINT is a folder with an OPT, PROMPTS has a line {"ids": [2, 31414, ...]} a prompt, THREADS is 2 unless given. The
model is OPTForCausalLM on the CPU in float32 and in bfloat16. Prompts are sorted by length and run in batches that fill a budget of
tokens, padding included; the budget and the kind of attention, eager or sdpa, are those that ran fastest for each type in
a trial at the start. Then comes the line "ready". Each line read from standard input names what to run all prompts through:

    plain          the forward pass
    hooks          with forward hooks that mean-pool each layer's z and neurons over the real tokens
    hooks_no_head  the same without the language-model head

and the same with "bfloat16 " before it.

Each is answered by a line with a number: real tokens per second. benchmarks' CaptureSpeed asks in turn with its own.
"""

import json
import platform
import sys
import time

import torch
import transformers
from transformers import OPTForCausalLM

BUDGETS = [256, 512, 1024, 2048, 4096]
PAD = 1


class Hooks:
    """Mean-pools the inputs of each layer's out_proj and fc2 while it is on."""

    def __init__(self, model):
        self.pooled = []
        self.share = None
        self.handles = [
            linear.register_forward_pre_hook(self.pool)
            for layer in model.model.decoder.layers
            for linear in (layer.self_attn.out_proj, layer.fc2)
        ]

    def pool(self, _module, inputs):
        batch, length = self.share.shape[0], self.share.shape[2]
        self.pooled.append(torch.bmm(self.share, inputs[0].view(batch, length, -1)))

    def remove(self):
        for handle in self.handles:
            handle.remove()


def batches(prompts, budget):
    """Padded ids and masks of prompts of similar lengths."""
    groups = [[]]
    for ids in sorted(prompts, key=len):
        if groups[-1] and (len(groups[-1]) + 1) * len(ids) > budget:
            groups.append([])
        groups[-1].append(ids)
    made = []
    for group in groups:
        longest = len(group[-1])
        ids = torch.tensor([ids + [PAD] * (longest - len(ids)) for ids in group])
        mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in group])
        made.append((ids, mask))
    return made


def run(model, what, made):
    """Real tokens per second."""
    hooks = None if what == "plain" else Hooks(model)
    network = model.model if what == "hooks_no_head" else model
    begin = time.perf_counter()
    with torch.inference_mode():
        for ids, mask in made:
            if hooks:
                share = mask.float()
                hooks.share = (share / share.sum(1, keepdim=True)).unsqueeze(1).to(model.dtype)
            network(input_ids=ids, attention_mask=mask, use_cache=False)
    seconds = time.perf_counter() - begin
    if hooks:
        hooks.remove()
        assert len(hooks.pooled) == 2 * len(made) * model.config.num_hidden_layers
    return sum(int(mask.sum()) for _, mask in made) / seconds


def trial(models, prompts):
    """The fastest attention and budget for the plain forward pass, by the better of two runs of every fourth prompt."""
    some = sorted(prompts, key=len)[::4]
    speeds = {(kind, budget): 0.0 for kind in models for budget in BUDGETS}
    for _ in range(2):
        for kind, budget in speeds:
            speed = run(models[kind], "plain", batches(some, budget))
            speeds[kind, budget] = max(speeds[kind, budget], speed)
    return max(speeds, key=speeds.get)


def prepared(checkpoint, prompts, dtype):
    """The model with its fastest attention, and the batches of its fastest budget."""
    models = {
        kind: OPTForCausalLM.from_pretrained(checkpoint, dtype=dtype, attn_implementation=kind).eval()
        for kind in ("eager", "sdpa")
    }
    kind, budget = trial(models, prompts)
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, transformers {transformers.__version__}, "
        f"{dtype}, {torch.get_num_threads()} threads, {kind} attention, batches of {budget} tokens",
        flush=True,
    )
    return models[kind], batches(prompts, budget)


def main(checkpoint, prompt_file, threads=2):
    torch.set_num_threads(int(threads))
    transformers.utils.logging.disable_progress_bar()
    with open(prompt_file, encoding="utf-8") as lines:
        prompts = [json.loads(line)["ids"] for line in lines]
    single = prepared(checkpoint, prompts, torch.float32)
    half = prepared(checkpoint, prompts, torch.bfloat16)
    print("ready", flush=True)
    for line in sys.stdin:
        what = line.strip()
        model, made = half if what.startswith("bfloat16 ") else single
        print(run(model, what.removeprefix("bfloat16 "), made), flush=True)


main(*sys.argv[1:])

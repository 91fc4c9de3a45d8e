"""Writes what transformers computes under interventions, by plain hooks, for some of the tests' OPT checkpoints.

Made with Python 3.11, torch 2.13.0 (CPU) and transformers 5.18.0; the last line printed says what was used. Run from
the repository root:

    pip install torch==2.13.0 transformers==5.18.0
    python tools/intervention_golden.py modscan-onnx/src/test/resources/io/modscan/onnx/opt

The folder holds the checkpoints, in references/, made by opt_references.py. Each of CHECKPOINTS gets a folder in
interventions/, made anew:

    prompts.jsonl           first the untouched prompts, then prompts under interventions, as Prompts.jsonl reads them
    means.safetensors       of each site that is changed, the mean over the untouched prompts: each counts once, with
                            the mean over its positions
    prompt_ID.safetensors   what one untouched prompt has, position by position
    golden.safetensors      of all lines, in their order, positions of all prompts one behind the other: logits (at
                            the last token only), loss, the last residual stream, the logarithms of some tokens'
                            probabilities, and KL(untouched || changed)

A hook changes a tensor row by row, change by change, as the line says: value := keep * value + times * reference, at
the chosen columns. Lines of all lengths run in batches, once padded on the left and once on the right; both must agree,
and each intervention must show in what is written, unless it puts in what is there already. InterventionGoldenTest
reads the files.
"""

import itertools
import json
import platform
import shutil
import sys
from pathlib import Path
from unittest import mock

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import OPTForCausalLM
from transformers.models.opt import modeling_opt

CHECKPOINTS = ["pre_norm", "post_norm_projected_half", "galactica_sharded_bin", "no_bias_decoder_prefix"]

# Three prompts that are changed, and for each another one of its length, whose values are put into it.
LENGTHS = {"a": 7, "b": 5, "c": 4, "d": 7, "e": 5, "f": 4}
OTHER = {"a": "d", "b": "e", "c": "f", "d": "d"}
TOKENS = [5, 17, 33]
PAD = 1
ROWS = 9

BY_HEADS = ["attn.hook_z", "attn.hook_q", "attn.hook_k", "attn.hook_v"]
NEURONS = "mlp.hook_post"
STREAM = ["hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_attn_out", "hook_mlp_out"]
VECTORS = BY_HEADS + [NEURONS] + STREAM
PATTERN = "attn.hook_pattern"


# ---- what is changed ----


def interventions(model, vectors_of):
    """(id of a prompt, intervention) of each line.

    Every site meets every replacement, and both meet all positions, some from the beginning and some from the end, and
    all ways to choose units.
    """
    config = model.config
    layers, heads = config.num_hidden_layers, config.num_attention_heads
    per_head = config.hidden_size // heads
    generator = torch.Generator().manual_seed(21)

    def direction(width):
        return [round(x, 2) for x in torch.randn(width, generator=generator).tolist()]

    def width(site):
        return config.ffn_dim if site.endswith(NEURONS) else config.hidden_size

    def at(layer, hook):
        return f"blocks.{layer % layers}.{hook}"

    def some(hook, way, turn):
        """Units: one head or some units, all but some, or all."""
        if way == 2:
            return {}
        if hook in BY_HEADS and turn % 2 == 0:
            return {"heads": [turn % heads]} if way == 0 else {"heads": [turn % heads], "except": True}
        units = [1, per_head, config.hidden_size - 2] if hook != NEURONS else list(range(1, config.ffn_dim, 2))
        return {"units": units} if way == 0 else {"units": units[:2], "except": True}

    def by(kind, site, prompt):
        return {
            "zero": lambda: "zero",
            "mean": lambda: {"values": "means.safetensors"},
            "patch": lambda: {"values": f"prompt_{OTHER[prompt]}.safetensors"},
            "factor": lambda: {"keep": -0.5},
            "steer": lambda: {"keep": 1, "times": 2.5, "values": direction(width(site))},
        }[kind]()

    lines = []

    def add(prompt, name, *changes):
        lines.append((prompt, {"name": name, "changes": list(changes)}))

    positions = [{}, {"positions": [1, 3]}, {"positions": [-3, -1]}]
    kinds = ["zero", "mean", "patch", "factor", "steer"]
    for (s, hook), (b, kind) in itertools.product(enumerate(VECTORS), enumerate(kinds)):
        turn = s * len(kinds) + b
        prompt = "abc"[turn % 3]
        site = at(turn, hook)
        change = {"site": site, **some(hook, (s + 2 * b + 1) % 3, turn), **positions[(s + b + 1) % 3]}
        add(prompt, f"{kind} {site}", {**change, "by": by(kind, site, prompt)})

    last = layers - 1
    for prompt, name, edges in [
        ("a", "an edge", {"heads": [0], "positions": [-1], "keys": [1]}),
        ("b", "edges of all heads", {"positions": [2, 3], "keys": [0, -3]}),
        ("c", "no BOS but for head 1", {"heads": [1], "except": True, "keys": [0]}),
        ("a", "blind queries", {"heads": [heads - 1], "positions": [4, 5]}),
        ("b", "a whole pattern", {"heads": [0]}),
        ("c", "half a pattern", {"heads": [0, 1], "by": {"keep": 0.5}}),
    ]:
        add(prompt, name, {"site": at(len(lines), PATTERN), "by": "zero", **edges})

    add(
        "a",
        "a head, neurons and a push",
        {"site": at(0, "attn.hook_z"), "heads": [1], "by": {"values": "means.safetensors"}},
        {"site": at(last, NEURONS), "units": [0, 2, 4, 6], "by": "zero"},
        {"site": at(last, "hook_resid_post"), "positions": [-1], "by": by("steer", at(last, "hook_resid_post"), "a")},
    )
    add(
        "b",
        "the same units in turn",
        {"site": at(0, "hook_resid_mid"), "units": [0, 1, 2], "by": {"keep": 0.5}},
        {
            "site": at(0, "hook_resid_mid"),
            "units": [1, 2, 3],
            "positions": [1, 2],
            "by": by("steer", "hook_resid_mid", "b"),
        },
        {"site": at(0, "hook_resid_mid"), "units": [2, 3], "by": {"keep": -2}},
    )
    add(
        "c",
        "between two blocks",
        {"site": at(0, "hook_resid_post"), "units": [1, 2], "by": by("mean", "", "c")},
        {"site": at(1, "hook_resid_pre"), "units": [2, 3], "by": {"keep": 1.5}},
    )
    add(
        "a",
        "all of an attention",
        {"site": at(last, "attn.hook_q"), "positions": [3], "by": {"keep": 0.5}},
        {"site": at(last, "attn.hook_k"), "heads": [0], "by": by("mean", "", "a")},
        {"site": at(last, "attn.hook_v"), "heads": [1], "positions": [0], "by": by("patch", "", "a")},
        {"site": at(last, PATTERN), "heads": [0], "positions": [-1], "keys": [0], "by": "zero"},
        {"site": at(last, "attn.hook_z"), "heads": [2], "positions": [-2], "by": {"keep": 2}},
        {"site": at(last, "hook_attn_out"), "units": [0], "by": {"keep": 3}},
    )
    add(
        "b",
        "only head 1 and some neurons",
        *[
            {"site": at(layer, hook), kept: units, "except": True, "by": {"values": "means.safetensors"}}
            for layer in range(layers)
            for hook, kept, units in [("attn.hook_z", "heads", [1]), (NEURONS, "units", [0, 1, 2, 3, 4, 5])]
        ],
    )
    add(
        "a",
        "position 5 of d to 2",
        {
            "site": at(0, "hook_resid_post"),
            "positions": [2],
            "by": {"values": exactly(vectors_of["d"][at(0, "hook_resid_post")][5])},
        },
    )
    add(
        "c",
        "half away from f",
        {"site": at(0, "hook_mlp_out"), "by": {"keep": 1.5, "times": -0.5, "values": "prompt_f.safetensors"}},
    )
    add("d", "own values", *[{"site": at(last, hook), "by": by("patch", "", "d")} for hook in VECTORS])
    return lines


def exactly(vector):
    numbers = [float(f"{x:.9g}") for x in vector.tolist()]
    assert torch.equal(torch.tensor(numbers), vector)
    return numbers


# ---- how it is done to transformers ----


class Changes:
    """Hooks that change the rows of a batch, each by an intervention of its own or none, and others that read sites."""

    def __init__(self, model, folder, starts, lengths, rows, reading=()):
        self.model, self.folder = model, folder
        self.starts, self.lengths, self.rows = starts, lengths, rows
        self.reading = set(reading)
        self.taken = {}
        self.handles = []
        self.files = {}
        self.patterns = {}
        for number, layer in enumerate(model.model.decoder.layers):
            block, attention = f"blocks.{number}.", layer.self_attn
            self.input(layer, block + "hook_resid_pre")
            for letter in "qkv":
                self.output(getattr(attention, letter + "_proj"), block + "attn.hook_" + letter)
            self.patterns[attention] = block + PATTERN
            self.input(attention.out_proj, block + "attn.hook_z")
            self.output(attention.out_proj, block + "hook_attn_out")
            if layer.do_layer_norm_before:
                self.in_place(layer.final_layer_norm, block + "hook_resid_mid")
            else:
                self.output(layer.self_attn_layer_norm, block + "hook_resid_mid")
            self.input(layer.fc2, block + NEURONS)
            self.output(layer.fc2, block + "hook_mlp_out")
            self.output(layer, block + "hook_resid_post")

    def output(self, module, site):
        self.handles.append(module.register_forward_hook(lambda _, __, result: self.changed(site, result)))

    def input(self, module, site):
        def hook(_, args, kwargs):
            if args:
                return (self.changed(site, args[0]), *args[1:]), kwargs
            return args, {**kwargs, "hidden_states": self.changed(site, kwargs["hidden_states"])}

        self.handles.append(module.register_forward_pre_hook(hook, with_kwargs=True))

    def in_place(self, module, site):
        """The LayerNorm is given the very numbers that are added to the MLP's output later on."""

        def hook(_, args):
            args[0].copy_(self.changed(site, args[0]))

        self.handles.append(module.register_forward_pre_hook(hook))

    def changed(self, site, tensor):
        values = tensor.reshape(len(self.rows), -1, tensor.shape[-1]).clone()
        for row, intervention in enumerate(self.rows):
            for change in intervention["changes"] if intervention else []:
                if change["site"] == site:
                    self.change(values[row], change, row)
        if site in self.reading:
            self.taken[site] = values
        return values.reshape(tensor.shape)

    def change(self, values, change, row):
        """values[columns, width] in place."""
        length, start = self.lengths[row], self.starts[row]
        units = self.units(change, values.shape[-1])
        by = {"keep": 0, "times": 0} if change["by"] == "zero" else {"keep": 0, "times": 1, **change["by"]}
        for position in self.positions(change.get("positions"), length):
            vector = values[start + position]
            new = by["keep"] * vector
            if "values" in by:
                new = new + by["times"] * self.reference(by["values"], change["site"], position)
            vector[units] = new[units]

    def units(self, change, width):
        if "heads" in change:
            heads = self.model.config.num_attention_heads
            named = torch.tensor([head in change["heads"] for head in range(heads)]).repeat_interleave(width // heads)
        else:
            named = torch.tensor([unit in change["units"] if "units" in change else True for unit in range(width)])
        return ~named if change.get("except") else named

    @staticmethod
    def positions(chosen, length):
        return [p % length for p in chosen] if chosen else range(length)

    def reference(self, values, site, position):
        if isinstance(values, list):
            return torch.tensor(values)
        if values not in self.files:
            self.files[values] = load_file(self.folder / values)
        tensor = self.files[values][site]
        return tensor if tensor.dim() == 1 else tensor[position]

    def attention(self, original):
        """No module stands between the softmax and the product with the values: the function of both is wrapped."""

        def wrapped(module, query, key, value, *args, **kwargs):
            _, weights = original(module, query, key, value, *args, **kwargs)
            for row, intervention in enumerate(self.rows):
                for change in intervention["changes"] if intervention else []:
                    if change["site"] == self.patterns[module]:
                        self.weigh(weights[row], change, row)
            return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights

        return wrapped

    def weigh(self, weights, change, row):
        """weights[heads, queries, keys] in place."""
        length, start = self.lengths[row], self.starts[row]
        keep = 0 if change["by"] == "zero" else change["by"]["keep"]
        for head in self.units(change, len(weights)).nonzero().flatten().tolist():
            for query in self.positions(change.get("positions"), length):
                for key in self.positions(change.get("keys"), length):
                    weights[head, start + query, start + key] *= keep

    def remove(self):
        for handle in self.handles:
            handle.remove()


def run(model, folder, lines, side, reading):
    """Of each line (ids, intervention): logits, and the sites that are read, at its own positions."""
    results = []
    for first in range(0, len(lines), ROWS):
        batch = lines[first : first + ROWS]
        columns = max(len(ids) for ids, _ in batch)
        lengths = [len(ids) for ids, _ in batch]
        starts = [columns - length if side == "left" else 0 for length in lengths]
        ids = torch.full((len(batch), columns), PAD)
        mask = torch.zeros_like(ids)
        for row, (own, _) in enumerate(batch):
            ids[row, starts[row] : starts[row] + lengths[row]] = torch.tensor(own)
            mask[row, starts[row] : starts[row] + lengths[row]] = 1
        changes = Changes(model, folder, starts, lengths, [intervention for _, intervention in batch], reading)
        wrapped = changes.attention(modeling_opt.eager_attention_forward)
        with torch.no_grad(), mock.patch.object(modeling_opt, "eager_attention_forward", wrapped):
            logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        changes.remove()
        for row, (start, length) in enumerate(zip(starts, lengths)):
            here = {name: tensor[row, start : start + length] for name, tensor in changes.taken.items()}
            results.append({"logits": logits[row, start : start + length], **here})
    return results


# ---- what is written ----


def outcomes(ids, result, untouched, stream):
    log_p = result["logits"].log_softmax(-1)
    before, after = untouched["logits"].double().log_softmax(-1), result["logits"].double().log_softmax(-1)
    loss = torch.full((len(ids),), float("nan"))
    loss[1:] = -log_p[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    return {
        "logits": result["logits"][-1:],
        "loss": loss,
        stream: result[stream],
        f"log_probs[{','.join(map(str, TOKENS))}]": log_p[:, TOKENS],
        "kl": (before.exp() * (before - after)).sum(-1).float(),
    }


def size(tensor):
    return tensor.nan_to_num().abs().max().item()


def untouched_prompts(config):
    generator = torch.Generator().manual_seed(20)
    return {
        name: [config.bos_token_id] + torch.randint(4, config.vocab_size, (length - 1,), generator=generator).tolist()
        for name, length in LENGTHS.items()
    }


def write(checkpoint, folder):
    model = OPTForCausalLM.from_pretrained(checkpoint, dtype=torch.float32, attn_implementation="eager").eval()
    prompts = untouched_prompts(model.config)
    sites = [f"blocks.{layer}.{hook}" for layer in range(model.config.num_hidden_layers) for hook in VECTORS]
    stream = f"blocks.{model.config.num_hidden_layers - 1}.hook_resid_post"

    bare = [(ids, None) for ids in prompts.values()]
    values = dict(zip(prompts, run(model, folder, bare, "right", sites)))
    for name in sorted(set(OTHER.values())):
        save_file({site: values[name][site].clone() for site in sites}, folder / f"prompt_{name}.safetensors")
    means = {site: torch.stack([values[name][site].double().mean(0) for name in prompts]).mean(0) for site in sites}
    save_file({site: mean.float() for site, mean in means.items()}, folder / "means.safetensors")

    changed = interventions(model, values)
    lines = [(name, None) for name in prompts] + changed
    runs = [(prompts[name], intervention) for name, intervention in lines]
    left, right = (run(model, folder, runs, side, [stream]) for side in ("left", "right"))
    golden, apart, least = {}, 0.0, {}
    for (name, intervention), one, other in zip(lines, left, right):
        for site in one:
            apart = max(apart, size(one[site] - other[site]) / size(other[site]))
        moved = max(size(other[site] - values[name][site]) / size(values[name][site]) for site in ("logits", stream))
        if intervention and intervention["name"] != "own values":
            least[name + " " + intervention["name"]] = moved
        else:
            assert moved < 1e-6, (name, intervention, moved)
        for site, tensor in outcomes(prompts[name], other, values[name], stream).items():
            golden.setdefault(site, []).append(tensor)
    assert apart < 5e-6, apart
    unseen = {name: moved for name, moved in least.items() if moved < 1e-3}
    assert not unseen, unseen
    save_file({site: torch.cat(tensors) for site, tensors in golden.items()}, folder / "golden.safetensors")
    with open(folder / "prompts.jsonl", "w", encoding="utf-8") as file:
        for name, intervention in lines:
            line = {"id": name, "ids": prompts[name]}
            if intervention:
                line = {"id": f"{name}@{intervention['name']}", "ids": prompts[name], "of": name}
                line["intervention"] = intervention
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    written = sum(file.stat().st_size for file in folder.iterdir())
    print(
        f"{folder.name}: {len(changed)} interventions, {written} bytes; left and right differ by {apart:.1e}, an "
        f"intervention shows by {min(least.values()):.1e} at least"
    )


def main(opt):
    shutil.rmtree(opt / "interventions", ignore_errors=True)
    for name in CHECKPOINTS:
        folder = opt / "interventions" / name
        folder.mkdir(parents=True)
        write(opt / "references" / name, folder)
    print("python", platform.python_version(), "torch", torch.__version__, "transformers", transformers.__version__)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

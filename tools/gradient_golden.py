"""Writes gradients of activations, as torch's autograd gives them, for some of the tests' OPT checkpoints.

Made with Python 3.11, torch 2.13.0 (CPU) and transformers 5.18.0; the last line printed says what was used. Run from
the repository root, after intervention_golden.py, whose prompts, means and other prompts' values are used:

    pip install torch==2.13.0 transformers==5.18.0
    python tools/gradient_golden.py modscan-onnx/src/test/resources/io/modscan/onnx/opt

The folder holds the checkpoints, in references/, and what is put in, in interventions/. Each of CHECKPOINTS gets a
folder in gradients/, made anew:

    prompts.jsonl        untouched prompts, the last of one token only, and then prompts under interventions, as
                         Prompts.jsonl reads them
    golden.safetensors   direction, which an objective is along, and of each objective and site
                             OBJECTIVE/SITE.gradient             of every site that the objective hangs on
                             OBJECTIVE/TOWARD/SITE.attribution   (what it is towards - value) * gradient, summed over a
                                                                 head's units
                         of all lines in their order, one prompt's numbers behind the other's. Only loss has the lines
                         under interventions, and attributions towards more than zero; the losses lack the prompt of
                         one token.

A gradient is that of the tensor that is handed on, as an intervention leaves it. All is computed in double precision,
each line by itself, and again in batches padded on the left and on the right; all three must agree. GradientGoldenTest
reads the files.
"""

import json
import platform
import shutil
import sys
from pathlib import Path
from unittest import mock

import torch
import transformers
from intervention_golden import CHECKPOINTS, OTHER, PAD, PATTERN, Changes, untouched_prompts
from safetensors.torch import load_file, save_file
from transformers import OPTForCausalLM
from transformers.models.opt import modeling_opt

SCORES = "attn.hook_attn_scores"
RESULT = "attn.hook_result"
ATTRIBUTED = ["attn.hook_z", PATTERN, "hook_resid_mid", "mlp.hook_post"]
LOSSES = ["loss", "loss at 2 and -1"]


# ---- what is differentiated ----


def objectives(layers):
    """Each gives a number for a prompt, of its ids and what was read at its own positions."""
    along = "blocks.1.hook_resid_post" if layers > 1 else "blocks.0.hook_resid_mid"

    def losses(ids, read):
        log_p = read["logits"].log_softmax(-1)
        return -log_p[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0]

    def loss_at(ids, read):
        by_position = losses(ids, read)
        return (by_position[2 - 1] + by_position[-1]) / 2

    return {
        "loss": lambda ids, read: losses(ids, read).mean(),
        "loss at 2 and -1": loss_at,
        "logit 5 - 17": lambda ids, read: read["logits"][-1, 5] - read["logits"][-1, 17],
        "log prob 33 everywhere": lambda ids, read: read["logits"].log_softmax(-1)[:, 33].mean(),
        "direction": lambda ids, read: (read[along] @ direction(read[along].shape[-1]).double()).mean(),
    }


def direction(width):
    return torch.randn(width, generator=torch.Generator().manual_seed(31))


def interventions(checkpoint, layers):
    """(id of a prompt, intervention) of each line."""
    means = f"../../interventions/{checkpoint}/means.safetensors"
    last = f"blocks.{layers - 1}."
    return [
        (
            "a",
            {
                "name": "half a head",
                "changes": [{"site": "blocks.0.attn.hook_z", "heads": [0], "by": {"keep": 0.5}}],
            },
        ),
        (
            "b",
            {
                "name": "a neuron at its mean",
                "changes": [{"site": "blocks.0.mlp.hook_post", "units": [3], "by": {"values": means}}],
            },
        ),
        (
            "c",
            {
                "name": "at some positions",
                "changes": [
                    {"site": "blocks.0." + PATTERN, "heads": [1], "keys": [0], "by": {"keep": 0.5}},
                    {"site": "blocks.0.hook_resid_mid", "positions": [1, -1], "by": {"keep": -0.5}},
                    {"site": last + "attn.hook_k", "heads": [0], "positions": [0], "by": {"keep": 2}},
                    {"site": last + "hook_mlp_out", "positions": [2], "by": "zero"},
                ],
            },
        ),
    ]


# ---- how it is read from transformers ----


class Tensors(Changes):
    """Keeps every tensor that a gradient is had of, as what lies behind it is given it."""

    def __init__(self, model, folder, starts, lengths, rows):
        super().__init__(model, folder, starts, lengths, rows)
        decoder = model.model.decoder
        self.output(decoder.project_in or decoder.embed_tokens, "hook_embed")
        self.output(decoder.embed_positions, "hook_pos_embed")
        for number, layer in enumerate(decoder.layers):
            block = f"blocks.{number}."
            # Where it is also what the MLP half is given, it is read before that is changed.
            self.output(layer.self_attn_layer_norm, block + "ln1.hook_normalized", prepend=True)
            self.heads(layer.self_attn.out_proj, block + RESULT)
            self.output(layer.final_layer_norm, block + "ln2.hook_normalized")
            self.output(layer.fc1, block + "mlp.hook_pre")
        if decoder.final_layer_norm:
            self.output(decoder.final_layer_norm, "ln_final.hook_normalized")
        self.output(model.lm_head, "logits")

    def changed(self, site, tensor):
        self.taken[site] = super().changed(site, tensor).reshape(len(self.rows), -1, tensor.shape[-1])
        return self.taken[site].reshape(tensor.shape)

    def output(self, module, site, prepend=False):
        def hook(_, __, result):
            return self.changed(site, result)

        self.handles.append(module.register_forward_hook(hook, prepend=prepend))

    def heads(self, linear, site):
        """The product of all heads at once has no tensor of each head's: it is made anew, before others see it."""
        count = self.model.config.num_attention_heads

        def hook(_, args, __):
            z = args[0].unflatten(-1, (count, -1))
            by_head = torch.einsum("bthd,mhd->bthm", z, linear.weight.unflatten(-1, (count, -1)))
            self.taken[site] = by_head
            total = by_head.sum(-2)
            return total if linear.bias is None else total + linear.bias

        self.handles.append(linear.register_forward_hook(hook, prepend=True))

    def attention(self, module, query, key, value, mask, scaling, **_):
        pattern = self.patterns[module]
        scores = query @ key.transpose(-1, -2) * scaling + mask
        self.taken[pattern.replace(PATTERN, SCORES)] = scores
        weights = scores.softmax(-1).clone()
        for row, intervention in enumerate(self.rows):
            for change in intervention["changes"] if intervention else []:
                if change["site"] == pattern:
                    self.weigh(weights[row], change, row)
        self.taken[pattern] = weights
        return (weights @ value).transpose(1, 2).contiguous(), weights


def run(model, folder, lines, side, objective):
    """Of each line (ids, intervention): values and gradients, at its own positions, and the objective's value."""
    columns = max(len(ids) for ids, _ in lines)
    lengths = [len(ids) for ids, _ in lines]
    starts = [columns - length if side == "left" else 0 for length in lengths]
    ids = torch.full((len(lines), columns), PAD)
    mask = torch.zeros_like(ids)
    for row, (own, _) in enumerate(lines):
        ids[row, starts[row] : starts[row] + lengths[row]] = torch.tensor(own)
        mask[row, starts[row] : starts[row] + lengths[row]] = 1
    tensors = Tensors(model, folder, starts, lengths, [intervention for _, intervention in lines])
    with mock.patch.object(modeling_opt, "eager_attention_forward", tensors.attention):
        model(input_ids=ids, attention_mask=mask, use_cache=False)
    tensors.remove()

    def own(site, tensor, row):
        here = slice(starts[row], starts[row] + lengths[row])
        return tensor[row, :, here, here] if site.endswith((PATTERN, SCORES)) else tensor[row, here]

    values = [{site: own(site, tensor, row) for site, tensor in tensors.taken.items()} for row in range(len(lines))]
    numbers = [objective(own_ids, read) for (own_ids, _), read in zip(lines, values)]
    gradients = torch.autograd.grad(sum(numbers), list(tensors.taken.values()), allow_unused=True)
    found = {site: gradient for site, gradient in zip(tensors.taken, gradients) if gradient is not None}
    return [
        (read, {site: own(site, gradient, row) for site, gradient in found.items()}, number.item())
        for row, (read, number) in enumerate(zip(values, numbers))
    ]


# ---- what is written ----


def attribution(site, value, gradient, toward, heads):
    products = (toward - value) * gradient
    return products.unflatten(-1, (heads, -1)).sum(-1) if site.endswith("attn.hook_z") else products


def differing(one, other):
    return max(
        (one[site] - other[site]).abs().max().item() / max(other[site].abs().max().item(), 1e-9) for site in other
    )


def write(checkpoint, folder):
    model = OPTForCausalLM.from_pretrained(checkpoint, dtype=torch.float64, attn_implementation="eager").eval()
    heads, layers = model.config.num_attention_heads, model.config.num_hidden_layers
    known = folder.parent.parent / "interventions" / folder.name
    means = load_file(known / "means.safetensors")
    others = {name: load_file(known / f"prompt_{OTHER[name]}.safetensors") for name in "abc"}

    all_prompts = untouched_prompts(model.config)
    prompts = {name: all_prompts[name] for name in "abc"}
    prompts["bos"] = [model.config.bos_token_id]
    lines = [(name, None) for name in prompts] + interventions(folder.name, layers)

    golden, apart = {"direction": direction(model.config.hidden_size)}, 0.0

    def put(name, tensor):
        golden.setdefault(name, []).append(tensor.detach().float().flatten())

    for objective, number in objectives(layers).items():
        asked = [
            (name, intervention)
            for name, intervention in lines
            if (objective == "loss" or not intervention) and (objective not in LOSSES or len(prompts[name]) > 1)
        ]
        rows = [(prompts[name], intervention) for name, intervention in asked]
        alone = [run(model, folder, [row], "right", number)[0] for row in rows]
        for side in ("left", "right"):
            for (_, gradients, value), (_, in_batch, again) in zip(alone, run(model, folder, rows, side, number)):
                apart = max(apart, differing(in_batch, gradients), abs(value - again))
        for (name, intervention), (values, gradients, _) in zip(asked, alone):
            if not intervention:
                plain = model(input_ids=torch.tensor([prompts[name]]), use_cache=False).logits[0]
                # The softmax of transformers is of single precision.
                assert differing({"logits": values["logits"]}, {"logits": plain}) < 1e-5
            for site, gradient in gradients.items():
                put(f"{objective}/{site}.gradient", gradient)
            for site in [site for site in gradients if site.endswith(tuple(ATTRIBUTED))]:
                toward = {"zero": torch.zeros(())}
                if objective == "loss" and site in means:
                    toward.update({"mean": means[site], "other": others[name][site]})
                for what, reference in toward.items():
                    tensor = attribution(site, values[site], gradients[site], reference, heads)
                    put(f"{objective}/{what}/{site}.attribution", tensor)
    assert apart < 1e-10, apart
    tensors = {name: torch.cat(parts) if isinstance(parts, list) else parts for name, parts in golden.items()}
    least = min(tensors, key=lambda name: tensors[name].abs().max())
    assert tensors[least].abs().max() > 1e-7, least
    save_file(tensors, folder / "golden.safetensors")
    with open(folder / "prompts.jsonl", "w", encoding="utf-8") as file:
        for name, intervention in lines:
            line = {"id": name, "ids": prompts[name]}
            if intervention:
                line = {"id": f"{name}@{intervention['name']}", "ids": prompts[name], "of": name}
                line["intervention"] = intervention
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    written = sum(file.stat().st_size for file in folder.iterdir())
    print(
        f"{folder.name}: {len(tensors)} tensors, {written} bytes; batches differ by {apart:.1e}, least of all is "
        f"{least} with {tensors[least].abs().max():.1e}"
    )


def main(opt):
    shutil.rmtree(opt / "gradients", ignore_errors=True)
    for name in CHECKPOINTS:
        folder = opt / "gradients" / name
        folder.mkdir(parents=True)
        write(opt / "references" / name, folder)
    print("python", platform.python_version(), "torch", torch.__version__, "transformers", transformers.__version__)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Compares products in bfloat16 with transformers' own, site by site.

    pip install torch==2.13.0 transformers==5.18.0 safetensors
    java -jar modscan-cli/target/modscan.jar capture --model CHECKPOINT --prompts PROMPTS.csv --sites GLOBS \
        --pooling none --precision bfloat16 --out CAPTURE.safetensors        # built with -Pfast
    python tools/bfloat16_errors.py CHECKPOINT CAPTURE.safetensors

Runs each prompt of the capture through OPTForCausalLM in float32 and in bfloat16 (eager attention). For hook_z, hook_attn_out,
mlp.hook_post and hook_resid_post of each block it prints the norm of the difference to float32 as a share of float32's norm: for
transformers in bfloat16, and for the capture; and the same between the two.

Last run with Python 3.11, torch 2.13.0 (CPU) and transformers 5.18.0.
"""

import sys

import torch
from safetensors import safe_open
from transformers import OPTForCausalLM


def sites(model, ids):
    """The values of the sites of one prompt, [positions, units], by name."""
    found = {}
    handles = []

    def keep(name, of_input):
        def hook(_module, inputs, output=None):
            value = inputs[0] if of_input else output
            value = value[0] if isinstance(value, tuple) else value
            found[name] = value.reshape(-1, value.shape[-1]).double()

        return hook

    for i, layer in enumerate(model.model.decoder.layers):
        block = f"blocks.{i}."
        handles += [
            layer.self_attn.out_proj.register_forward_pre_hook(keep(block + "attn.hook_z", True)),
            layer.self_attn.out_proj.register_forward_hook(keep(block + "hook_attn_out", False)),
            layer.fc2.register_forward_pre_hook(keep(block + "mlp.hook_post", True)),
            layer.register_forward_hook(keep(block + "hook_resid_post", False)),
        ]
    with torch.inference_mode():
        model(input_ids=torch.tensor([ids]), use_cache=False)
    for handle in handles:
        handle.remove()
    return found


def main(checkpoint, capture):
    models = [
        OPTForCausalLM.from_pretrained(checkpoint, dtype=dtype, attn_implementation="eager").eval()
        for dtype in (torch.float32, torch.bfloat16)
    ]
    sums = {}
    with safe_open(capture, "pt") as file:
        offsets = file.get_tensor("prompt_offsets").tolist()
        tokens = file.get_tensor("input_ids").tolist()
        for begin, end in zip(offsets, offsets[1:]):
            single, half = (sites(model, tokens[begin:end]) for model in models)
            for name, values in single.items():
                ours = file.get_slice(name)[begin:end].reshape(values.shape).double()
                total = sums.setdefault(name, [0.0] * 4)
                for i, difference in enumerate((half[name] - values, ours - values, ours - half[name], values)):
                    total[i] += (difference**2).sum().item()
    print(f"{'site':<28} transformers bfloat16  ours bfloat16  between them")
    for name, (theirs, ours, between, norm) in sums.items():
        print(f"{name:<28} {(theirs / norm) ** 0.5:.5f} {(ours / norm) ** 0.5:21.5f} {(between / norm) ** 0.5:13.5f}")


main(*sys.argv[1:])

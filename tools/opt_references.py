"""Writes small OPT checkpoints in every shape and container, with what transformers computes from them.

Made with Python 3.11, torch 2.13.0 (CPU) and transformers 5.18.0; the last line printed says what was used. Run from
the repository root:

    pip install torch==2.13.0 transformers==5.18.0
    python tools/opt_references.py modscan-onnx/src/test/resources/io/modscan/onnx/opt/references

Each checkpoint gets a folder of its own, made anew, with config.json and the weights, as they would lie on the hub,
and reference.safetensors: input_ids and attention_mask, int64 [batch, position], and a float32 tensor for every site,
by the site's name, batch axis first. Activations are those of OPTForCausalLM in float32 with eager attention, in
evaluation mode, loaded from that very folder. What stands at padding has no meaning. OptReferencesTest reads them.
"""

import itertools
import json
import platform
import shutil
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import OPTConfig, OPTForCausalLM
from transformers.activations import ACT2FN

MASKED = torch.finfo(torch.float32).min
SEQUENCE = 7
PAD = 1
# Real tokens of each row as a range of columns: a whole row, one padded on the left and one on the right.
REAL = [(0, SEQUENCE), (2, SEQUENCE), (0, 4)]

SIZES = dict(
    vocab_size=40,
    hidden_size=12,
    num_hidden_layers=2,
    num_attention_heads=3,
    ffn_dim=18,
    max_position_embeddings=32,
    pad_token_id=PAD,
)


# ---- models ----


def random_model(seed, **settings):
    """A model whose every parameter is random, LayerNorms' and biases too, and large enough to matter."""
    config = OPTConfig(**{**SIZES, **settings})
    model = OPTForCausalLM(config).float().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            middle = 1.0 if name.endswith("layer_norm.weight") else 0.0
            if "activation_fn" not in name:
                parameter.copy_(middle + 0.3 * torch.randn(parameter.shape, generator=generator))
        for layer, block in enumerate(model.model.decoder.layers):
            for place, parameter in enumerate(block.activation_fn.parameters()):
                # A leaky slope, or xIELU's alphas, that bfloat16 cannot hold.
                parameter.data = torch.tensor([0.1234567 + 0.3 * layer - 0.5 * place])
    return model


def state(model, dtype=None):
    """The state dict by name, lm_head included if it is not the embedding, each tensor in a storage of its own."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        if name != "lm_head.weight" or not model.config.tie_word_embeddings:
            tensors[name] = tensor.detach().to(dtype or torch.float32).clone()
    return tensors


def renamed(tensors, prefix):
    return {name.replace("model.decoder.", prefix, 1): tensor for name, tensor in tensors.items()}


# ---- containers ----


def write_config(folder, model, without=(), **changes):
    folder.mkdir()
    model.config.architectures = ["OPTForCausalLM"]
    model.config.save_pretrained(folder)
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config.update(changes)
    for key in without:
        del config[key]
    file.write_text(json.dumps(dict(sorted(config.items())), indent=2) + "\n")


# What the configs of 2022 lack, and what they have instead.
NOT_YET = ["enable_bias", "layer_norm_elementwise_affine", "tie_word_embeddings", "_remove_final_layer_norm"]


def write_config_of_2022(folder, model, dtype, without=NOT_YET, **changes):
    model.config.dtype = None
    write_config(
        folder,
        model,
        without=without,
        activation_dropout=0.0,
        torch_dtype=dtype,
        transformers_version="4.21.0.dev0",
        **changes,
    )


def write_safetensors(folder, tensors):
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def write_safetensors_shards(folder, model, size):
    """As save_pretrained shards a model."""
    model.save_pretrained(folder, max_shard_size=size)
    (folder / "generation_config.json").unlink()
    assert (folder / "model.safetensors.index.json").exists()


def write_bin_shards(folder, tensors, count):
    """In the names and with the index that transformers 4 gave; what shares a storage shares a shard."""
    shards = [{} for _ in range(count)]
    storages = {}
    for place, (name, tensor) in enumerate(tensors.items()):
        shard = storages.setdefault(tensor.untyped_storage().data_ptr(), place * count // len(tensors))
        shards[shard][name] = tensor
    weight_map = {}
    for number, shard in enumerate(shards, start=1):
        name = f"pytorch_model-{number:05d}-of-{count:05d}.bin"
        torch.save(shard, folder / name)
        weight_map.update(dict.fromkeys(shard, name))
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2) + "\n")


# ---- references ----


def loaded(folder, ignored=()):
    model, info = OPTForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    assert not info["missing_keys"] and not info["mismatched_keys"], info
    assert set(info["unexpected_keys"]) == set(ignored), info
    return model.eval()


def loaded_by_hand(folder, tensors):
    """What transformers does not load: names without a prefix."""
    config = OPTConfig.from_pretrained(folder, attn_implementation="eager")
    model = OPTForCausalLM(config)
    result = model.load_state_dict({"model.decoder." + name: t.float() for name, t in tensors.items()}, strict=False)
    assert not result.unexpected_keys, result
    assert result.missing_keys == (["lm_head.weight"] if config.tie_word_embeddings else []), result
    model.tie_weights()
    return model.eval()


def batch(model):
    """Rows that begin with the BOS where they have a beginning, and then have any tokens."""
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(4, model.config.vocab_size, (len(REAL), SEQUENCE), generator=generator)
    mask = torch.zeros_like(ids)
    for row, (start, end) in enumerate(REAL):
        mask[row, start:end] = 1
        ids[row, start] = model.config.bos_token_id
    return torch.where(mask == 1, ids, PAD), mask


def record(model, ids, mask):
    """Every site's tensor, taken from transformers' own modules as they run."""
    taken, handles = {}, []

    def output(module, name):
        handles.append(module.register_forward_hook(lambda _, __, result: taken.__setitem__(name, result)))

    def given(module, name):
        handles.append(
            module.register_forward_hook(
                lambda _, args, kwargs, __: taken.__setitem__(name, args[0] if args else kwargs["hidden_states"]),
                with_kwargs=True,
            )
        )

    decoder = model.model.decoder
    output(decoder.project_in or decoder.embed_tokens, "hook_embed")
    output(decoder.embed_positions, "hook_pos_embed")
    for number, layer in enumerate(decoder.layers):
        block = f"blocks.{number}."
        attention = layer.self_attn
        given(layer, block + "hook_resid_pre")
        output(layer.self_attn_layer_norm, block + "ln1.hook_normalized")
        for letter in "qkv":
            output(getattr(attention, letter + "_proj"), block + "attn.hook_" + letter)
        output(attention, block + "attn.hook_pattern")
        given(attention.out_proj, block + "attn.hook_z")
        output(attention.out_proj, block + "hook_attn_out")
        # What the block's second half is given, whether its LayerNorm comes first or last.
        given(layer.final_layer_norm if layer.do_layer_norm_before else layer.fc1, block + "hook_resid_mid")
        output(layer.final_layer_norm, block + "ln2.hook_normalized")
        output(layer.fc1, block + "mlp.hook_pre")
        given(layer.fc2, block + "mlp.hook_post")
        output(layer.fc2, block + "hook_mlp_out")
        output(layer, block + "hook_resid_post")
    if decoder.final_layer_norm is not None:
        output(decoder.final_layer_norm, "ln_final.hook_normalized")

    with torch.no_grad():
        taken["logits"] = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        for handle in handles:
            handle.remove()
        rows, columns = ids.shape
        for name, tensor in taken.items():
            if name.endswith("hook_pattern"):
                taken[name] = tensor[1]
            elif name.rsplit("_", 1)[-1] in ("q", "k", "v", "z"):
                taken[name] = tensor.reshape(rows, columns, model.config.num_attention_heads, -1)
            else:
                taken[name] = tensor.reshape(rows, columns, -1)
        for number, layer in enumerate(decoder.layers):
            attention_scores(taken, f"blocks.{number}.attn.", layer.self_attn.scaling, mask)
        result(taken, decoder.layers[0].self_attn.out_proj, mask)
        taken["loss"] = losses(taken["logits"], ids, mask)
    # One block's hook_resid_post is the next one's hook_resid_pre, and a file holds no tensor twice.
    return {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in taken.items()}


def attention_scores(taken, attn, scaling, mask):
    columns = mask.shape[1]
    visible = torch.tril(torch.ones(columns, columns, dtype=torch.bool)) & (mask == 1)[:, None, None, :]
    q, k = (taken[attn + "hook_" + letter].transpose(1, 2) for letter in "qk")
    scores = torch.where(visible, (q * scaling) @ k.transpose(2, 3), MASKED)
    real = (mask == 1)[:, None, :, None]
    pattern = taken[attn + "hook_pattern"]
    torch.testing.assert_close(scores.softmax(-1) * real, pattern * real, rtol=1e-5, atol=1e-6)
    taken[attn + "hook_attn_scores"] = scores


def result(taken, projection, mask):
    z = taken["blocks.0.attn.hook_z"]
    by_head = projection.weight.reshape(-1, *z.shape[2:])
    taken["blocks.0.attn.hook_result"] = each = torch.einsum("bshd,ohd->bsho", z, by_head)
    total = each.sum(2) if projection.bias is None else each.sum(2) + projection.bias
    torch.testing.assert_close(total, taken["blocks.0.hook_attn_out"], rtol=1e-4, atol=1e-5)


def losses(logits, ids, mask):
    loss = torch.full(ids.shape, float("nan"))
    log_p = logits.log_softmax(-1)
    for row in range(ids.shape[0]):
        real = mask[row].nonzero().flatten().tolist()
        for before, at in itertools.pairwise(real):
            loss[row, at] = -log_p[row, before, ids[row, at]]
    return loss


def write_reference(folder, model):
    ids, mask = batch(model)
    tensors = record(model, ids, mask)
    for name, tensor in tensors.items():
        real = mask == 1
        values = tensor[real] if tensor.shape[1] == mask.shape[1] else tensor.transpose(1, 2)[real]
        values = values[values.isfinite() & (values != MASKED)]
        assert values.numel() > 0 and values.abs().max() > 1e-2, f"{folder.name}: {name} is as good as nothing"
    save_file({"input_ids": ids, "attention_mask": mask, **tensors}, folder / "reference.safetensors")


# ---- the checkpoints ----


def pre_norm(folder):
    """The plain case, just as transformers 5 writes it."""
    model = random_model(1)
    write_config(folder, model, dtype="float32")
    write_safetensors(folder, state(model))
    return loaded(folder)


def post_norm_projected_half(folder):
    """As facebook/opt-350m, with a config of its time; four heads."""
    model = random_model(
        2, hidden_size=16, word_embed_proj_dim=8, num_attention_heads=4, do_layer_norm_before=False
    )
    write_config_of_2022(folder, model, "float16", prefix="</s>", _name_or_path="opt-350m")
    write_safetensors(folder, state(model, torch.float16))
    return loaded(folder)


def post_norm_sharded(folder):
    model = random_model(3, do_layer_norm_before=False)
    write_config(folder, model, dtype="float32")
    write_safetensors_shards(folder, model, 6000)
    return loaded(folder)


def wide_embedding_bfloat16(folder):
    """A token embedding wider than the residual stream."""
    model = random_model(4, word_embed_proj_dim=16, activation_function="gelu", num_hidden_layers=1)
    write_config(folder, model, dtype="bfloat16")
    write_safetensors(folder, state(model, torch.bfloat16))
    return loaded(folder)


def narrow_embedding_untied_bin(folder):
    model = random_model(5, word_embed_proj_dim=8, tie_word_embeddings=False, num_hidden_layers=1)
    write_config(folder, model, dtype="float32")
    torch.save(state(model), folder / "pytorch_model.bin")
    return loaded(folder)


def no_final_norm_mixed(folder):
    """One head, and types that change from tensor to tensor."""
    model = random_model(6, _remove_final_layer_norm=True, num_attention_heads=1, num_hidden_layers=1)
    write_config(folder, model, dtype="float32")
    dtypes = itertools.cycle([torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.float16])
    write_safetensors(folder, {name: tensor.to(dtype) for (name, tensor), dtype in zip(state(model).items(), dtypes)})
    return loaded(folder)


def no_bias_decoder_prefix(folder):
    """As OPTModel saves itself; heads of a single unit."""
    model = random_model(7, enable_bias=False, hidden_size=8, num_attention_heads=8, num_hidden_layers=1)
    write_config(folder, model, dtype="float32", architectures=["OPTModel"])
    write_safetensors(folder, renamed(state(model), "decoder."))
    return loaded(folder)


def plain_norm_bare_bin(folder):
    """LayerNorms without scale and shift; names without a prefix, which transformers itself does not load."""
    model = random_model(8, layer_norm_elementwise_affine=False, num_hidden_layers=1)
    write_config(folder, model, dtype="float16")
    tensors = renamed(state(model, torch.float16), "")
    torch.save(tensors, folder / "pytorch_model.bin")
    return loaded_by_hand(folder, tensors)


def galactica_sharded_bin(folder):
    """As facebook/galactica-*: neither biases nor scales, GELU, BOS 0; the head shares the embedding's storage."""
    model = random_model(
        9,
        activation_function="gelu",
        enable_bias=False,
        layer_norm_elementwise_affine=False,
        attention_dropout=0.1,
        bos_token_id=0,
    )
    write_config_of_2022(
        folder,
        model,
        "float16",
        without=["tie_word_embeddings"],
        learned_embeddings=True,
        scale_embeddings=False,
    )
    tensors = state(model, torch.float16)
    tensors["lm_head.weight"] = tensors["model.decoder.embed_tokens.weight"]
    write_bin_shards(folder, tensors, 3)
    return loaded(folder)


def untied_beside_other_bin(folder):
    """Safetensors are preferred: the .bin holds another model's numbers."""
    model = random_model(10, tie_word_embeddings=False, num_hidden_layers=1)
    write_config(folder, model, dtype="float32")
    write_safetensors(folder, state(model))
    torch.save(state(random_model(110, tie_word_embeddings=False, num_hidden_layers=1)), folder / "pytorch_model.bin")
    return loaded(folder)


def shards_beside_other_bin(folder):
    """So are sharded ones, to a .bin in one piece. Fewer neurons than the stream has units."""
    model = random_model(11, ffn_dim=8, num_hidden_layers=1)
    write_config(folder, model, dtype="float32")
    write_safetensors_shards(folder, model.half(), 1500)
    torch.save(state(random_model(111, ffn_dim=8, num_hidden_layers=1)), folder / "pytorch_model.bin")
    return loaded(folder)


def views_bin(folder):
    """Query, key and value are rows of one storage, and the head is the embedding."""
    model = random_model(12, num_hidden_layers=1)
    write_config_of_2022(folder, model, "float16")
    tensors = state(model, torch.float16)
    names = [f"model.decoder.layers.0.self_attn.{letter}_proj.weight" for letter in "qkv"]
    joined = torch.cat([tensors[name] for name in names])
    tensors.update(zip(names, joined.chunk(3)))
    tensors["lm_head.weight"] = tensors["model.decoder.embed_tokens.weight"]
    torch.save(tensors, folder / "pytorch_model.bin")
    read = torch.load(folder / "pytorch_model.bin", weights_only=True)
    assert read[names[1]].storage_offset() == read[names[1]].numel()
    return loaded(folder)


def decoder_prefix_sharded_bin(folder):
    """One layer, with the counter that fairseq's checkpoints carry."""
    model = random_model(13, num_hidden_layers=1)
    write_config_of_2022(folder, model, "float32", architectures=["OPTModel"])
    tensors = renamed(state(model), "decoder.")
    write_bin_shards(folder, {"decoder.version": torch.tensor([3.0]), **tensors}, 2)
    return loaded(folder, ["decoder.version"])


def tied_but_other_head(folder):
    """The config says tied, but there is a head with numbers of its own: transformers 5 takes that one."""
    model = random_model(14, num_hidden_layers=1)
    write_config(folder, model, dtype="float32")
    other = random_model(114, num_hidden_layers=1, tie_word_embeddings=False).lm_head.weight.detach()
    write_safetensors(folder, {**state(model), "lm_head.weight": other})
    read = loaded(folder)
    assert torch.equal(read.lm_head.weight, other) and not torch.equal(read.model.decoder.embed_tokens.weight, other)
    return read


def tied_head_without_embedding(folder):
    """Of the two tied tensors, the file holds the head: it is the embedding too."""
    model = random_model(15, num_hidden_layers=1)
    write_config(folder, model, dtype="float32")
    tensors = state(model)
    tensors["lm_head.weight"] = tensors.pop("model.decoder.embed_tokens.weight")
    write_safetensors(folder, tensors)
    read = loaded(folder)
    assert read.lm_head.weight is read.model.decoder.embed_tokens.weight
    return read


def prelu_bin(folder):
    """An activation function with a learned slope, one for each layer."""
    model = random_model(16, activation_function="prelu")
    write_config(folder, model, dtype="float32")
    torch.save(state(model), folder / "pytorch_model.bin")
    return loaded(folder)


def xielu(folder):
    """One with two learned numbers and two constants, which transformers keeps, and computes with, in bfloat16."""
    model = random_model(17, activation_function="xielu")
    write_config(folder, model, dtype="float32")
    tensors = state(model)
    assert tensors["model.decoder.layers.0.activation_fn.alpha_p"].bfloat16().float() != 0.1234567
    write_safetensors(folder, tensors)
    read = loaded(folder)
    for name, tensor in read.state_dict().items():
        if "activation_fn" in name:
            assert tensor.dtype == torch.bfloat16
            print(f"{name} {list(tensor.shape)}: {tensors[name].item():.9g} -> {tensor.item():.9g}")
    return read


CHECKPOINTS = [
    pre_norm,
    post_norm_projected_half,
    post_norm_sharded,
    wide_embedding_bfloat16,
    narrow_embedding_untied_bin,
    no_final_norm_mixed,
    no_bias_decoder_prefix,
    plain_norm_bare_bin,
    galactica_sharded_bin,
    untied_beside_other_bin,
    shards_beside_other_bin,
    views_bin,
    decoder_prefix_sharded_bin,
    tied_but_other_head,
    tied_head_without_embedding,
    prelu_bin,
    xielu,
]


# ---- activation functions ----


# Which are the same function, up to rounding.
SAME = [
    {"gelu", "gelu_python"},
    {"gelu_new", "gelu_fast", "gelu_accurate", "gelu_pytorch_tanh", "gelu_python_tanh"},
    {"silu", "swish"},
]


def activations(folder):
    """One checkpoint, run with every activation function that has no parameters."""
    model = random_model(18, num_hidden_layers=1, ffn_dim=12, vocab_size=24)
    with torch.no_grad():
        model.model.decoder.layers[0].fc1.weight.mul_(7)
    write_config(folder, model, dtype="float32")
    write_safetensors(folder, state(model))
    kept, post = {}, {}
    for name in ACT2FN:
        if name in ("prelu", "xielu"):
            continue
        read = loaded(folder)
        for layer in read.model.decoder.layers:
            layer.activation_fn = ACT2FN[name]
        ids, mask = batch(read)
        taken = record(read, ids, mask)
        kept.update({"input_ids": ids, "attention_mask": mask})
        for site in ("blocks.0.mlp.hook_pre", "blocks.0.mlp.hook_post", "logits"):
            kept[f"{name}/{site}"] = taken[site]
        post[name] = taken["blocks.0.mlp.hook_post"][mask == 1]
    pre = kept["relu/blocks.0.mlp.hook_pre"][kept["attention_mask"] == 1]
    assert -20 < pre.min() < -12 and 12 < pre.max() < 20, (pre.min(), pre.max())
    assert (post["gelu_10"] == 10).any() and (post["relu6"] == 6).any() and (post["relu6"] == 0).any()
    for one, other in itertools.combinations(post, 2):
        difference = (post[one] - post[other]).abs().max() / post[one].abs().max()
        same = any(one in names and other in names for names in SAME)
        # OptReferencesTest's tolerance for them, 1e-5, lies in between.
        assert difference < 2e-6 if same else difference > 2e-5, (one, other, difference)
    save_file(kept, folder / "reference.safetensors")
    print(len(post), "activation functions, from", pre.min().item(), "to", pre.max().item())


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for make in [*CHECKPOINTS, activations]:
        place = folder / make.__name__
        shutil.rmtree(place, ignore_errors=True)
        model = make(place)
        if model is not None:
            write_reference(place, model)
    for place in sorted(folder.iterdir()):
        sizes = {file.name: file.stat().st_size for file in sorted(place.iterdir())}
        print(place.name, sum(sizes.values()), sizes)
    print("in all", sum(file.stat().st_size for file in folder.rglob("*.*") if file.is_file()), "bytes")
    print("python", platform.python_version(), "torch", torch.__version__, "transformers", transformers.__version__)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Writes the small tokenizers, and the ids that transformers gives with them, that HubTokenizerTest reads.

Made with Python 3.11.7, transformers 5.18.0 and tokenizers 0.23.2; the last line printed says what was used. Run from the
repository root:

    python tools/tokenizer_fixtures.py modscan-onnx/src/test/resources/io/modscan/onnx/internal/tokenizer/tokenizers

galactica/  the structure of Galactica's tokenizer.json (NFKC, digits one by one, runs of punctuation apart, byte level,
            nothing in front of a text), with the two files that its repositories have beside it
opt/        what transformers 5 saves for an OPT tokenizer: vocabulary, merges, and one BOS in front by a template
golden.jsonl in each: {"text", "ids"} a line, ids by AutoTokenizer.
variants.jsonl: {"name", "base", "files": {name: {key: value, or null to drop the key}}, "ids"} a line: a base with some
keys of its files changed, and the ids of the VARIANT_TEXTS, which are its first line.

The vocabularies are trained on the sentences below, which were written for this.
"""

import json
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import tokenizers
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, GPT2Tokenizer

SENTENCES = """
The kettle whistles in the kitchen while the rain runs down the window.
Every morning the baker opens the door at 5:30 and the street smells of bread.
She counted 128 boats in the harbour, 64 of them red, the others white or blue.
When the train left the station, nobody noticed that the clock had stopped.
A heart pumps about 5 litres of blood a minute; a running one pumps 20 or more.
The theorem says that there is no largest prime number, and the proof is short.
Proteins fold; some of them fold again, and a few never find the right shape.
He wrote the answer on the board: x = 3, y = -4, and the sum of squares is 25.
Water boils at 100 degrees, but on the mountain it boils at 92, so the rice takes longer.
The children built a tower of stones, and the tide took it away before the evening.
If the function returns null, the caller has to decide what to do with the rest of the list.
In winter the lake freezes, and the village walks across it to the other shore.
The old map shows three rivers, two bridges and a forest which is not there any more.
Their orchestra rehearses on Thursdays; the cellist is always the first to arrive.
""".strip().split("\n")

GALACTICA_SPECIALS = [
    "<s>", "<pad>", "</s>", "<unk>", "[START_REF]", "[END_REF]", "[IMAGE]", "<fragments>", "</fragments>", "<work>",
    "</work>", "[START_SUP]", "[END_SUP]", "[START_SUB]", "[END_SUB]", "[START_DNA]", "[END_DNA]", "[START_AMINO]",
    "[END_AMINO]", "[START_SMILES]", "[END_SMILES]", "[START_I_SMILES]", "[END_I_SMILES]",
]  # fmt: skip

TEXTS = [
    "",
    " ",
    "   ",
    "the",
    " the",
    "The rain runs down.",
    "  two  spaces  ",
    "trailing blanks   ",
    "\t a tab\tand another\t",
    "one line\nanother line",
    "one line\r\nanother line\r\n\r\n",
    "\n\n\n",
    "\n the\n  the\n",
    "7",
    "0123456789",
    "128 boats, 3.14159, 1e-5 and 2,000,000",
    "year2026a1b22c333",
    "٣٤ ½ Ⅻ ² and full width １２",
    ".",
    "...",
    "!?!?",
    "a--b==c(((d)))[e]{f}",
    "x = (3 + y) * [z]; // {done}",
    "don't you'll we've I'm it's HE'S",
    "naïve café Zürich",
    "cafe\u0301 e\u0302\u0323 n\u0303",
    "\ufb01 \u212b \u2460 \u00a0 \u3000 \u200b",
    "日本語の文章です。",
    "中文，没有空格！한국어 문장",
    "مرحبا بالعالم שלום",
    "🙂",
    "a🙂b 👩‍👩‍👧 🇩🇪 👍🏽",
    "\ud835\udd04 mathematical".encode("utf-16", "surrogatepass").decode("utf-16"),
    "nul \u0000 bell \u0007 del \u007f soft \u00ad",
    "</s>",
    "a</s>b",
    "</s></s> </s>\n</s>",
    "<s>text</s><pad><unk>",
    "see [START_REF] the proof[END_REF] and [IMAGE]",
    "[START_AMINO]MKT@@CUT@@VRQ@@CUT@@E[END_AMINO]",
    "[START_REF [start_ref] <work>3 + 4 = 7</work> <|endoftext|>",
    "THE TRAIN LEFT THE STATION",
    "supercalifragilisticexpialidocious",
    " ".join(SENTENCES[i % len(SENTENCES)] for i in range(60)),
    "a" * 1500 + " " * 700 + "9" * 300 + "!" * 300,
]

VARIANT_TEXTS = [
    "",
    "the rain",
    " The 42 boats</s>!",
    "<pad> [IMAGE] <extra> <other> x",
    "a <|endoftext|> CAFE\u0301 <s> [START_REF]b",
]

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def template(single, ids):
    return {
        "type": "TemplateProcessing",
        "single": [{"Sequence": {"id": "A", "type_id": 0}} if t is None else {"SpecialToken": {"id": t, "type_id": 0}} for t in single],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in ids.items()},
    }  # fmt: skip


def added(content, **flags):
    token = {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    return {**token, **flags}


def variants():
    """Name, base, changes by file: what transformers obeys, and what it passes over."""
    config, tokenizer = "tokenizer_config.json", "tokenizer.json"
    lower = {"normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, BYTE_LEVEL]}}  # fmt: skip
    front = {"post_processor": template(["</s>", None], {"</s>": 2})}
    both = {"post_processor": {"type": "Sequence", "processors": [BYTE_LEVEL, front["post_processor"]]}}
    byte_level = {"post_processor": BYTE_LEVEL}
    yield "add_bos_token without a template", "opt", {config: {"add_bos_token": True}, tokenizer: {"post_processor": None}}
    yield "add_bos_token and a byte-level post-processor", "opt", {config: {"add_bos_token": True}, tokenizer: byte_level}
    yield "add_bos_token false and a template", "opt", {config: {"add_bos_token": False}}
    yield "add_eos_token and a template", "opt", {config: {"add_eos_token": True}}
    yield "another bos_token than the template's", "opt", {config: {"bos_token": "<s>"}}
    yield "add_prefix_space, GPT-2's class", "opt", {config: {"add_prefix_space": True}}
    yield "a sequence of post-processors", "opt", {tokenizer: both}
    yield "padding and truncation", "opt", {tokenizer: {
        "truncation": {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 16}, "direction": "Left", "pad_to_multiple_of": None, "pad_id": 1, "pad_type_id": 0, "pad_token": "<pad>"},
    }}  # fmt: skip
    for name in "GPT2TokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend":
        yield f"a pipeline of its own, {name}", "opt", {config: {"tokenizer_class": name}, tokenizer: lower}
    yield "a pipeline of its own, no class", "opt", {config: {"tokenizer_class": None}, tokenizer: lower}
    yield "no class, config.json names one", "opt", {config: {"tokenizer_class": None}, tokenizer: lower, "config.json": {"model_type": "opt", "tokenizer_class": "PreTrainedTokenizerFast"}}  # fmt: skip
    yield "add_prefix_space, the general class", "opt", {config: {"tokenizer_class": "PreTrainedTokenizerFast", "add_prefix_space": True}}  # fmt: skip
    yield "add_bos_token, the general class", "opt", {config: {"tokenizer_class": "TokenizersBackend", "add_bos_token": True}, tokenizer: {"post_processor": None}}  # fmt: skip
    for name in "GPT2Tokenizer", "TokenizersBackend":
        decoder = {"1": added("<pad>"), "2": added("</s>", lstrip=True, rstrip=True), "900": added("<extra>", special=False, normalized=True)}  # fmt: skip
        yield f"added_tokens_decoder, {name}", "opt", {config: {"tokenizer_class": name, "added_tokens_decoder": decoder}, "special_tokens_map.json": {"pad_token": "<other>"}}  # fmt: skip
        yield f"extra_special_tokens, {name}", "opt", {config: {"tokenizer_class": name, "extra_special_tokens": ["<extra>", "<other>"]}}  # fmt: skip
        yield f"additional_special_tokens, {name}", "opt", {config: {"tokenizer_class": name, "additional_special_tokens": ["<other>", "rain"]}}  # fmt: skip
        yield f"the map before the config, {name}", "opt", {config: {"tokenizer_class": name, "pad_token": "<extra>"}, "special_tokens_map.json": {"pad_token": added("<other>", lstrip=True), "cls_token": "x"}}  # fmt: skip
        yield f"added_tokens.json, {name}", "opt", {config: {"tokenizer_class": name}, "added_tokens.json": {"<other>": 1000, "<extra>": 700}}  # fmt: skip
        yield f"a token of its own role, {name}", "opt", {config: {"tokenizer_class": name, "image_token": "[IMAGE]", "extra_special_tokens": {"other_token": "<other>"}}}  # fmt: skip
    yield "Galactica with a BOS in front", "galactica", {tokenizer: {"post_processor": template(["<s>", None], {"<s>": 0})}}
    yield "Galactica's file and GPT-2's class", "galactica", {config: {"tokenizer_class": "GPT2Tokenizer"}}
    yield "Galactica's file, no class", "galactica", {config: {"tokenizer_class": None}}
    yield "Galactica with named special tokens", "galactica", {"special_tokens_map.json": {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "mask_token": "<extra>"}}  # fmt: skip


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def trainer(specials, size):
    return trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )


def galactica(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("@@CUT@@", "removed"),
            pre_tokenizers.Digits(individual_digits=True),
            # A bracket alone, and other punctuation as runs of one sign.
            pre_tokenizers.Split(Regex(r"[()\[\]{}]|([!-'*-/:-@\\^-`|~])\1*"), "isolated"),
            pre_tokenizers.Split("\n", "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(SENTENCES, trainer(GALACTICA_SPECIALS, 400))
    tokenizer.save(str(folder / "tokenizer.json"))
    write(
        folder / "tokenizer_config.json",
        {"name_or_path": "galactica", "special_tokens": [], "tokenizer_class": "PreTrainedTokenizerFast"},
    )
    write(folder / "special_tokens_map.json", {})


def opt(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(SENTENCES, trainer(["<s>", "<pad>", "</s>", "<unk>", "<|endoftext|>"], 400))
    model = json.loads(tokenizer.to_str())["model"]
    # As the hub's config has its special tokens.
    end = AddedToken("</s>", normalized=True, special=True)
    GPT2Tokenizer(
        vocab=model["vocab"],
        merges=[tuple(m) for m in model["merges"]],
        bos_token=end,
        eos_token=end,
        unk_token=end,
        pad_token=AddedToken("<pad>", normalized=True, special=True),
        add_bos_token=True,
    ).save_pretrained(folder)


def ids(folder, texts):
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        config = read(Path(copy) / "config.json")
        write(Path(copy) / "config.json", {"model_type": "opt", **config})
        tokenizer = AutoTokenizer.from_pretrained(copy)
        return [tokenizer(text)["input_ids"] for text in texts]


def lines(path, values):
    text = "".join(json.dumps(v, ensure_ascii=True, separators=(",", ":")) + "\n" for v in values)
    path.write_text(text, encoding="utf-8")


def main(target):
    for make in galactica, opt:
        folder = target / make.__name__
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        lines(folder / "golden.jsonl", [{"text": t, "ids": i} for t, i in zip(TEXTS, ids(folder, TEXTS))])
    rows = [{"texts": VARIANT_TEXTS}]
    for name, base, files in variants():
        with tempfile.TemporaryDirectory() as copy:
            shutil.copytree(target / base, copy, dirs_exist_ok=True)
            for file, changes in files.items():
                path = Path(copy) / file
                write(path, {k: v for k, v in {**read(path), **changes}.items() if v is not None or file == "tokenizer.json"})
            rows.append({"name": name, "base": base, "files": files, "ids": ids(copy, VARIANT_TEXTS)})
    lines(target / "variants.jsonl", rows)
    print(
        f"Python {platform.python_version()}, transformers {transformers.__version__}, "
        f"tokenizers {tokenizers.__version__}: {sum(f.stat().st_size for f in target.rglob('*') if f.is_file())} bytes"
    )


main(Path(sys.argv[1]))

"""Writes small tokenizers of other families than OPT's, and their ids, which ForeignTokenizerTest reads.

Made with Python 3.11.7 and tokenizers 0.23.2; the last line printed says what was used. Run from the repository root:

    python tools/foreign_tokenizer_fixtures.py modscan-onnx/src/test/resources/io/modscan/onnx/foreign/tokenizers

Each folder has a tokenizer.json with the structure of a family, a golden.jsonl of {"text", "ids", "decoded"} a line, ids
with the special tokens, padding and truncation switched off; and for some a tokenizer_config.json as its hubs have it.

The vocabularies are trained on the sentences below, and the character map is made up; both were written for this.
"""

import base64
import json
import platform
import shutil
import struct
import sys
from pathlib import Path

import tokenizers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SENTENCES = """
The ferry leaves at noon, and whoever is late will wait on the pier until the evening.
She planted beans along the fence; by July they had climbed over it into the neighbour's garden.
A good knife, a heavy pan and a little patience are all that the recipe asks for.
Between the two villages lies a marsh which nobody has ever managed to drain.
The museum bought the painting for 4,500 and sold it, forty years later, for 2 million.
When the wind turns to the north, the fishermen pull their boats onto the sand.
It isn't the speed of the answer that matters, but whether it can be checked.
Der Zug nach Zürich fährt um zehn Uhr ab; die Brücke über den Fluss ist schmal.
Le café est déjà fermé, mais la boulangerie à côté reste ouverte jusqu'à midi.
""".strip().split("\n")

TEXTS = [
    "",
    " ",
    " \t \n",
    "the",
    "The ferry leaves at noon.",
    "  two  spaces   and more    ",
    "one line\nanother\r\n\tand a tab",
    "THE NEIGHBOUR'S GARDEN isn't 4,500!?",
    "Zürich, café, déjà, Ångström",
    "cafe\u0301 e\u0302\u0323 \u0301 \u0301\u0302a",
    "İstanbul ΣΊΣΥΦΟΣ straße ẞ",
    "日本語の文章です。",
    "中文，没有空格！한국어 문장",
    "\U00020000\U0002a6d6 rare",
    "مرحبا بالعالم שָׁלוֹם हिन्दी",
    "🙂",
    "a🙂b 👩‍👩‍👧 🇩🇪 👍🏽",
    "\ufb01 \u212b \u2460 \u00a0 \u3000 \u200b \ufeff",
    "\u0001\u0001the \u0001the\u0001",
    "nul \u0000 bell \u0007 del \u007f soft \u00ad \ufffd",
    "``quoted'' and \"quoted\"",
    "a--b==c(((d)))[e]{f}",
    "[MASK] [mask] a[MASK]b [CLS] [SEP][PAD] [UNK]",
    "<s> </s> <pad>a<unk> <mask>  <mask>b",
    "<0x41><0xE6> ▁the ▁▁",
    "a" * 100,
    "a" * 101,
    "the" * 400,
    " ".join(SENTENCES * 3),
]


def character_map(mapping):
    """The base64 of a map of characters to texts, as Precompiled has it: trie size, double array, texts."""
    texts, trie = b"", {}
    for key, text in mapping.items():
        node = trie
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[0] = len(texts)
        texts += text.encode() + b"\0"
    units = {0: 0}

    def place(node):
        state = 1
        while state in units or any(state ^ byte in units for byte in node):
            state += 1
        units[state] = node[0] | 1 << 31 if 0 in node else 0
        for byte in node.keys() - {0}:
            units[state ^ byte] = 0
        for byte in sorted(node.keys() - {0}):
            at = state ^ byte
            units[at] = byte | (256 if 0 in node[byte] else 0) | (at ^ place(node[byte])) << 10
        return state

    units[0] = place(trie) << 10
    size = (max(units) // 256 + 1) * 256
    blob = struct.pack("<I", 4 * size) + struct.pack(f"<{size}I", *(units.get(i, 0) for i in range(size))) + texts
    return base64.b64encode(blob).decode()


MAP = character_map(
    {"\ufb01": "fi", "\u0001": "", "\t": " ", "\n": " ", "\u00a0": " ", "\u3000": " ", "\u200b": "", "\u2460": "1",
     "\u212b": "Å", "e\u0301": "é", "，": ",", "！": "!", "\u00ad": ""}
)  # fmt: skip
PRECOMPILED = {"type": "Precompiled", "precompiled_charsmap": MAP}


def template(single, ids):
    return processors.TemplateProcessing(single=single, pair="$A $B", special_tokens=list(ids.items()))


def word_pieces(lowercase):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        SENTENCES, trainers.WordPieceTrainer(vocab_size=300, special_tokens=specials, show_progress=False)
    )
    return tokenizer


def bert_uncased():
    tokenizer = word_pieces(True)
    tokenizer.post_processor = template("[CLS] $A [SEP]", {"[CLS]": 2, "[SEP]": 3})
    tokenizer.enable_padding(length=16, pad_id=0, pad_token="[PAD]")
    tokenizer.enable_truncation(max_length=8)
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "do_basic_tokenize": True, "never_split": None,
              "strip_accents": None, "tokenize_chinese_chars": True, "model_max_length": 512, "unk_token": "[UNK]",
              "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"}  # fmt: skip
    return tokenizer, {}, config


def bert_cased():
    """An old file, whose model doesn't say its type."""
    tokenizer = word_pieces(False)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer, {"model": {"type": None}}, None


def roberta():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer, {}, {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": False}


def unigram(normalizer, pre_tokenizer):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.Metaspace()
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(
        SENTENCES,
        trainers.UnigramTrainer(vocab_size=220, special_tokens=specials, unk_token="<unk>", show_progress=False),
    )
    return tokenizer, {"normalizer": normalizer}


def sequence(*members):
    return {"type": "Sequence", "normalizers": list(members)}


def replace(content, **pattern):
    return {"type": "Replace", "pattern": pattern, "content": content}


def xlm_roberta():
    split = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer, changes = unigram(PRECOMPILED, split)
    tokenizer.post_processor = template("<s> $A </s>", {"<s>": 0, "</s>": 2})
    return tokenizer, changes, {"tokenizer_class": "XLMRobertaTokenizer", "do_lower_case": True, "mask_token": "<mask>"}


def t5():
    tokenizer, changes = unigram(sequence(PRECOMPILED, replace(" ", Regex=" {2,}")), pre_tokenizers.Metaspace())
    tokenizer.post_processor = template("$A </s>", {"</s>": 2})
    return tokenizer, changes, {"tokenizer_class": "T5Tokenizer", "extra_ids": 0}


def albert():
    members = [replace('"', String="``"), replace('"', String="''"), {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, PRECOMPILED]  # fmt: skip
    tokenizer, changes = unigram(sequence(*members), pre_tokenizers.Metaspace(prepend_scheme="first", split=False))
    tokenizer.post_processor = template("<s> $A </s>", {"<s>": 0, "</s>": 2})
    return tokenizer, changes, None


def deberta():
    strip = {"type": "Strip", "strip_left": True, "strip_right": True}
    tokenizer, changes = unigram(sequence(strip, PRECOMPILED, replace("▁", Regex=" {2,}")), pre_tokenizers.Metaspace())
    tokenizer.post_processor = template("<s> $A </s>", {"<s>": 0, "</s>": 2})
    return tokenizer, changes, None


def llama():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=360, special_tokens=specials, show_progress=False, max_token_length=8)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    added = [token for token in json.loads(tokenizer.to_str())["added_tokens"] if not token["content"].startswith("<0x")]
    tokenizer.post_processor = template("<s> $A", {"<s>": 1})
    return tokenizer, {"added_tokens": added}, {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": False}  # fmt: skip


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main(target):
    shutil.rmtree(target, ignore_errors=True)
    for make in bert_uncased, bert_cased, roberta, xlm_roberta, t5, albert, deberta, llama:
        folder = target / make.__name__
        folder.mkdir(parents=True)
        tokenizer, changes, config = make()
        values = json.loads(tokenizer.to_str())
        for key, value in changes.items():
            values[key] = {**values[key], **value} if key == "model" else value
        values["model"] = {key: value for key, value in values["model"].items() if key != "type" or value}
        write(folder / "tokenizer.json", values)
        if config is not None:
            write(folder / "tokenizer_config.json", config)
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        with open(folder / "golden.jsonl", "w", encoding="utf-8") as golden:
            for text in TEXTS:
                ids = tokenizer.encode(text).ids
                decoded = tokenizer.decode(ids, skip_special_tokens=False)
                line = {"text": text, "ids": ids, "decoded": decoded}
                golden.write(json.dumps(line, separators=(",", ":")) + "\n")
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    print(f"Python {platform.python_version()}, tokenizers {tokenizers.__version__}: {size} bytes")


main(Path(sys.argv[1]))

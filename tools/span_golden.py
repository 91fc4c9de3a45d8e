"""Writes 500 texts of many scripts, tokenizers, and the places and spans of their tokens, which OffsetsGoldenTest reads.

Made with Python 3.11.7, transformers 5.18.0 and tokenizers 0.23.2; the last lines printed say what was used. Run from the
repository root:

    python tools/span_golden.py modscan-onnx/src/test/resources/io/modscan/onnx/internal/tokenizer/offsets

texts.jsonl.gz: {"text", "spans"} a line, each span [start, end) in code points.
For each tokenizer NAME.jsonl.gz: {"ids", "starts", "ends", "positions"} a line, for each text: the places of its tokens in
code points, by a tokenizer of transformers with return_offsets_mapping, and for each span the positions of the tokens that
share a character with it. Each text is also held against char_to_token: for every character that has a token, it is one
of those that share it.

The tokenizers are trained here, on these texts, into NAME.json, unless that is there already, for training breaks ties at
random: byte_level (its post-processor leaves spaces out of places), byte_level_whole (spaces left in), word_pieces (lower
case, no accents), unigram (NFKC, "▁" for spaces), byte_fallback ("▁" by the normalizer, bytes for what is unknown). Also
taken: opt and galactica, which tools/tokenizer_fixtures.py wrote beside this folder.

Texts are made up, of words of random characters out of each script's range. The same for another tokenizer, NAME.jsonl.gz
and nothing else:

    python tools/span_golden.py TARGET NAME FOLDER
"""

import gzip
import json
import platform
import random
import re
import sys
from pathlib import Path

import tokenizers
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

TEXTS = 500
SPANS = 6

SCRIPTS = {
    "latin": [(0x61, 0x7A)] * 4 + [(0x41, 0x5A), (0xE0, 0xF6), (0x100, 0x17F)],
    "greek": [(0x3B1, 0x3C9), (0x391, 0x3A1), (0x1F00, 0x1F07)],
    "cyrillic": [(0x430, 0x44F), (0x410, 0x42F)],
    "hebrew": [(0x5D0, 0x5EA)] * 3 + [(0x5B0, 0x5B9)],
    "arabic": [(0x627, 0x63A), (0x641, 0x64A)] * 2 + [(0x64B, 0x652), (0x660, 0x669), (0xFEF5, 0xFEFC)],
    "devanagari": [(0x905, 0x914), (0x915, 0x939), (0x915, 0x939), (0x93E, 0x94D)],
    "thai": [(0xE01, 0xE2E)] * 2 + [(0xE30, 0xE3A), (0xE40, 0xE4E)],
    "chinese": [(0x4E00, 0x9FA5)] * 8 + [(0x20000, 0x2A6D6)],
    "japanese": [(0x3041, 0x3096), (0x30A1, 0x30FA), (0x4E00, 0x4FFF), (0xFF66, 0xFF9D)],
    "korean": [(0xAC00, 0xD7A3)] * 3 + [(0x1100, 0x1112)],
    "emoji": [(0x1F600, 0x1F64F), (0x1F300, 0x1F320), (0x1F680, 0x1F6C5)],
    "people": [(0x1F466, 0x1F469)],
    "flags": [(0x1F1E6, 0x1F1FF)],
    "combining": [(0x61, 0x7A)] * 2 + [(0x300, 0x315), (0x316, 0x333)],
    "digits": [(0x30, 0x39)] * 3 + [(0x2460, 0x2468), (0xFF10, 0xFF19), (0xBD, 0xBD)],
    "signs": [(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E), (0x3001, 0x3011), (0x2010, 0x2027)],
    "mathematical": [(0x1D400, 0x1D433), (0x2190, 0x21FF), (0xFB00, 0xFB06), (0x212B, 0x212B)],
    "control": [(0x01, 0x08), (0x7F, 0x7F), (0xAD, 0xAD), (0x200B, 0x200F), (0x202A, 0x202E), (0xFEFF, 0xFEFF), (0xFFFD, 0xFFFD)],
}  # fmt: skip
UNSPACED = {"thai", "chinese", "japanese", "emoji", "flags"}
SPACES = [" "] * 12 + ["  ", "   ", "\t", "\n", "\r\n", "\n\n", "\u00a0", "\u3000", " \t "]
JOINER, SKINS = "\u200d", ["\U0001f3fb", "\U0001f3fd", "\U0001f3ff"]
SPECIALS = ["</s>", "<s>", "<pad>", "<unk>"]


def word(random, script):
    letters = [chr(random.randint(*random.choice(SCRIPTS[script]))) for _ in range(random.randint(1, 6))]
    if script == "people":
        return JOINER.join(letter + random.choice(["", *SKINS]) for letter in letters[:4])
    return "".join(letters) + (random.choice(["", "\ufe0f", *SKINS]) if script == "emoji" else "")


def text(random, words, scripts):
    parts = [random.choice(SPACES)] if random.random() < 0.2 else []
    for _ in range(random.randint(1, 9)):
        script = random.choice(scripts)
        parts.append(random.choice(words[script]))
        if script not in UNSPACED or random.random() < 0.2:
            parts.append(random.choice(SPACES))
        if random.random() < 0.03:
            parts.append(random.choice(SPECIALS))
    made = "".join(parts)
    return made if random.random() < 0.3 else made.rstrip()


def texts(random):
    words = {script: [word(random, script) for _ in range(40)] for script in SCRIPTS}
    made = ["", " ", "\n", " \t\r\n  ", "\U0001f642", "\U0001f468\u200d\U0001f469\U0001f3fd\u200d\U0001f467"]
    while len(made) < TEXTS:
        mixed = len(made) % 3 == 0
        made.append(text(random, words, random.sample(list(SCRIPTS), 3 if mixed else 1)))
    return made


def spans(random, text):
    both = (sorted((random.randint(0, len(text)), random.randint(0, len(text)))) for _ in range(SPANS - 2))
    return [[0, len(text)], [len(text) // 2, min(len(text), len(text) // 2 + 1)], *both]


def template(single, ids):
    return processors.TemplateProcessing(single=single, pair="$A $B", special_tokens=list(ids.items()))


def byte_pairs(made, trim):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=trim)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=800, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(made, trainer)
    places = processors.ByteLevel(trim_offsets=trim, add_prefix_space=trim)
    tokenizer.post_processor = processors.Sequence([places, template("<s> $A </s>", {"<s>": 1, "</s>": 0})])
    return tokenizer


def byte_level(made):
    return byte_pairs(made, True)


def byte_level_whole(made):
    return byte_pairs(made, False)


def word_pieces(made):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=900, limit_alphabet=500, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(made, trainer)
    tokenizer.post_processor = template("[CLS] $A [SEP]", {"[CLS]": 2, "[SEP]": 3})
    return tokenizer


def unigram(made):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=1500, special_tokens=SPECIALS, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(made, trainer)
    tokenizer.post_processor = template("$A </s>", {"</s>": 0})
    return tokenizer


def byte_fallback(made):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    specials = SPECIALS + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=900, limit_alphabet=250, special_tokens=specials, show_progress=False, max_token_length=8
    )
    tokenizer.train_from_iterator(made, trainer)
    tokenizer.post_processor = template("<s> $A", {"<s>": 1})
    values = json.loads(tokenizer.to_str())
    values["added_tokens"] = [token for token in values["added_tokens"] if not token["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(values))


def numbers(tokenizer, text, spans):
    encoding = tokenizer(text, return_offsets_mapping=True)
    places = encoding["offset_mapping"]
    for at in range(len(text)):
        token = encoding.char_to_token(at)
        sharing = [i for i, (start, end) in enumerate(places) if start <= at < end]
        assert token in sharing if token is not None else not sharing, (text, at, token, sharing)
    return {
        "ids": encoding["input_ids"],
        "starts": [start for start, _ in places],
        "ends": [end for _, end in places],
        "positions": [
            [i for i, (start, end) in enumerate(places) if max(start, span[0]) < min(end, span[1])] for span in spans
        ],
    }


def lines(path, values):
    text = "".join(json.dumps(value, separators=(",", ":")) + "\n" for value in values)
    path.write_bytes(gzip.compress(text.encode("utf-8"), 9, mtime=0))


def main(target, name=None, folder=None):
    rng = random.Random(23)
    made = texts(rng)
    asked = [spans(rng, text) for text in made]

    def golden(name, tokenizer):
        rows = [numbers(tokenizer, text, asked[i]) for i, text in enumerate(made)]
        lines(target / f"{name}.jsonl.gz", rows)
        shared = sum(sum(s < last for s, last in zip(row["starts"][1:], row["ends"])) for row in rows)
        print(f"{name}: {sum(len(row['ids']) for row in rows)} tokens, {shared} of them of a character begun before")

    if folder:
        golden(name, AutoTokenizer.from_pretrained(folder))
        return
    target.mkdir(parents=True, exist_ok=True)
    lines(target / "texts.jsonl.gz", [{"text": text, "spans": asked[i]} for i, text in enumerate(made)])
    plain = [re.sub("|".join(SPECIALS), " ", text) for text in made]
    for make in byte_level, byte_level_whole, word_pieces, unigram, byte_fallback:
        file = target / f"{make.__name__}.json"
        if not file.exists():
            file.write_text(make(plain).to_str(), encoding="utf-8")
        golden(make.__name__, PreTrainedTokenizerFast(tokenizer_file=str(file)))
    for name in "opt", "galactica":
        golden(name, AutoTokenizer.from_pretrained(target.parent / "tokenizers" / name))
    size = sum(file.stat().st_size for file in target.iterdir())
    print(
        f"Python {platform.python_version()}, transformers {transformers.__version__}, "
        f"tokenizers {tokenizers.__version__}: {size} bytes"
    )


main(Path(sys.argv[1]), *sys.argv[2:])

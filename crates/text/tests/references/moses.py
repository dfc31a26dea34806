"""Writes moses.json: what sacremoses makes of the sentences in sentences.json, and digests of what it makes of real corpora.

    pip install sacremoses==0.2.0
    python moses.py FOLDER_OF_CORPORA > moses.json

No line of a corpus is written, only digests (FNV-1a, 64 bits, of the lines with a line break after each).
"""

import glob
import json
import os
import re
import sys

from sacremoses import MosesDetokenizer, MosesPunctNormalizer, MosesTokenizer

LANGUAGES = ["de", "en", "fr"]
TOKENISERS = {l: MosesTokenizer(l) for l in LANGUAGES}
DETOKENISERS = {l: MosesDetokenizer(l) for l in LANGUAGES}
NORMALISERS = {l: MosesPunctNormalizer(l) for l in LANGUAGES}
PERL_NORMALISERS = {l: MosesPunctNormalizer(l, perl_parity=True) for l in LANGUAGES}


def results(language, line):
    tokeniser = TOKENISERS[language]
    tokens = tokeniser.tokenize(line)
    return {
        "tokenised": " ".join(tokens),
        "unescaped": " ".join(tokeniser.tokenize(line, escape=False)),
        "hyphens": " ".join(tokeniser.tokenize(line, aggressive_dash_splits=True)),
        "detokenised": DETOKENISERS[language].detokenize(tokens),
        "normalised": NORMALISERS[language].normalize(line),
        "normalised_perl": PERL_NORMALISERS[language].normalize(line),
    }


def digest(lines):
    state = 0xCBF29CE484222325
    for line in lines:
        for byte in line.encode() + b"\n":
            state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x}"


def lines_of(path):
    """Lines end with a line feed alone, and may have a carriage return before it; other breaks are text."""
    with open(path, encoding="utf-8", newline="") as file:
        lines = file.read().split("\n")
    return [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]


def corpora(folder):
    """Name, language and lines of each raw side."""
    for other in ["de", "fr"]:
        for part in ["train", "valid", "test"]:
            name = f"tatoeba-{other}-en/{part}.tsv"
            pairs = [line.split("\t") for line in lines_of(f"{folder}/{name}")]
            yield name, other, [pair[0] for pair in pairs]
            yield name, "en", [pair[1] for pair in pairs]
    for pattern in ["multi30k", "europarl-de-en", "newstest-de-en", "newstest-fr-en"]:
        for path in sorted(glob.glob(f"{folder}/{pattern}/*.*")):
            language = path.rsplit(".", 1)[1]
            if language in LANGUAGES:
                yield os.path.relpath(path, folder), language, lines_of(path)
    for path in sorted(glob.glob(f"{folder}/iwslt14-de-en/xml/*.xml")):
        segments = [re.fullmatch(r"<seg[^>]*>(.*)</seg>", line.strip()) for line in lines_of(path)]
        yield os.path.relpath(path, folder), path.split(".")[-2], [s[1] for s in segments if s]
    for part in ["train_200", "validation_800"]:
        name = f"cnndm/{part}.jsonl"
        texts = [json.loads(line) for line in lines_of(f"{folder}/{name}")]
        yield name, "en", [l for t in texts for l in (t["article"] + "\n" + t["highlights"]).split("\n")]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(f"{here}/sentences.json", encoding="utf-8") as file:
        sentences = json.load(file)
    cases = [
        {"language": language, "line": line, **results(language, line)}
        for language, lines in sentences.items()
        for line in lines
    ]
    digests, seen = [], {language: {} for language in LANGUAGES}
    for name, language, lines in corpora(sys.argv[1]):
        print(name, language, len(lines), file=sys.stderr)
        for line in set(lines) - seen[language].keys():
            seen[language][line] = results(language, line)
        each = [seen[language][line] for line in lines]
        row = {"file": name, "language": language, "lines": len(lines)}
        digests.append(row | {key: digest(r[key] for r in each) for key in each[0]})
        if len(sys.argv) > 2:  # the outputs themselves, to look at where they differ; not to be kept
            for key in each[0]:
                path = f"{sys.argv[2]}/{name}.{language}.{key}"
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8", newline="") as file:
                    file.writelines(r[key] + "\n" for r in each)
    print('{"sentences": [')
    print(",\n".join(json.dumps(case, ensure_ascii=False) for case in cases))
    print('], "corpora": [')
    print(",\n".join(json.dumps(row) for row in digests))
    print("]}")


main()

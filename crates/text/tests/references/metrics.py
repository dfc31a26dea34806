"""Writes metrics.json: what sacreBLEU and rouge-score count for sentences of our own, and for real lines that a fixed rule
has spoilt.

    pip install sacrebleu==2.6.0 rouge-score==0.1.2
    python metrics.py FOLDER_OF_CORPORA > metrics.json

No line of a corpus is written, only numbers.
"""

import json
import os
import sys

import numpy as np
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest

METRICS = {
    # multi-bleu.perl: given tokens, no smoothing.
    "multi-bleu": lambda: BLEU(tokenize="none", smooth_method="none", force=True),
    "bleu": lambda: BLEU(force=True),
    "bleu-intl": lambda: BLEU(tokenize="intl", force=True),
    "bleu-char": lambda: BLEU(tokenize="char", force=True),
    "chrf": lambda: CHRF(),
    "chrf++": lambda: CHRF(word_order=2),
    "ter": lambda: TER(),
}
ROUGE = {"rouge-1": "rouge1", "rouge-2": "rouge2", "rouge-l": "rougeL", "rouge-lsum": "rougeLsum"}


def spoil(line, n, salt):
    """Drops, doubles, swaps and replaces words, and moves some; the tests do the same."""
    words = line.split(" ")
    spoilt, held = [], None
    for k, word in enumerate(words):
        draw = (n * 7919 + k * 104729 + salt * 15485863) % 1009 % 24
        if draw == 0:
            continue
        if draw == 1:
            spoilt += [word, word]
        elif draw == 2 and held is None:
            held = word
            continue
        elif draw == 3:
            spoilt.append(words[(k * 7 + n) % len(words)])
        else:
            spoilt.append(word)
        if held is not None:
            spoilt.append(held)
            held = None
    if held is not None:
        spoilt.append(held)
    if (n + salt) % 3 == 0:
        cut = len(spoilt) // 3
        spoilt = spoilt[cut:] + spoilt[:cut]
    return " ".join(spoilt)


def lines_of(path, most=None):
    with open(path, encoding="utf-8", newline="") as file:
        lines = file.read().split("\n")
    return [line.removesuffix("\r") for line in lines[:-1]][:most]


def sacrebleu_row(name, outputs, references):
    metric = METRICS[name]()
    statistics = metric._extract_corpus_statistics(outputs, [references])
    score = metric.corpus_score(outputs, [references])
    sums = [float(x) for x in np.array(statistics, dtype=float).sum(0)]
    signature = None if name == "multi-bleu" else str(metric.get_signature())
    return {"metric": name, "sums": sums, "score": score.score, "signature": signature}


def rouge_rows(outputs, references):
    for stem in [False, True]:
        scorer = rouge_scorer.RougeScorer(list(ROUGE.values()), use_stemmer=stem)
        scores = [scorer.score(reference, output) for output, reference in zip(outputs, references)]
        for name, key in ROUGE.items():
            sums = [sum(float(getattr(s[key], part)) for s in scores) for part in ["fmeasure", "precision", "recall"]]
            sums.append(float(len(scores)))
            yield {"metric": name + ("-stem" if stem else ""), "sums": sums, "score": 100 * sums[0] / len(scores)}


def sentences():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "pairs.json"), encoding="utf-8") as file:
        pairs = json.load(file)
    for output, reference in pairs:
        rows = [sacrebleu_row(name, [output], [reference]) for name in METRICS]
        rows += rouge_rows([output], [reference])
        yield {"output": output, "reference": reference, "sums": {r["metric"]: r["sums"] for r in rows}}


def corpora(folder):
    for name, most in [
        ("newstest-de-en/newstest2014.de", None),
        ("europarl-de-en/train.en", 2000),
        ("newstest-fr-en/newstest2012.fr", 1000),
        ("iwslt14-de-en/test.en", None),
    ]:
        references = lines_of(f"{folder}/{name}", most)
        outputs = [spoil(line, n, 1) for n, line in enumerate(references)]
        rows = [sacrebleu_row(metric, outputs, references) for metric in METRICS]
        yield {"file": name, "lines": len(references), "rows": rows}


def summaries(folder):
    """The first words of articles, twenty a line, for their highlights."""
    texts = [json.loads(line) for line in lines_of(f"{folder}/cnndm/validation_800.jsonl")]
    words = [text["article"].split(" ")[:60] for text in texts]
    outputs = ["\n".join([" ".join(w[:20]), " ".join(w[20:40]), " ".join(w[40:])]) for w in words]
    return {"lines": len(texts), "rows": list(rouge_rows(outputs, [t["highlights"] for t in texts]))}


def comparisons(folder):
    """Two systems that differ a little: a quarter of the lines is spoilt otherwise."""
    references = lines_of(f"{folder}/newstest-de-en/newstest2014.de", 1000)
    first = [spoil(line, n, 1) for n, line in enumerate(references)]
    second = [spoil(line, n, 4 if n % 4 == 0 else 1) for n, line in enumerate(references)]
    for name in ["bleu", "chrf", "ter"]:
        row = {"metric": name}
        for kind in ["bs", "ar"]:
            systems = [("first", first), ("second", second)]
            _, scores = PairedTest(systems, {name: METRICS[name]()}, [references], kind, n_samples=2000)()
            baseline, system = list(scores.values())[1]
            row[kind] = {"p": system.p_value, "scores": [baseline.score, system.score]}
            if kind == "bs":
                row[kind] |= {"mean": float(system.mean), "interval": float(system.ci)}
        yield row


def main():
    folder = sys.argv[1]
    print("{")
    for name, rows in [
        ("sentences", sentences()),
        ("corpora", corpora(folder)),
        ("comparisons", comparisons(folder)),
    ]:
        print(f'"{name}": [')
        print(",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "],")
    print('"summaries": ' + json.dumps(summaries(folder)) + "}")


main()

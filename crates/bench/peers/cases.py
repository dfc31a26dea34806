"""What can be timed: a name makes a function that runs once."""

import tempfile

import ctranslate2
import numpy as np
import torch
import torch.nn.functional as F
from ctranslate2.specs import TransformerSpec

import convolutions
from lite_transformer import WORDS, LiteTransformer, parameters
from timing import seconds

PAIRS, LENGTH = 160, 25
SENTENCES = [10 + (i * 7) % 31 for i in range(136)]
CHANNELS, HEADS = 80, 4


def make(name, threads):
    """The function of this name. KeyError: there is none."""
    kind, *rest = name.split("/")
    return {"train": train, "linear": linear, "conv": conv, "decode": decode}[kind](*rest, threads=threads)


def fastest(candidates):
    """The best of functions that do the same, each timed."""
    return min(candidates, key=lambda run: seconds(run, 0.5)[0])


def train(preset, precision, threads):
    """One update: losses of 160 pairs, gradients, Adam."""
    channels = int(preset.split("-")[1])
    torch.manual_seed(1)
    source, target = (torch.randint(4, words, (PAIRS, LENGTH)) for words in WORDS)

    def update(way):
        model = LiteTransformer(channels, way)
        tables = [model.source.weight, model.target.weight, model.output.weight]
        found = sum(p.numel() for p in model.parameters()) - sum(t.numel() for t in tables)
        assert found == parameters(channels), (found, parameters(channels))
        optimizer = torch.optim.Adam(model.parameters(), lr=5e-4, betas=(0.9, 0.98), weight_decay=1e-4, fused=True)

        def run():
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                loss = model(source, target)
            optimizer.zero_grad()
            (loss / target.numel()).backward()
            optimizer.step()

        return run

    return fastest([update(convolutions.depthwise), update(convolutions.unfold), update(convolutions.band)])


def linear(precision, size, threads):
    """x w' + b: rows x outputs x inputs."""
    rows, outputs, inputs = map(int, size.split("x"))
    kind = {"f32": torch.float32, "bf16": torch.bfloat16}[precision]
    x, w, b = (torch.randn(*shape).to(kind) for shape in ((rows, inputs), (outputs, inputs), (outputs,)))

    def run():
        with torch.inference_mode():
            F.linear(x, w, b)

    return run


def conv(taps, direction, kernel, wide=None, *, threads):
    """80 channels, or as many as `wide` says after its c, in 4 heads over 136 sentences, padded."""
    kernel = int(kernel[1:])
    channels = int(wide[1:]) if wide else CHANNELS
    batch, tokens = len(SENTENCES), max(SENTENCES)
    x = torch.randn(batch, tokens, channels, requires_grad=direction == "backward")
    shape = (HEADS, kernel) if taps == "light" else (batch, tokens, HEADS, kernel)
    w = torch.rand(*shape).softmax(-1).requires_grad_(direction == "backward")

    def forward(way):
        def run():
            with torch.inference_mode():
                way(x, w, kernel // 2)

        return run

    def backward(way):
        y = way(x, w, kernel // 2)
        dy = torch.ones_like(y)
        return lambda: torch.autograd.grad(y, (x, w), dy, retain_graph=True)

    return fastest([{"forward": forward, "backward": backward}[direction](way) for way in convolutions.ways(w)])


def decode(transformer, precision, batch, beam, threads):
    """A Transformer of 6 + 6 layers with random weights; 30 tokens in, exactly 30 out."""
    channels, feed_forward = map(int, transformer.split("-")[1:])
    batch, beam = int(batch[5:]), int(beam[4:])
    kind = {"f32": "float32", "int8": "int8"}[precision]
    with tempfile.TemporaryDirectory() as folder:
        random_transformer(channels, feed_forward, kind).save(folder)
        translator = ctranslate2.Translator(folder, compute_type=kind, inter_threads=1, intra_threads=threads)
    generator = np.random.default_rng(3)
    sources = [[f"w{i}" for i in generator.integers(4, WORDS[0], 30)] for _ in range(batch)]

    def run():
        found = translator.translate_batch(
            sources, beam_size=beam, max_batch_size=batch, min_decoding_length=30, max_decoding_length=30
        )
        assert all(len(f.hypotheses[0]) == 30 for f in found)

    return run


def random_transformer(channels, feed_forward, kind):
    """Its specification, filled."""
    spec = TransformerSpec.from_config((6, 6), 4)
    generator = np.random.default_rng(1)

    def weights(*shape):
        return generator.standard_normal(shape, dtype=np.float32) * 0.05

    def fill_linear(linear, outputs, inputs):
        linear.weight, linear.bias = weights(outputs, inputs), np.zeros(outputs, np.float32)

    def fill_norm(norm):
        norm.gamma, norm.beta = np.ones(channels, np.float32), np.zeros(channels, np.float32)

    def fill_attention(attention, itself):
        first = [3 * channels] if itself else [channels, 2 * channels]
        for linear, outputs in zip(attention.linear, [*first, channels]):
            fill_linear(linear, outputs, channels)
        fill_norm(attention.layer_norm)

    def fill_ffn(ffn):
        fill_linear(ffn.linear_0, feed_forward, channels)
        fill_linear(ffn.linear_1, channels, feed_forward)
        fill_norm(ffn.layer_norm)

    for layer in spec.encoder.layer:
        fill_attention(layer.self_attention, True)
        fill_ffn(layer.ffn)
    for layer in spec.decoder.layer:
        fill_attention(layer.self_attention, True)
        fill_attention(layer.attention, False)
        fill_ffn(layer.ffn)
    for side in (spec.encoder, spec.decoder):
        fill_norm(side.layer_norm)
        side.position_encodings.encodings = weights(512, channels)
    spec.encoder.embeddings[0].weight = weights(WORDS[0], channels)
    spec.decoder.embeddings.weight = weights(WORDS[1], channels)
    fill_linear(spec.decoder.projection, WORDS[1], channels)
    words = [["<unk>", "<s>", "</s>"] + [f"w{i}" for i in range(3, n)] for n in WORDS]
    spec.register_source_vocabulary(words[0])
    spec.register_target_vocabulary(words[1])
    spec.validate()
    spec.optimize(quantization=kind)
    return spec

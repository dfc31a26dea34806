"""The Lite Transformer for IWSLT'14 (Wu et al. 2020), written plainly in PyTorch."""

import math

import torch
import torch.nn.functional as F
from torch import nn

KERNELS = [3, 7, 15, 31, 31, 31]
HEADS = 4
WORDS = (8848, 6632)
DROPOUT = 0.2
TAPS_DROPOUT = 0.1
SMOOTHING = 0.1


class Attention(nn.Module):
    """Heads over all channels; q from x, k and v from memory."""

    def __init__(self, channels):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(channels, channels) for _ in range(4))

    def forward(self, x, memory, causal):
        q, k, v = (f(t).unflatten(2, (HEADS, -1)).transpose(1, 2) for f, t in ((self.q, x), (self.k, memory), (self.v, memory)))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.out(y.transpose(1, 2).flatten(2))


class LightConvolution(nn.Module):
    """A linear layer, a convolution with softmaxed taps, a linear layer."""

    def __init__(self, channels, kernel, causal, way):
        super().__init__()
        self.first, self.second = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.taps = nn.Parameter(torch.randn(HEADS, kernel) * 0.1)
        self.left, self.way = kernel - 1 if causal else kernel // 2, way

    def forward(self, x):
        taps = F.dropout(self.taps.softmax(1), TAPS_DROPOUT, self.training)
        x = self.first(x)
        return self.second(self.way(x, taps.to(x.dtype), self.left))


class Layer(nn.Module):
    """Long-short range attention, attention to the source where there is one, a feed-forward layer; normed after each sum."""

    def __init__(self, channels, kernel, decoder, way):
        super().__init__()
        half = channels // 2
        self.causal = decoder
        self.long, self.short = Attention(half), LightConvolution(half, kernel, decoder, way)
        self.cross = Attention(channels) if decoder else None
        self.first, self.second = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(3 if decoder else 2))

    def forward(self, x, memory=None):
        def drop(y):
            return F.dropout(y, DROPOUT, self.training)

        a, c = x.chunk(2, 2)
        x = self.norms[0](x + drop(torch.cat([self.long(a, a, self.causal), self.short(c)], 2)))
        if self.cross is not None:
            x = self.norms[2](x + drop(self.cross(x, memory, False)))
        return self.norms[1](x + drop(self.second(F.relu(self.first(x)))))


class LiteTransformer(nn.Module):
    """source, target: [batch, tokens] -> the label-smoothed loss of predicting `target` from what is before it, summed."""

    def __init__(self, channels, way):
        super().__init__()
        self.source, self.target = nn.Embedding(WORDS[0], channels), nn.Embedding(WORDS[1], channels)
        for table in (self.source, self.target):
            nn.init.normal_(table.weight, std=channels**-0.5)
        self.encoder = nn.ModuleList(Layer(channels, k, False, way) for k in KERNELS)
        self.decoder = nn.ModuleList(Layer(channels, k, True, way) for k in KERNELS)
        self.output = nn.Linear(channels, WORDS[1], bias=False)
        half = channels // 2
        angles = torch.arange(2, 1026)[:, None] * torch.exp(torch.arange(half) * -(math.log(10000) / (half - 1)))
        self.register_buffer("positions", torch.cat([angles.sin(), angles.cos()], 1))

    def embed(self, table, ids):
        x = table(ids) * math.sqrt(table.embedding_dim) + self.positions[: ids.shape[1]]
        return F.dropout(x, DROPOUT, self.training)

    def forward(self, source, target):
        memory = self.embed(self.source, source)
        for layer in self.encoder:
            memory = layer(memory)
        x = self.embed(self.target, target.roll(1, 1))
        for layer in self.decoder:
            x = layer(x, memory)
        return F.cross_entropy(self.output(x).flatten(0, 1), target.flatten(), label_smoothing=SMOOTHING, reduction="sum")


def parameters(channels):
    """Without embeddings and the output: what the model should have."""
    half = channels // 2
    attention, linear = lambda c: 4 * (c * c + c), lambda c: c * c + c
    layer = [attention(half) + 2 * linear(half) + HEADS * k + 2 * linear(channels) + 4 * channels for k in KERNELS]
    return 2 * sum(layer) + len(KERNELS) * (attention(channels) + 2 * channels)

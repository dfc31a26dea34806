"""Convolutions whose taps are shared within a head, in the ways that PyTorch offers.

x: [batch, tokens, channels]; light taps: [heads, kernel]; dynamic taps: [batch, tokens, heads, kernel]; as far to the left as `left`.
"""

import torch
import torch.nn.functional as F


def depthwise(x, taps, left):
    """One grouped convolution; light taps only."""
    heads, kernel = taps.shape
    weight = taps.repeat_interleave(x.shape[2] // heads, 0).unsqueeze(1)
    padded = F.pad(x.transpose(1, 2), (left, kernel - 1 - left))
    return F.conv1d(padded, weight, groups=x.shape[2]).transpose(1, 2)


def unfold(x, taps, left):
    """Every token's window laid out, then one small product a token and head."""
    batch, tokens, channels = x.shape
    heads, kernel = taps.shape[-2:]
    padded = F.pad(x, (0, 0, left, kernel - 1 - left))
    windows = padded.unfold(1, kernel, 1).reshape(batch, tokens, heads, channels // heads, kernel)
    if taps.dim() == 2:
        taps = taps.expand(batch, tokens, heads, kernel)
    return torch.matmul(windows, taps.unsqueeze(-1)).reshape(batch, tokens, channels)


def band(x, taps, left):
    """A matrix of tokens x tokens a sentence and head, zero outside a band, as fairseq does."""
    batch, tokens, channels = x.shape
    heads, kernel = taps.shape[-2:]
    if taps.dim() == 2:
        taps = taps.expand(batch, tokens, heads, kernel)
    rows = taps.permute(0, 2, 1, 3).reshape(batch * heads, tokens, kernel)
    matrix = x.new_zeros(batch * heads, tokens, tokens + kernel - 1)
    strides = (tokens * (tokens + kernel - 1), tokens + kernel, 1)
    matrix.as_strided((batch * heads, tokens, kernel), strides).copy_(rows)
    matrix = matrix.narrow(2, left, tokens)
    values = x.view(batch, tokens, heads, -1).transpose(1, 2).reshape(batch * heads, tokens, -1)
    y = torch.bmm(matrix, values)
    return y.view(batch, heads, tokens, -1).transpose(1, 2).reshape(batch, tokens, channels)


def ways(taps):
    """The ways that fit these taps."""
    return [depthwise, unfold, band] if taps.dim() == 2 else [unfold, band]


def check():
    """Every way against plain loops."""
    torch.manual_seed(1)
    x = torch.randn(2, 9, 8)
    for kernel in (3, 7):
        left = kernel // 2
        for taps in (torch.rand(4, kernel), torch.rand(2, 9, 4, kernel)):
            want = torch.zeros_like(x)
            for b in range(2):
                for t in range(9):
                    for c in range(8):
                        row = taps[c // 2] if taps.dim() == 2 else taps[b, t, c // 2]
                        for k in range(kernel):
                            if 0 <= t + k - left < 9:
                                want[b, t, c] += row[k] * x[b, t + k - left, c]
            for way in ways(taps):
                got = way(x, taps, left)
                assert torch.allclose(got, want, atol=1e-5), (way.__name__, kernel, taps.dim())

"""Random tensors that are bit for bit those of `moire_formats::Loader::random`, so that none need storing.

A tensor is a stream of ChaCha8 (counter and nonce 0) under the key seed | sample | FNV-1a(name) | 0, each a
little-endian u64, the sample 0. A draw is a u32 without its lowest 8 bits, over 2^24; a number is low + (high - low)
draw, in float32. The range hangs on the last part of the name and on the shape: see `bounds`.
"""

import numpy as np

CONSTANTS = np.frombuffer(b"expand 32-byte k", np.uint32)
ROUNDS = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
          (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]


def fnv1a(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


def chacha8(key, count):
    """The first `count` words of the stream under a key of 32 bytes."""
    blocks = -(-count // 16)
    start = np.zeros((16, blocks), np.uint32)
    start[:4] = CONSTANTS[:, None]
    start[4:12] = np.frombuffer(key, np.uint32)[:, None]
    start[12] = np.arange(blocks, dtype=np.uint32)
    x = start.copy()
    for _ in range(4):
        for a, b, c, d in ROUNDS:
            for first, second, third, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                x[first] += x[second]
                x[third] ^= x[first]
                x[third] = x[third] << turn | x[third] >> (32 - turn)
    return (x + start).T.reshape(-1)[:count]


def uniform(seed, name, shape, low, high):
    key = b"".join(n.to_bytes(8, "little") for n in (seed, 0, fnv1a(name), 0))
    words = chacha8(key, int(np.prod(shape, dtype=np.int64)))
    unit = (words >> 8).astype(np.float32) * np.float32(2.0**-24)
    low, high = np.float32(low), np.float32(high)
    return np.clip(low + (high - low) * unit, low, high).reshape(shape)


def bounds(name, shape):
    last = name.removesuffix(":0").replace("/", ".").split(".")[-1]
    if last == "rho":
        return 0.0, 1.0
    if last in ("weight", "kernel", "w_gap", "w_gmp") and len(shape) > 1:
        inputs = int(np.prod(shape[:-1] if last == "kernel" else shape[1:]))
        bound = np.sqrt(np.float32(6.0) / np.float32(inputs))
        return -bound, bound
    if last in ("weight", "gamma", "running_var", "moving_variance"):
        return 0.5, 1.5
    return -0.1, 0.1


def tensor(seed, name, shape):
    return uniform(seed, name, shape, *bounds(name, shape))

"""Trains a model of the llama architecture on this repository's own documents and writes it as GGUF.

    python train.py small DIR [--minutes 8]    about 15 million parameters, tokens of SentencePiece
    python train.py tiny DIR                   about 0.8 million parameters, tokens of byte pairs; seconds

Writes DIR/NAME-f32.gguf and DIR/NAME-f16.gguf. What it learns does not matter, that the loss falls does: the last line
says from where to where. Seeded: on one machine the same steps give the same file. `--minutes` ends training early and
is for slow machines; then the number of steps depends on the machine.
"""

import argparse
import pathlib
import subprocess
import time

import gguf
import jax
import jax.numpy as jnp
import numpy as np

import tokens

SEED = 6
EPSILON = 1e-5
ROPE_BASE = 10000.0

SIZES = {
    "small": dict(dim=512, layers=5, heads=8, kv_heads=4, ffn=1280, vocab=2048, tied=True, context=512,
                  steps=900, batch=4, length=96, rate=1.2e-3),
    "tiny": dict(dim=256, layers=2, heads=8, kv_heads=2, ffn=256, vocab=384, tied=False, context=256,
                 steps=240, batch=8, length=64, rate=3e-3),
}


def corpus():
    """The markdown of this repository, in the order of git."""
    root = subprocess.run(["git", "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=True,
                          cwd=pathlib.Path(__file__).parent).stdout.strip()
    names = subprocess.run(["git", "ls-files", "*.md"], capture_output=True, text=True, check=True, cwd=root).stdout
    return [(pathlib.Path(root) / name).read_text() for name in names.split()]


def initial(size):
    """Weights as (name of GGUF -> array of rows = outputs)."""
    random = np.random.default_rng(SEED)
    dim, ffn = size["dim"], size["ffn"]
    head = dim // size["heads"]
    kv = size["kv_heads"] * head

    def matrix(rows, columns, scale=1.0):
        return (random.standard_normal((rows, columns)) * scale / np.sqrt(columns)).astype(np.float32)

    deep = 1.0 / np.sqrt(2 * size["layers"])
    weights = {"token_embd.weight": matrix(size["vocab"], dim)}
    for layer in range(size["layers"]):
        at = f"blk.{layer}."
        weights[at + "attn_norm.weight"] = np.ones(dim, np.float32)
        weights[at + "attn_q.weight"] = matrix(dim, dim)
        weights[at + "attn_k.weight"] = matrix(kv, dim)
        weights[at + "attn_v.weight"] = matrix(kv, dim)
        weights[at + "attn_output.weight"] = matrix(dim, dim, deep)
        weights[at + "ffn_norm.weight"] = np.ones(dim, np.float32)
        weights[at + "ffn_gate.weight"] = matrix(ffn, dim)
        weights[at + "ffn_up.weight"] = matrix(ffn, dim)
        weights[at + "ffn_down.weight"] = matrix(dim, ffn, deep)
    weights["output_norm.weight"] = np.ones(dim, np.float32)
    if not size["tied"]:
        weights["output.weight"] = matrix(size["vocab"], dim)
    return weights


def norm(x, weight):
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + EPSILON) * weight


def rotate(x, sine, cosine):
    """Rotary embedding of neighbouring pairs, as `llama` in GGUF has it."""
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = jnp.stack([even * cosine - odd * sine, even * sine + odd * cosine], axis=-1)
    return turned.reshape(x.shape)


def logits(weights, batch, size):
    heads, kv_heads = size["heads"], size["kv_heads"]
    head = size["dim"] // heads
    count, length = batch.shape
    angle = jnp.arange(length)[:, None] * ROPE_BASE ** (-jnp.arange(0, head, 2) / head)[None, :]
    sine, cosine = jnp.sin(angle)[:, None, :], jnp.cos(angle)[:, None, :]
    mask = jnp.tril(jnp.ones((length, length), bool))
    x = weights["token_embd.weight"][batch]
    for layer in range(size["layers"]):
        at = f"blk.{layer}."
        y = norm(x, weights[at + "attn_norm.weight"])
        q = rotate((y @ weights[at + "attn_q.weight"].T).reshape(count, length, heads, head), sine, cosine)
        k = rotate((y @ weights[at + "attn_k.weight"].T).reshape(count, length, kv_heads, head), sine, cosine)
        v = (y @ weights[at + "attn_v.weight"].T).reshape(count, length, kv_heads, head)
        k, v = (jnp.repeat(part, heads // kv_heads, axis=2) for part in (k, v))
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(head)
        scores = jax.nn.softmax(jnp.where(mask, scores, -1e9), axis=-1)
        y = jnp.einsum("bhqk,bkhd->bqhd", scores, v).reshape(count, length, -1)
        x = x + y @ weights[at + "attn_output.weight"].T
        y = norm(x, weights[at + "ffn_norm.weight"])
        y = jax.nn.silu(y @ weights[at + "ffn_gate.weight"].T) * (y @ weights[at + "ffn_up.weight"].T)
        x = x + y @ weights[at + "ffn_down.weight"].T
    last = "token_embd.weight" if size["tied"] else "output.weight"
    return norm(x, weights["output_norm.weight"]) @ weights[last].T


def train(size, stream, minutes):
    """AdamW with a warm-up and a cosine; gives the weights and what it did."""
    weights = {name: jnp.asarray(value) for name, value in initial(size).items()}
    first = {name: jnp.zeros_like(value) for name, value in weights.items()}
    second = {name: jnp.zeros_like(value) for name, value in weights.items()}

    def loss(weights, batch):
        odds = jax.nn.log_softmax(logits(weights, batch[:, :-1], size))
        return -jnp.mean(jnp.take_along_axis(odds, batch[:, 1:, None], axis=-1))

    @jax.jit
    def step(weights, first, second, batch, number, rate):
        value, slope = jax.value_and_grad(loss)(weights, batch)
        length = jnp.sqrt(sum(jnp.sum(part * part) for part in slope.values()))
        slope = {name: part * jnp.minimum(1.0, 1.0 / length) for name, part in slope.items()}
        first = {name: 0.9 * first[name] + 0.1 * slope[name] for name in slope}
        second = {name: 0.95 * second[name] + 0.05 * slope[name] ** 2 for name in slope}
        for name in slope:
            way = first[name] / (1 - 0.9**number) / (jnp.sqrt(second[name] / (1 - 0.95**number)) + 1e-8)
            decay = 0.05 if weights[name].ndim == 2 else 0.0
            weights[name] = weights[name] - rate * (way + decay * weights[name])
        return weights, first, second, value

    random = np.random.default_rng(SEED)
    began, losses = time.monotonic(), []
    for number in range(1, size["steps"] + 1):
        at = random.integers(0, len(stream) - size["length"] - 1, size["batch"])
        batch = np.stack([stream[i:i + size["length"] + 1] for i in at])
        share = number / size["steps"]
        rate = size["rate"] * min(1.0, number / 20) * (0.1 + 0.9 * 0.5 * (1 + np.cos(np.pi * share)))
        weights, first, second, value = step(weights, first, second, batch, float(number), rate)
        losses.append(float(value))
        if number % 20 == 0:
            print(f"step {number}: loss {np.mean(losses[-20:]):.3f}, {time.monotonic() - began:.0f} s", flush=True)
        if minutes and time.monotonic() - began > minutes * 60:
            break
    return {name: np.asarray(value) for name, value in weights.items()}, losses


def write(path, name, size, weights, vocabulary, half):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(f"tidegate-{name}")
    writer.add_license("Apache-2.0")
    writer.add_description("Trained for minutes on Tidegate's own documents, for its tests.")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16 if half else gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(size["context"])
    writer.add_embedding_length(size["dim"])
    writer.add_block_count(size["layers"])
    writer.add_feed_forward_length(size["ffn"])
    writer.add_head_count(size["heads"])
    writer.add_head_count_kv(size["kv_heads"])
    writer.add_rope_dimension_count(size["dim"] // size["heads"])
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_vocab_size(size["vocab"])
    vocabulary.write(writer)
    for tensor, value in weights.items():
        writer.add_tensor(tensor, value.astype(np.float16) if half and value.ndim == 2 else value.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("size", choices=sorted(SIZES))
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--minutes", type=float, default=0.0)
    options = options.parse_args()
    size = SIZES[options.size]
    options.folder.mkdir(parents=True, exist_ok=True)
    texts = corpus()
    kind = tokens.SentencePiece if options.size == "small" else tokens.BytePairs
    vocabulary = kind(texts, size["vocab"], options.folder)
    stream = np.asarray([token for text in texts for token in vocabulary.encode(text)], np.int32)
    weights, losses = train(size, stream, options.minutes)
    for half in (False, True):
        kind = "f16" if half else "f32"
        write(options.folder / f"{options.size}-{kind}.gguf", options.size, size, weights, vocabulary, half)
    count = sum(value.size for value in weights.values())
    before, after = np.mean(losses[:5]), np.mean(losses[-20:])
    print(f"{count} parameters, {len(stream)} tokens, {len(losses)} steps: loss {before:.2f} -> {after:.2f}")
    if not after < before - 1.0:
        raise SystemExit("the loss did not fall: something is wrong")


if __name__ == "__main__":
    main()

"""What llama.cpp says of the models: quantised variants, and goldens for the tests.

    python reference.py quantise DIR NAME            NAME-{q8_0,q4_0,q4_k}.gguf from NAME-f32.gguf
    python reference.py goldens DIR NAME OUT.json    greedy tokens, logits, embeddings, tokens of texts
    python reference.py bench DIR NAME PROMPT COUNT KIND  tokens per second at 1 thread, as JSON
    python reference.py tokens MODEL < TEXTS.json    tokens of each text, as JSON

One thread, keys and values with 16 bits, no flash attention: what that computes in another order and with 16 bits
throughout is not what the goldens are for.
"""

import ctypes
import json
import pathlib
import sys
import time

import llama_cpp as l
import numpy as np

KINDS = {"q8_0": l.LLAMA_FTYPE_MOSTLY_Q8_0, "q4_0": l.LLAMA_FTYPE_MOSTLY_Q4_0, "q4_k": l.LLAMA_FTYPE_MOSTLY_Q4_K_M}
PROMPTS = ["Every component is", "The host", "A limit\n\n1. ", "What is not granted", "| key | value |", "naïve ☃ text"]
GREEDY = 48
# Logits that are kept of each position: all would be megabytes.
KEPT = 64


@l.llama_log_callback
def quiet(_level, _text, _data):
    pass


class Model:
    def __init__(self, path, context=256, embeddings=False, batch=512):
        parameters = l.llama_model_default_params()
        parameters.use_mmap = False
        self.model = l.llama_model_load_from_file(str(path).encode(), parameters)
        if not self.model:
            raise SystemExit(f"llama.cpp does not load {path}")
        self.vocabulary = l.llama_model_get_vocab(self.model)
        self.size = l.llama_vocab_n_tokens(self.vocabulary)
        self.parameters = l.llama_context_default_params()
        self.parameters.n_ctx = context
        self.parameters.n_batch = self.parameters.n_ubatch = batch
        self.parameters.n_threads = self.parameters.n_threads_batch = 1
        self.parameters.flash_attn_type = l.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.parameters.embeddings = embeddings
        if embeddings:
            self.parameters.pooling_type = l.LLAMA_POOLING_TYPE_MEAN
        self.context = l.llama_init_from_model(self.model, self.parameters)

    def encode(self, text, special=True):
        data = text.encode()
        room = len(data) + 8
        tokens = (l.llama_token * room)()
        count = l.llama_tokenize(self.vocabulary, data, len(data), tokens, room, special, special)
        return list(tokens[:count])

    def piece(self, token):
        buffer = ctypes.create_string_buffer(256)
        count = l.llama_token_to_piece(self.vocabulary, token, buffer, 256, 0, False)
        return buffer.raw[:max(count, 0)]

    def forget(self):
        l.llama_memory_clear(l.llama_get_memory(self.context), True)

    def read(self, tokens):
        """Reads tokens; gives the logits after the last one."""
        array = (l.llama_token * len(tokens))(*tokens)
        if l.llama_decode(self.context, l.llama_batch_get_one(array, len(tokens))) != 0:
            raise SystemExit("llama.cpp does not decode")
        return np.ctypeslib.as_array(l.llama_get_logits_ith(self.context, -1), (self.size,)).copy()

    def greedy(self, text, count):
        self.forget()
        tokens = self.encode(text)
        logits = [self.read(tokens)]
        answer = []
        for _ in range(count):
            answer.append(int(np.argmax(logits[-1])))
            logits.append(self.read(answer[-1:]))
        return tokens, answer, logits

    def embed(self, text):
        self.forget()
        tokens = self.encode(text)
        array = (l.llama_token * len(tokens))(*tokens)
        l.llama_decode(self.context, l.llama_batch_get_one(array, len(tokens)))
        width = l.llama_model_n_embd(self.model)
        return np.ctypeslib.as_array(l.llama_get_embeddings_seq(self.context, 0), (width,)).copy()


def quantise(folder, name):
    for kind, number in KINDS.items():
        parameters = l.llama_model_quantize_default_params()
        parameters.ftype = number
        parameters.nthread = 1
        source, target = folder / f"{name}-f32.gguf", folder / f"{name}-{kind}.gguf"
        if l.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(parameters)) != 0:
            raise SystemExit(f"llama.cpp does not quantise to {kind}")


def goldens(folder, name, out):
    result = {"texts": {}, "models": {}}
    texts = json.loads((pathlib.Path(__file__).parent / "texts.json").read_text())
    model = Model(folder / f"{name}-q8_0.gguf")
    result["texts"] = [[model.encode(text), model.encode(text, False)] for text in texts]
    for kind in ["f32", "f16", *KINDS]:
        path = folder / f"{name}-{kind}.gguf"
        model, runs = Model(path), []
        for prompt in PROMPTS:
            tokens, answer, logits = model.greedy(prompt, GREEDY)
            top = [sorted(np.sort(row)[-2:].tolist()) for row in logits[:-1]]
            runs.append({
                "prompt": prompt, "tokens": tokens, "greedy": answer,
                "logits": [round(float(number), 5) for number in logits[0][:KEPT]],
                # How far apart the two likeliest were, at the closest: what error would change a token.
                "margin": round(min(high - low for low, high in top), 5),
            })
        model = Model(path, embeddings=True)
        embedding = [round(float(number), 6) for number in model.embed(PROMPTS[0])]
        result["models"][kind] = {"runs": runs, "embedding": embedding}
    out.write_text(json.dumps(result, ensure_ascii=False, separators=(",", ":")) + "\n")


def bench(folder, name, prompt, count, kind):
    model = Model(folder / f"{name}-{kind}.gguf", context=512)
    tokens = [1] + [300 + (at * 37) % 1500 for at in range(1, prompt)]
    reading, writing = [], []
    for _ in range(3):
        model.forget()
        start = time.perf_counter()
        logits = model.read(tokens)
        middle = time.perf_counter()
        for _ in range(count):
            logits = model.read([int(np.argmax(logits))])
        reading.append(prompt / (middle - start))
        writing.append(count / (time.perf_counter() - middle))
    print(json.dumps({"prompt": max(reading), "generation": max(writing)}))


def main():
    if "-v" in sys.argv:
        sys.argv.remove("-v")
    else:
        l.llama_log_set(quiet, None)
    match sys.argv[1:]:
        case ["quantise", folder, name]:
            quantise(pathlib.Path(folder), name)
        case ["goldens", folder, name, out]:
            goldens(pathlib.Path(folder), name, pathlib.Path(out))
        case ["bench", folder, name, prompt, count, kind]:
            bench(pathlib.Path(folder), name, int(prompt), int(count), kind)
        case ["tokens", model]:
            model = Model(model)
            print(json.dumps([model.encode(text) for text in json.load(sys.stdin)]))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()

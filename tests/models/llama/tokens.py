"""The two families of tokens that models of the llama architecture have in GGUF, made from texts of our own."""

import collections

import gguf
import regex
import sentencepiece

# How Llama 3 cuts text before it pairs bytes; GGUF calls it `llama-bpe`.
LLAMA3 = regex.compile(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + "
    "'\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
ZEPHYR = (
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\\n' + message['content'] + eos_token }}"
    "\n{% elif message['role'] == 'system' %}\n{{ '<|system|>\\n' + message['content'] + eos_token }}\n{% elif "
    "message['role'] == 'assistant' %}\n{{ '<|assistant|>\\n' + message['content'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
)


def byte_names():
    """The printable character that stands for each byte, as GPT-2 chose them."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + at) for at, byte in enumerate(rest)}


class BytePairs:
    """Pairs of bytes, joined in the order in which they were frequent. The last three tokens are markers."""

    MARKERS = ["<|begin|>", "<|im_start|>", "<|im_end|>"]

    def __init__(self, texts, size, _folder):
        names = byte_names()
        words = collections.Counter(word for text in texts for word in LLAMA3.findall(text))
        words = {tuple(names[byte] for byte in word.encode()): count for word, count in words.items()}
        self.tokens, self.merges = [names[byte] for byte in range(256)], []
        while len(self.tokens) < size - len(self.MARKERS):
            pairs = collections.Counter()
            for word, count in words.items():
                for pair in zip(word, word[1:]):
                    pairs[pair] += count
            pair = max(pairs, key=lambda pair: (pairs[pair], pair))
            self.merges.append(pair)
            self.tokens.append("".join(pair))
            words = {self.join(word, pair): count for word, count in words.items()}
        self.names, self.ids = names, {token: at for at, token in enumerate(self.tokens)}

    @staticmethod
    def join(word, pair):
        joined, at = [], 0
        while at < len(word):
            both = word[at:at + 2] == pair
            joined.append(word[at] + word[at + 1] if both else word[at])
            at += 2 if both else 1
        return tuple(joined)

    def encode(self, text):
        begin = len(self.tokens)
        ids = [begin]
        for word in LLAMA3.findall(text):
            word = tuple(self.names[byte] for byte in word.encode())
            for pair in self.merges:
                word = self.join(word, pair)
            ids.extend(self.ids[part] for part in word)
        return ids

    def write(self, writer):
        begin = len(self.tokens)
        kinds = [gguf.TokenType.NORMAL] * begin + [gguf.TokenType.CONTROL] * len(self.MARKERS)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("llama-bpe")
        writer.add_token_list(self.tokens + self.MARKERS)
        writer.add_token_types(kinds)
        writer.add_token_merges([" ".join(pair) for pair in self.merges])
        writer.add_bos_token_id(begin)
        writer.add_eos_token_id(begin + 2)
        writer.add_add_bos_token(True)
        writer.add_chat_template(CHATML)


class SentencePiece:
    """SentencePiece's own pairs, with a token for each byte that has no other."""

    def __init__(self, texts, size, folder):
        text, model = folder / "text.txt", folder / "tokens"
        text.write_text("\n".join(texts))
        sentencepiece.SentencePieceTrainer.train(
            input=str(text), model_prefix=str(model), vocab_size=size, model_type="bpe", byte_fallback=True,
            character_coverage=0.9995, normalization_rule_name="identity", remove_extra_whitespaces=False,
            split_digits=True, allow_whitespace_only_pieces=True, add_dummy_prefix=True, num_threads=1,
            max_sentence_length=65536, minloglevel=2,
        )
        self.processor = sentencepiece.SentencePieceProcessor(model_file=f"{model}.model")

    def encode(self, text):
        return [self.processor.bos_id(), *self.processor.encode(text)]

    def write(self, writer):
        pieces, scores, kinds = [], [], []
        for at in range(self.processor.vocab_size()):
            pieces.append(self.processor.id_to_piece(at))
            scores.append(self.processor.get_score(at))
            kind = gguf.TokenType.NORMAL
            if self.processor.is_unknown(at):
                kind = gguf.TokenType.UNKNOWN
            elif self.processor.is_control(at):
                kind = gguf.TokenType.CONTROL
            elif self.processor.is_byte(at):
                kind = gguf.TokenType.BYTE
            kinds.append(kind)
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(pieces)
        writer.add_token_scores(scores)
        writer.add_token_types(kinds)
        writer.add_bos_token_id(self.processor.bos_id())
        writer.add_eos_token_id(self.processor.eos_id())
        writer.add_unk_token_id(self.processor.unk_id())
        writer.add_add_space_prefix(True)
        writer.add_chat_template(ZEPHYR)

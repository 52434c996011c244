"""The published forward passes of layerwise rerankers, one row at a time: no batch, no padding, none of the toolkit."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerFast

CUES = {
    "minicpm": (
        "Given a query A and a passage B, determine whether the passage contains an answer to the query by providing "
        "a prediction of either 'Yes' or 'No'."
    ),
    "cost_wise_gemma": "Predict whether passage B contains an answer to query A.",
}


class Published:
    """A model's own arithmetic, from its files."""

    def __init__(self, folder):
        self.config = json.loads((Path(folder) / "config.json").read_text("utf-8"))
        self.weights = load_file(Path(folder) / "model.safetensors")
        self.tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        self.gemma = self.config["model_type"] == "cost_wise_gemma"

    def ids(self, text, most=None):
        cut = {} if most is None else {"truncation": True, "max_length": most}
        return self.tokenizer(text, add_special_tokens=False, **cut)["input_ids"]

    def row(self, query, passage, cue=None, max_length=512):
        """The ids of a pair, and how many stand before the passage and behind it."""
        line, cue = self.ids("\n"), self.ids(cue or CUES[self.config["model_type"]])
        first = [self.tokenizer.bos_token_id, *self.ids(f"A: {query}", max_length * 3 // 4)]
        second = [*line, *self.ids(f"B: {passage}", max_length)]
        over = len(first) + len(second) - (max_length + len(line) + len(cue))
        if over > 0:  # only the second gives way
            second = second[:-over]
        return [*first, *second, *line, *cue], len(first) + len(line), len(line) + len(cue)

    def score(self, query, passage, layers, *, head=None, ratio=1, merging=(), **more):
        """The score behind so many layers."""
        ids, before, behind = self.row(query, passage, **more)
        states = self.weights["model.embed_tokens.weight"][ids]
        states = states * (self.config["hidden_size"] ** 0.5 if self.gemma else self.config["scale_emb"])
        for layer in range(layers):
            if layer in merging and ratio > 1:
                states = merged(states, before, behind, ratio)
            states = self.gemma_layer(states, layer) if self.gemma else self.minicpm_layer(states, layer)
        last = self.norm(states, "model.norm")[-1]
        number = (0 if self.gemma else layers - self.config["start_layer"]) if head is None else head
        value = (last @ self.weights[f"lm_head.{number}.linear_head.weight"][0]).item()
        if self.gemma:
            cap = self.config["final_logit_softcapping"]
            value = cap * torch.tanh(torch.tensor(value / cap)).item()
        return value

    def minicpm_layer(self, states, layer):
        at, scale = f"model.layers.{layer}.", self.config["scale_depth"] / self.config["num_hidden_layers"] ** 0.5
        states = states + scale * self.attention(self.norm(states, f"{at}input_layernorm"), layer)
        return states + scale * self.feed_forward(self.norm(states, f"{at}post_attention_layernorm"), layer)

    def gemma_layer(self, states, layer):
        at = f"model.layers.{layer}."
        attended = self.attention(self.norm(states, f"{at}input_layernorm"), layer)
        states = states + self.norm(attended, f"{at}post_attention_layernorm")
        fed = self.feed_forward(self.norm(states, f"{at}pre_feedforward_layernorm"), layer)
        return states + self.norm(fed, f"{at}post_feedforward_layernorm")

    def norm(self, states, name):
        weight = self.weights[f"{name}.weight"] + (1 if self.gemma else 0)
        return states / (states.pow(2).mean(-1, keepdim=True) + self.config["rms_norm_eps"]).sqrt() * weight

    def feed_forward(self, states, layer):
        gate, up, down = (self.weights[f"model.layers.{layer}.mlp.{n}_proj.weight"] for n in ("gate", "up", "down"))
        gated = states @ gate.T
        acted = torch.nn.functional.gelu(gated, approximate="tanh") if self.gemma else gated * gated.sigmoid()
        return (acted * (states @ up.T)) @ down.T

    def attention(self, states, layer):
        heads, keys = self.config["num_attention_heads"], self.config["num_key_value_heads"]
        at = f"model.layers.{layer}.self_attn."
        query, key, value = (
            (states @ self.weights[f"{at}{n}_proj.weight"].T).view(len(states), count, -1)
            for n, count in (("q", heads), ("k", keys), ("v", keys))
        )
        query, key = rotated(query, self.config["rope_theta"]), rotated(key, self.config["rope_theta"])
        found = []
        for head in range(heads):
            shared = head // (heads // keys)
            found.append(self.weighted(query[:, head], key[:, shared], layer) @ value[:, shared])
        return torch.cat(found, dim=1) @ self.weights[f"{at}o_proj.weight"].T

    def weighted(self, query, key, layer):
        """What each token takes of each, one head, shape (tokens, tokens)."""
        scores = query @ key.T * (self.config["query_pre_attn_scalar"] if self.gemma else query.shape[1]) ** -0.5
        if self.gemma:
            scores = self.config["attn_logit_softcapping"] * (scores / self.config["attn_logit_softcapping"]).tanh()
        for i in range(len(scores)):
            scores[i, i + 1 :] = -torch.inf
            if self.gemma and layer % 2 == 0:  # every other layer sees a window
                scores[i, : max(0, i + 1 - self.config["sliding_window"])] = -torch.inf
        return scores.softmax(dim=1)


def merged(states, before, behind, ratio):
    """The passage's states, so many at a time, as their mean."""
    end = len(states) - behind
    means = [states[i : min(i + ratio, end)].mean(dim=0) for i in range(before, end, ratio)]
    return torch.stack([*states[:before], *means, *states[end:]])


def rotated(states, theta):
    """Rotary positions in halves, counted from 0."""
    tokens, _, width = states.shape
    angles = torch.arange(tokens)[:, None] * theta ** (-torch.arange(0, width, 2) / width)
    cos, sin = angles.cos()[:, None], angles.sin()[:, None]
    left, right = states[..., : width // 2], states[..., width // 2 :]
    return torch.cat([left * cos - right * sin, right * cos + left * sin], dim=-1)

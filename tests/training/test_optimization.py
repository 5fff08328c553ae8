import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from counterpoint.config import BackboneConfig, LatentSpec, ModelConfig, OptimizerConfig
from counterpoint.paradigm import build_paradigm
from counterpoint.training.checkpoint import optimizer_tensors, restore_optimizer
from counterpoint.training.optimization import Ema, build_optimizer, build_optimizers, learning_rate

CONFIG = OptimizerConfig(learning_rate=2.0, warmup_steps=4)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 4)
        self.linear = nn.Linear(4, 3)
        self.norm = nn.LayerNorm(3)
        self.null = nn.Parameter(torch.zeros(3))
        self.frozen = nn.Parameter(torch.ones(2, 2), requires_grad=False)
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    def forward(self, ids):
        return (self.norm(self.linear(self.embed(ids))) + self.null).square().sum()


def test_the_rate_warms_up_and_falls_to_zero():
    rates = [learning_rate(step, config=CONFIG, steps=12) for step in range(13)]
    assert rates[:5] == [0.5, 1.0, 1.5, 2.0, 2.0]
    assert rates[8] == pytest.approx(1.0), "half-way down the cosine"
    assert rates[12] == pytest.approx(0.0)
    assert all(a > b for a, b in pairwise(rates[4:]))


def test_the_rate_without_warm_up_and_with_nothing_but():
    plain = OptimizerConfig(learning_rate=2.0, warmup_steps=0)
    assert learning_rate(0, config=plain, steps=10) == 2.0
    assert [learning_rate(step, config=CONFIG, steps=2) for step in range(2)] == [0.5, 1.0]


def test_matrices_alone_decay():
    net = Net()
    groups = build_optimizer(net, config=CONFIG).param_groups
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    by_decay = {group["weight_decay"]: sorted(names[id(p)] for p in group["params"]) for group in groups}
    assert by_decay == {
        0.1: ["linear.weight"],
        0.0: ["embed.weight", "linear.bias", "norm.bias", "norm.weight", "null"],
    }


def test_the_average_follows_its_formula():
    net = Net()
    ema = Ema(net, decay=0.5)
    expected = net.null.detach().clone()
    for step in range(30):
        with torch.no_grad():
            net.null += torch.tensor([1.0, step, math.sin(step)])
        ema.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * net.null.detach()
    torch.testing.assert_close(ema.state_dict()["null"], expected)
    assert not torch.equal(ema.state_dict()["null"], net.null)


def test_the_average_holds_the_whole_state_and_keeps_what_is_not_trained():
    net = Net()
    ema = Ema(net, decay=0.9)
    with torch.no_grad():
        net.count += 3
        net.linear.weight += 1
    ema.update(100)
    state = ema.state_dict()
    assert state.keys() == net.state_dict().keys()
    assert int(state["count"]) == 3
    other = Net()
    other.load_state_dict(state)
    restored = Ema(other, decay=0.9)
    restored.load_state_dict(state)
    for name, value in restored.state_dict().items():
        assert torch.equal(value, state[name])


def train(net: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        net(torch.tensor([0, 3])).backward()
        optimizer.step()


def test_a_restored_optimizer_goes_on_bit_by_bit():
    torch.manual_seed(0)
    net = Net()
    optimizer = build_optimizer(net, config=CONFIG)
    train(net, optimizer, 3)
    state = {name: value.clone() for name, value in net.state_dict().items()}
    moments = {name: value.clone() for name, value in optimizer_tensors(optimizer, net).items()}
    assert {"exp_avg/linear.weight", "exp_avg_sq/linear.weight", "step/linear.weight"} <= moments.keys()
    train(net, optimizer, 3)

    again = Net()
    again.load_state_dict(state)
    fresh = build_optimizer(again, config=CONFIG)
    restore_optimizer(fresh, again, moments)
    train(again, fresh, 3)
    for name, value in again.state_dict().items():
        assert torch.equal(value, net.state_dict()[name]), name


@pytest.mark.parametrize("paradigm", ["autoregressive", "flow_matching"])
def test_muon_has_the_matrices_of_the_backbone_and_adamw_all_else(paradigm):
    latent = LatentSpec(codec="x", sample_rate=100, frame_rate=10, num_codebooks=2, codebook_size=8, latent_dim=4)
    shape = BackboneConfig(layers=2, width=32, heads=2, feed_forward=64)
    config = ModelConfig(paradigm=paradigm, backbone=shape, controls=("chords",), inpainting=0.5)
    model = build_paradigm(config, latent)
    optimizers = build_optimizers(model, hidden=model.backbone, config=OptimizerConfig(name="muon"))
    muon, adamw = ([id(p) for group in optimizer.param_groups for p in group["params"]] for optimizer in optimizers)
    every = {id(p): name for name, p in model.named_parameters() if p.requires_grad}
    assert sorted(muon + adamw) == sorted(every), "each is in one group"
    names = {every[key] for key in muon}
    assert names == {name for name in every.values() if name.startswith("backbone.") and "norm" not in name} - {
        "backbone.skips.0.bias"
    }
    [plain] = build_optimizers(model, hidden=model.backbone, config=OptimizerConfig())
    assert sorted(id(p) for group in plain.param_groups for p in group["params"]) == sorted(every)


class Deep(Net):
    def __init__(self):
        super().__init__()
        self.inside = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4, bias=False))

    def forward(self, ids):
        return (self.norm(self.linear(self.inside(self.embed(ids)))) + self.null).square().sum()


def train_deep(net: Deep, optimizers, steps: int) -> None:
    for _ in range(steps):
        net.zero_grad()
        net(torch.tensor([0, 3])).backward()
        for optimizer in optimizers:
            optimizer.step()


def test_restored_muon_goes_on_bit_by_bit():
    torch.manual_seed(0)
    config = OptimizerConfig(name="muon", learning_rate=0.01)
    net = Deep()
    optimizers = build_optimizers(net, hidden=net.inside, config=config)
    train_deep(net, optimizers, 3)
    state = {name: value.clone() for name, value in net.state_dict().items()}
    moments = {k: v.clone() for part in optimizers for k, v in optimizer_tensors(part, net).items()}
    assert {"momentum_buffer/inside.0.weight", "exp_avg/inside.0.bias", "exp_avg/linear.weight"} <= moments.keys()
    assert "exp_avg/inside.0.weight" not in moments
    train_deep(net, optimizers, 3)

    again = Deep()
    again.load_state_dict(state)
    fresh = build_optimizers(again, hidden=again.inside, config=config)
    for part in fresh:
        restore_optimizer(part, again, moments)
    train_deep(again, fresh, 3)
    for name, value in again.state_dict().items():
        assert torch.equal(value, net.state_dict()[name]), name

"""The paradigms in the package. A new one is a file with its model, an entry here, and a line in
`config.registry.BUILT_IN`."""

from __future__ import annotations

from counterpoint.config import AutoregressiveSampling, FlowMatchingSampling
from counterpoint.config.schema import AutoregressiveNetwork, FlowMatchingNetwork
from counterpoint.paradigm.autoregressive_cost import AutoregressiveCost
from counterpoint.paradigm.entry import ParadigmEntry, TrivialEntry
from counterpoint.paradigm.flow_matching_cost import FlowMatchingCost

AUTOREGRESSIVE = ParadigmEntry(
    name="autoregressive",
    label="Auto-regression",
    short="AR",
    mark="circle",
    colour="#b6462a",
    colour_dark="#ee8a66",
    model="counterpoint.paradigm.autoregressive:Autoregressive",
    view="codes",
    sampling=AutoregressiveSampling,
    network=AutoregressiveNetwork,
    cost=AutoregressiveCost(),
    draws="draws the codes frame by frame",
    objective="cross-entropy in nats, mean over codebooks (Eq. 1)",
    trivial=(
        TrivialEntry(
            name="unigram",
            label="Unigram counts",
            model="counterpoint.paradigm.trivial:Unigram",
            what="codes drawn by their frequencies in the training music",
        ),
        TrivialEntry(
            name="bigram",
            label="Bigram counts",
            model="counterpoint.paradigm.trivial:Bigram",
            what="codes drawn by their frequencies after the preceding code in the training music",
        ),
    ),
)
FLOW_MATCHING = ParadigmEntry(
    name="flow_matching",
    label="Flow matching",
    short="FM",
    mark="diamond",
    colour="#1c6a8c",
    colour_dark="#67b9d9",
    model="counterpoint.paradigm.flow_matching:FlowMatching",
    view="latents",
    sampling=FlowMatchingSampling,
    network=FlowMatchingNetwork,
    cost=FlowMatchingCost(),
    draws="transforms noise into the latents of all frames at once",
    objective="weighted squared error of the vector field (Eq. 4)",
    zero_shot=("inversion", "repaint", "projection", "gradient"),
    unread_by_zero_shot=("solver", "tolerance", "temperature"),
    compiles=True,
    trivial=(
        TrivialEntry(
            name="gaussian",
            label="Linear-Gaussian field",
            model="counterpoint.paradigm.trivial:GaussianField",
            what="frames drawn independently of each other, with the mean and covariance of the training music",
        ),
    ),
    loss_draws=4,
)

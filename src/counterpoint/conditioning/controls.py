"""Controls at the latent frame rate: the requested class of every frame, embedded as vectors (4.5, Fig. 2).

Each control is embedded by a table with one additional row for `NOT_GIVEN` (the learned null token); the embeddings are
concatenated with the input over channels and pass through one Linear layer, which splits into
W [x; e_1; e_2; ...] = A x + B [e_1; e_2; ...]. This module is B, which is computed once for all frames; A is the input
layer of the model. B starts at zero, so that before training a model with controls equals one without.

Shapes: B batch, J controls of the model, T frames, C model width.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from counterpoint.analysis.tracks import NOT_GIVEN, track_classes
from counterpoint.config import LatentSpec, ModelConfig, UserError


class ControlEmbedding(nn.Module):
    """Control tracks to the vectors that are added to the input.

    Raises:
        UserError: drums are the codes of a codec, and the codec has none.
    """

    def __init__(self, config: ModelConfig, latent: LatentSpec):
        super().__init__()
        if "drums" in config.controls and not latent.num_codebooks:
            raise UserError(
                f"The control drums is made of codes, and the codec {latent.codec!r} has none: "
                "leave drums out of model.controls, or use a codec that has codes."
            )
        classes = [track_classes(name, codebook_size=latent.codebook_size) for name in config.controls]
        width = config.control_width
        self.tables = cast("list[nn.Embedding]", nn.ModuleList(nn.Embedding(count + 1, width) for count in classes))
        self.project = nn.Linear(len(classes) * width, config.backbone.width, bias=False)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw every weight, except the zeros described above."""
        for table in self.tables:
            nn.init.normal_(table.weight, generator=generator)
        nn.init.zeros_(self.project.weight)

    def forward(self, tracks: Tensor) -> Tensor:
        """[B, J, T] long, classes or `NOT_GIVEN`, to [B, T, C]."""
        # The null token is the last row, which index -1 denotes modulo the number of rows.
        rows = [table(track % table.num_embeddings) for table, track in zip(self.tables, tracks.unbind(1), strict=True)]
        return self.project(torch.cat(rows, dim=-1))


def drop_controls(tracks: Tensor, *, p: float, hidden: Tensor, generator: torch.Generator) -> Tensor:
    """Hide each control of each sample with probability `p`, and all controls at once with 2/3 `p`, or 1/2 in samples
    without a caption.

    A model thereby learns every subset of its controls, with a caption and without, and no condition at all (the null
    condition of guidance). If controls were only dropped one by one, three controls at p = 0.5 would leave one caption
    in eight without controls, which is the most frequent request.

    Args:
        tracks: [B, J, T].
        hidden: [B] bool, samples whose caption is hidden.
    """
    B, J, _ = tracks.shape
    draw = torch.rand(B, J + 1, generator=generator, device=generator.device).to(tracks.device)
    all_dropped = draw[:, J] < torch.where(hidden.to(tracks.device), 1 / 2, 2 / 3 * p)
    dropped = (draw[:, :J] < p) | all_dropped[:, None]
    return tracks.masked_fill(dropped[:, :, None], NOT_GIVEN)

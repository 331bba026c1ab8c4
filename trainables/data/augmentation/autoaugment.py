"""AutoAugment (arXiv:1805.09501): which operations change which image of a batch.

Shape letters: B = images, H, W = pixels, C = colours, S = sub-policies, E = operations with level and sign, P = an
operation's parameters, 2 = first and second operation, or negative and positive.
"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from trainables.data.augmentation.image_operations import Apply, operation
from trainables.data.augmentation.policies import SubPolicy
from trainables.data.transfer import to_device

Told = tuple[str, int, int]
"""An operation's name, level and sign."""


class AutoAugment:
    """Draws a sub-policy for each image, and applies each of its two operations with its probability.

    No step waits for the device: all choices are made on the CPU, where the images are also sorted by operation, and
    one small tensor of them goes to the device.
    """

    def __init__(self, policies: Sequence[SubPolicy]) -> None:
        self._chance_S2 = torch.tensor([[chance for _, chance, _ in policy] for policy in policies], dtype=torch.double)
        written = sorted({(name, level, sign) for policy in policies for name, _, level in policy for sign in (-1, 1)})
        self._applies, self._kind_E, self._row_E, self._told = _group(written)
        index = {key: position for position, key in enumerate(written)}
        self._entry_S22 = torch.tensor(
            [[[index[name, level, sign] for sign in (-1, 1)] for name, _, level in policy] for policy in policies]
        )
        self._parameters: list[Tensor] = []
        self._parameters_are_for: tuple[int, int, torch.device] | None = None

    def __call__(self, images_BHWC: Tensor, generator: Generator, *, share: tuple[slice, int] | None = None) -> Tensor:
        """Return new images; each one's choices come from the generator, which is on the CPU (see `choose`).

        `share`: which part of a batch of how many images these are; they are changed as they would be in all of it.
        """
        _, height, width, _ = images_BHWC.shape
        mine, batch = share or (slice(None), len(images_BHWC))
        policy_B, applied_B2, positive_B2 = (drawn[mine] for drawn in choose(self._chance_S2, batch, generator))
        entry_B2 = self._entry_S22[policy_B].gather(2, positive_B2[:, :, None].long())[:, :, 0]
        kind_B2 = torch.where(applied_B2, self._kind_E[entry_B2], 0)
        # Sorted by function, applied, and put back; the second sorting starts from what the first one left.
        first_B, second_B = kind_B2.argsort(dim=0, stable=True).unbind(dim=1)
        takes_3B = torch.stack([first_B, first_B.argsort()[second_B], second_B.argsort()])
        row_2B = self._row_E[torch.stack([entry_B2[first_B, 0], entry_B2[second_B, 1]])]
        counts = [kind_B.bincount(minlength=len(self._applies)).tolist() for kind_B in kind_B2.T]
        plan_5B = to_device(torch.cat([takes_3B, row_2B]), images_BHWC.device)

        tables = self._tables(height, width, images_BHWC.device)
        for take_B, row_B, count in zip(plan_5B[:2], plan_5B[3:], counts, strict=True):
            sorted_BHWC = images_BHWC.index_select(0, take_B)
            parts = zip(self._applies, tables, sorted_BHWC.split(count), row_B.split(count), strict=True)
            done = [
                apply(part_BHWC, table_EP.index_select(0, part_row_B)) if apply else part_BHWC
                for apply, table_EP, part_BHWC, part_row_B in parts
                if len(part_BHWC)
            ]
            images_BHWC = torch.cat(done)
        return images_BHWC.index_select(0, plan_5B[2])

    def _tables(self, height: int, width: int, device: torch.device) -> list[Tensor]:
        """Return the parameters of each `Apply`, which depend on the images' size alone and are kept."""
        if self._parameters_are_for != (height, width, device):
            self._parameters = [_parameters(told, height, width).to(device) for told in self._told]
            self._parameters_are_for = (height, width, device)
        return self._parameters


def _group(written: Sequence[Told]) -> tuple[list[Apply | None], Tensor, Tensor, list[list[Told]]]:
    """Sort operations by the function that applies them.

    Returns: the functions, the first of which is none at all; for each operation its function's place among these, and
        its own place among those of its function; for each function its operations.
    """
    applies: list[Apply | None] = [None]
    told: list[list[Told]] = [[]]
    kinds, rows = [], []
    for key in written:
        apply = operation(key[0]).apply
        if apply not in applies:
            applies.append(apply)
            told.append([])
        kinds.append(applies.index(apply))
        rows.append(len(told[kinds[-1]]))
        told[kinds[-1]].append(key)
    return applies, torch.tensor(kinds), torch.tensor(rows), told


def _parameters(told: Sequence[Told], height: int, width: int) -> Tensor:
    rows = [operation(name).parameters_of(level, sign, height, width) for name, level, sign in told]
    return torch.stack(rows) if rows else torch.empty(0)


def choose(chance_S2: Tensor, batch: int, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return policy_B, each as likely; applied_B2, true as often as the policy says; positive_B2, a fair coin."""
    policy_B = torch.randint(0, len(chance_S2), (batch,), generator=generator)
    applied_B2 = torch.rand(batch, 2, dtype=torch.double, generator=generator) < chance_S2[policy_B]
    positive_B2 = torch.randint(0, 2, (batch, 2), generator=generator).bool()
    return policy_B, applied_B2, positive_B2

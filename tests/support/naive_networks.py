"""References written the slow and obvious way: one module for each edge, every primitive computed, nothing shared."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F


def depthwise(channels, kernel, stride, dilation):
    padding = dilation * (kernel // 2)
    return nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False)


def separable(c_in, c_out, kernel, stride, affine, dilation=1, middle=None):
    middle = c_out if middle is None else middle
    return nn.Sequential(
        nn.ReLU(),
        depthwise(c_in, kernel, stride, dilation),
        nn.Conv2d(c_in, middle, 1, bias=False),
        nn.BatchNorm2d(middle, affine=affine),
        nn.ReLU(),
        depthwise(middle, kernel, 1, 1),
        nn.Conv2d(middle, c_out, 1, bias=False),
        nn.BatchNorm2d(c_out, affine=affine),
    )


def dilated(channels, kernel, stride, affine):
    return nn.Sequential(
        nn.ReLU(),
        depthwise(channels, kernel, stride, 2),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels, affine=affine),
    )


class FactorizedReduce(nn.Module):
    def __init__(self, c_in, c_out, affine):
        super().__init__()
        self.relu = nn.ReLU()
        self.first = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.second = nn.Conv2d(c_in, c_out - c_out // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(c_out, affine=affine)

    def forward(self, x):
        x = self.relu(x)
        shifted = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.norm(torch.cat([self.first(x), self.second(shifted)], dim=1))


def relu_conv_bn(c_in, c_out, affine):
    return nn.Sequential(nn.ReLU(), nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out, affine=affine))


class Nothing(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return x[:, :, :: self.stride, :: self.stride] * 0


def one_by_seven(channels, stride, affine, eps):
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, (1, 7), (1, stride), (0, 3), bias=False),
        nn.Conv2d(channels, channels, (7, 1), (stride, 1), (3, 0), bias=False),
        nn.BatchNorm2d(channels, eps=eps, affine=affine),
    )


def operation(name, operations, c, stride, affine, middle=32):
    ssc = operations == "ssc"
    match name:
        case "none":
            return Nothing(stride)
        case "max_pool_3x3":
            return nn.MaxPool2d(3, stride, 1)
        case "avg_pool_3x3":
            return nn.AvgPool2d(3, stride, 1, count_include_pad=ssc)
        case "skip_connect":
            return nn.Identity() if stride == 1 else FactorizedReduce(c, c, affine)
        case "conv_7x1_1x7":
            return one_by_seven(c, stride, affine, 1e-3 if ssc else 1e-5)
        case "choke_conv_3x3":
            return separable(c, c, 3, stride, affine, 1, middle)
        case "dil_choke_conv_3x3":
            return separable(c, c, 3, stride, affine, 2, middle)
    kind, _, size = name.rpartition("_conv_")
    kernel = int(size[0])
    match kind:
        case "sep":
            return separable(c, c, kernel, stride, affine)
        case "dil":
            return separable(c, c, kernel, stride, affine, 2) if ssc else dilated(c, kernel, stride, affine)
        case "flood":
            return separable(c, c, kernel, stride, affine, 1, 4 * c)
        case "dil_flood":
            return separable(c, c, kernel, stride, affine, 2, 4 * c)
    raise AssertionError(name)


def scaling(name, c_in, c_out, stride):
    """An operation of the ssc set between two numbers of channels, as the final networks have it."""
    kind, _, size = name.rpartition("_")
    kernel = int(size[0]) if size[0].isdigit() else 1
    match kind:
        case "max_pool" | "avg_pool":
            pool = nn.MaxPool2d(3, stride, 1) if kind == "max_pool" else nn.AvgPool2d(3, stride, 1)
            resize = [nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out, eps=1e-3)]
            return pool if c_in == c_out else nn.Sequential(pool, *resize)
        case "skip":
            if stride == 2:
                return FactorizedReduce(c_in, c_out, True)
            return nn.Identity() if c_in == c_out else relu_conv_bn(c_in, c_out, True)
        case "conv_7x1":
            return nn.Sequential(
                nn.ReLU(),
                nn.Conv2d(c_in, c_out, (1, 7), (1, stride), (0, 3), bias=False),
                nn.Conv2d(c_out, c_out, (7, 1), (stride, 1), (3, 0), bias=False),
                nn.BatchNorm2d(c_out, eps=1e-3),
            )
    dilation = 2 if kind.startswith("dil_") else 1
    middle = {"flood_conv": 4 * c_out, "choke_conv": 32}.get(kind.removeprefix("dil_"))
    return separable(c_in, c_out, kernel, stride, True, dilation, middle)


class MixedOperation(nn.Module):
    """One edge: the sum of all primitives, `none` included; each pool is followed by a batch norm."""

    def __init__(self, primitives, operations, c, stride):
        super().__init__()
        self.choices = nn.ModuleList()
        for name in primitives:
            choice = operation(name, operations, c, stride, affine=False)
            self.choices.append(nn.Sequential(choice, nn.BatchNorm2d(c, affine=False)) if "pool" in name else choice)

    def forward(self, x, multipliers):
        return sum(m * choice(x) for m, choice in zip(multipliers, self.choices, strict=True))


class Supernet(nn.Module):
    def __init__(self, primitives, operations, weighting, channels, layers, classes):
        super().__init__()
        self.weighting = weighting
        c, before, last = channels, 3 * channels, 3 * channels
        self.stem = nn.Sequential(nn.Conv2d(3, 3 * c, 3, padding=1, bias=False), nn.BatchNorm2d(3 * c))
        self.cells = nn.ModuleList()
        self.reductions = [layer in (layers // 3, 2 * layers // 3) for layer in range(layers)]
        for layer, reduction in enumerate(self.reductions):
            c = 2 * c if reduction else c
            after = layer > 0 and self.reductions[layer - 1]
            cell = nn.Module()
            cell.first = FactorizedReduce(before, c, False) if after else relu_conv_bn(before, c, False)
            cell.second = relu_conv_bn(last, c, False)
            cell.edges = nn.ModuleList(
                MixedOperation(primitives, operations, c, 2 if reduction and state < 2 else 1)
                for node in range(4)
                for state in range(2 + node)
            )
            self.cells.append(cell)
            before, last = last, 4 * c
        self.classifier = nn.Linear(last, classes)
        self.alphas_normal = nn.Parameter(torch.zeros(14, len(primitives)))
        self.alphas_reduce = nn.Parameter(torch.zeros(14, len(primitives)))

    def multipliers(self, reduction):
        w = torch.softmax(self.alphas_reduce if reduction else self.alphas_normal, dim=-1)
        if self.weighting == "scalar":
            return w
        return torch.stack([1 - row.max() + row for row in w])

    def forward(self, x):
        s0 = s1 = self.stem(x)
        for cell, reduction in zip(self.cells, self.reductions, strict=True):
            multipliers = self.multipliers(reduction)
            states, edge = [cell.first(s0), cell.second(s1)], 0
            for _ in range(4):
                node = 0
                for state in list(states):
                    node = node + cell.edges[edge](state, multipliers[edge])
                    edge += 1
                states.append(node)
            s0, s1 = s1, torch.cat(states[-4:], dim=1)
        return self.classifier(s1.mean(dim=(2, 3)))


class Network(nn.Module):
    """The CIFAR or ImageNet network of a genotype. `keep`: None, or one factor for each droppable edge and image."""

    def __init__(self, genotype, operations, channels, layers, classes, middle=32, imagenet=False):
        super().__init__()
        c = channels
        before = last = c if imagenet else 3 * c
        self.first_stem = None
        self.stem = nn.Sequential(nn.Conv2d(3, last, 3, padding=1, bias=False), nn.BatchNorm2d(last))
        if imagenet:
            first = [nn.Conv2d(3, c // 2, 3, 2, 1, bias=False), nn.BatchNorm2d(c // 2), nn.ReLU()]
            first += [nn.Conv2d(c // 2, c, 3, 2, 1, bias=False), nn.BatchNorm2d(c)]
            self.first_stem = nn.Sequential(*first)
            self.stem = nn.Sequential(nn.ReLU(), nn.Conv2d(c, c, 3, 2, 1, bias=False), nn.BatchNorm2d(c))
        self.cells = nn.ModuleList()
        self.look_at = 2 * layers // 3
        reductions = [layer in (layers // 3, 2 * layers // 3) for layer in range(layers)]
        for layer, reduction in enumerate(reductions):
            c = 2 * c if reduction else c
            after = reductions[layer - 1] if layer else imagenet
            cell = nn.Module()
            cell.genes = genotype.reduce if reduction else genotype.normal
            cell.concat = genotype.reduce_concat if reduction else genotype.normal_concat
            cell.first = FactorizedReduce(before, c, True) if after else relu_conv_bn(before, c, True)
            cell.second = relu_conv_bn(last, c, True)
            cell.choices = nn.ModuleList(
                operation(name, operations, c, 2 if reduction and state < 2 else 1, True, middle)
                for name, state in cell.genes
            )
            self.cells.append(cell)
            before, last = last, len(cell.concat) * c
            if layer == self.look_at:
                head = [nn.ReLU(), nn.AvgPool2d(5, 2 if imagenet else 3)]
                head += [nn.Conv2d(last, 128, 1, bias=False), nn.BatchNorm2d(128)]
                head += [nn.ReLU(), nn.Conv2d(128, 768, 2, bias=False), nn.BatchNorm2d(768), nn.ReLU()]
                self.auxiliary = nn.Sequential(*head, nn.Flatten(), nn.Linear(768, classes))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(last, classes)

    def forward(self, x, keep=None, auxiliary=True):
        s0 = x if self.first_stem is None else self.first_stem(x)
        s1 = self.stem(s0)
        s0 = s1 if self.first_stem is None else s0
        extra, dropped = None, 0
        for layer, cell in enumerate(self.cells):
            states = [cell.first(s0), cell.second(s1)]
            for node in range(len(cell.genes) // 2):
                total = 0
                for edge in (2 * node, 2 * node + 1):
                    y = cell.choices[edge](states[cell.genes[edge][1]])
                    if keep is not None and not isinstance(cell.choices[edge], nn.Identity):
                        y = y * keep[dropped].reshape(-1, 1, 1, 1)
                        dropped += 1
                    total = total + y
                states.append(total)
            s0, s1 = s1, torch.cat([states[state] for state in cell.concat], dim=1)
            if self.training and auxiliary and layer == self.look_at:
                extra = self.auxiliary(s1)
        return self.classifier(self.pool(s1).flatten(1)), extra


def copy_of(tensor, copy, copies):
    """The part of a parameter, gradient or buffer of a block that belongs to one of its copies."""
    return tensor.unflatten(0, (copies, -1))[copy]


def statistics(module):
    """The running statistics of all batch norms, in order."""
    norms = [norm for norm in module.modules() if isinstance(norm, nn.BatchNorm2d)]
    return [value for norm in norms for value in (norm.running_mean, norm.running_var)]


def counted_by_hooks(network, x):
    """Add up what each layer of a naive network does."""
    total = {"macs": 0, "others": 0}

    def hook(module, inputs, output):
        if isinstance(module, nn.Conv2d):
            height, width = module.kernel_size
            total["macs"] += output.numel() * height * width * module.in_channels // module.groups
        elif isinstance(module, nn.Linear):
            total["macs"] += module.in_features * module.out_features
        elif isinstance(module, nn.ReLU):
            total["others"] += output.numel()
        elif "Pool" in type(module).__name__:
            total["others"] += inputs[0].numel()
        elif isinstance(module, nn.BatchNorm2d):
            total["others"] += 2 * inputs[0].numel()

    for module in network.modules():
        module.register_forward_hook(hook)
    with torch.no_grad():
        network.eval()(x)
    return total["macs"], total["macs"] + total["others"]


@pytest.fixture(scope="session")
def naive():
    return SimpleNamespace(
        operation=operation,
        scaling=scaling,
        separable=separable,
        MixedOperation=MixedOperation,
        Supernet=Supernet,
        Network=Network,
        copy_of=copy_of,
        counted_by_hooks=counted_by_hooks,
        statistics=statistics,
    )


@pytest.fixture(autouse=True)
def in_double_precision():
    """Differences of algebra show in double precision; those of rounding do not."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)

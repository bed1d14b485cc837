"""Which way to compute the convolutions of many networks at once is fast here, layer by layer of `mnist_cnn`?

    python benchmarks/convolutions.py [--members E] [--batch-size B] [--repeats R] [--quick] [--output FILE.json]

The stacked convolution of `labelnoise.networks.stacked` is one grouped convolution. Libraries are fastest with one
group, or with numbers of channels that are multiples of 8; these layers have 1, 20 and 50. So the grouped convolution
is compared, forward and backward, with the same convolution after channels are padded to multiples of 8, with one
convolution per member, and with one batched matrix product of unfolded patches. Each is run in both memory formats and
precisions, with deterministic algorithms, as in training. All four must give the same output. A time is the median of
the repeats after three passes to warm up; on CUDA the two kernels that took longest are named.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from harness import Options, Record, Table, run, timed
from torch import Tensor
from torch.nn import functional

from labelnoise.training.single import deterministic

ON_CUDA = torch.cuda.is_available()
LAYERS = ((1, 20, 28), (20, 20, 28), (20, 50, 14), (50, 50, 14))  # These are channels in and out, and the side.
SIZE = 5
MEMORY_FORMATS = {"channels last": torch.channels_last, "channels first": torch.contiguous_format}


def grouped(maps: Tensor, weight: Tensor) -> Tensor:
    """Convolve as `StackedNetwork` does: maps (B, E * in, side, side) with weights (E, out, in, 5, 5)."""
    return functional.conv2d(maps, weight.flatten(0, 1), padding=SIZE // 2, groups=len(weight))


def padded(maps: Tensor, weight: Tensor) -> Tensor:
    n_members, n_out, n_in = weight.shape[:3]
    more_out, more_in = -n_out % 8, -n_in % 8
    members = functional.pad(maps.unflatten(1, (n_members, n_in)), (0, 0, 0, 0, 0, more_in)).flatten(1, 2)
    weight = functional.pad(weight, (0, 0, 0, 0, 0, more_in, 0, more_out))
    output = grouped(members.contiguous(memory_format=torch.channels_last), weight)
    return output.unflatten(1, (n_members, n_out + more_out))[:, :, :n_out].flatten(1, 2)


def by_member(maps: Tensor, weight: Tensor) -> Tensor:
    members = (member.contiguous(memory_format=torch.channels_last) for member in maps.chunk(len(weight), 1))
    return torch.cat([functional.conv2d(x, w, padding=SIZE // 2) for x, w in zip(members, weight, strict=True)], 1)


def product(maps: Tensor, weight: Tensor) -> Tensor:
    (n_members, n_out, n_in), (batch, _, height, width) = weight.shape[:3], maps.shape
    around = functional.pad(maps, (SIZE // 2,) * 4).unflatten(1, (n_members, n_in))
    patches = around.unfold(3, SIZE, 1).unfold(4, SIZE, 1).permute(1, 0, 3, 4, 2, 5, 6)
    rows = patches.reshape(n_members, batch * height * width, n_in * SIZE**2)
    output = torch.bmm(rows, weight.flatten(2).transpose(1, 2)).view(n_members, batch, height, width, n_out)
    return output.permute(1, 0, 4, 2, 3).flatten(1, 2)


WAYS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "grouped": grouped,
    "grouped, padded to eights": padded,
    "one per member": by_member,
    "matrix product": product,
}


def measure(way: Callable[[Tensor, Tensor], Tensor], maps: Tensor, weight: Tensor, repeats: int) -> Record:
    """Return the median milliseconds of a forward and backward pass, and on CUDA its two longest kernels."""

    def step() -> None:
        maps.grad = weight.grad = None
        output = way(maps, weight)
        output.backward(torch.ones_like(output))
        if ON_CUDA:
            torch.cuda.synchronize()

    found: Record = {"milliseconds": 1000 * timed(step, repeats, warm_up=3).median}
    if ON_CUDA:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            step()
        longest = sorted(profile.key_averages(), key=lambda kernel: -kernel.device_time_total)[:2]
        found["kernels"] = [kernel.key[:80] for kernel in longest]
    return found


def main(options: Options) -> Record:
    n_members, device = options.members, torch.device("cuda" if ON_CUDA else "cpu")
    table = Table("precision", "layer:17", "way:25", "memory_format", "milliseconds", "teraflops", "kernels")
    for dtype, (n_in, n_out, side) in itertools.product((torch.bfloat16, torch.float32), LAYERS):
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(options.batch_size, n_members * n_in, side, side, generator=generator)
        kernels = torch.randn(n_members, n_out, n_in, SIZE, SIZE, generator=generator) / (n_in * SIZE**2) ** 0.5
        operations = 3 * 2 * images[:, 0].numel() * kernels.numel()  # The backward pass counts twice, for both inputs.
        expected = grouped(images, kernels).to(dtype)
        layer = {"layer": f"{n_in} -> {n_out}, {side} x {side}", "precision": str(dtype).removeprefix("torch.")}
        for (way, compute), (name, memory_format) in itertools.product(WAYS.items(), MEMORY_FORMATS.items()):
            # The first layer's input consists of images, which need no gradient.
            maps = images.to(device, dtype).contiguous(memory_format=memory_format).requires_grad_(n_in > 1)
            weight = kernels.to(device, dtype).requires_grad_()
            with deterministic():
                torch.testing.assert_close(compute(maps, weight).cpu(), expected, atol=0.05, rtol=0.05)
                found = measure(compute, maps, weight, options.repeats)
            teraflops = operations / found["milliseconds"] / 1e9
            table.add({**layer, "way": way, "memory_format": name, **found, "teraflops": teraflops})
    hardware = torch.cuda.get_device_name() if ON_CUDA else f"{torch.get_num_threads()} CPU threads"
    return {"members": n_members, "batch_size": options.batch_size, "hardware": hardware, "rows": table.rows}


if __name__ == "__main__":
    members, batch_size, repeats = (32, 256, 10) if ON_CUDA else (4, 32, 3)
    run(main, __doc__, members=(members, 2), batch_size=(batch_size, 2), repeats=(repeats, 1))

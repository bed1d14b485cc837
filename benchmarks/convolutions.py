"""Convolutions of many networks at once: which way of computing them is fast here, layer by layer of `mnist_cnn`.

    python benchmarks/convolutions.py [--members E] [--batch-size B] [--repeats R] [--output FILE.json]

The stacked convolution of `labelnoise.networks.stacked` is one grouped convolution. Libraries are at their best with
one group, or with channels that come in eights, and these layers have 1, 20 and 50. So it is compared, forward and
backward, with the same convolution after channels are padded to multiples of 8, with one convolution a member, and with
one batched matrix product of unfolded patches; in both memory formats and precisions, with deterministic algorithms, as
training has them. All four must give the same output. On CUDA the two kernels that took longest are named.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from labelnoise.artifacts import write_json
from labelnoise.training.single import deterministic

LAYERS = ((1, 20, 28), (20, 20, 28), (20, 50, 14), (50, 50, 14))  # channels in and out, side of the map
SIZE = 5
MEMORY_FORMATS = {"channels last": torch.channels_last, "channels first": torch.contiguous_format}


def grouped(maps: Tensor, weight: Tensor) -> Tensor:
    """As in `StackedNetwork`: maps (B, E * in, side, side) and weights (E, out, in, 5, 5)."""
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
    "one a member": by_member,
    "matrix product": product,
}


def measure(way: Callable[[Tensor, Tensor], Tensor], maps: Tensor, weight: Tensor, repeats: int) -> dict[str, Any]:
    """Median seconds of a forward and backward pass, after three to warm up."""
    on_cuda = maps.device.type == "cuda"

    def step() -> None:
        maps.grad = weight.grad = None
        output = way(maps, weight)
        output.backward(torch.ones_like(output))
        if on_cuda:
            torch.cuda.synchronize()

    seconds = []
    for _ in range(repeats + 3):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    found: dict[str, Any] = {"milliseconds": 1000 * statistics.median(seconds[3:])}
    if on_cuda:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            step()
        longest = sorted(profile.key_averages(), key=lambda kernel: -kernel.device_time_total)[:2]
        found["kernels"] = [kernel.key[:80] for kernel in longest]
    return found


def main() -> None:
    on_cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--members", type=int, default=32 if on_cuda else 4)
    parser.add_argument("--batch-size", type=int, default=256 if on_cuda else 32)
    parser.add_argument("--repeats", type=int, default=10 if on_cuda else 3)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    device, rows = torch.device("cuda" if on_cuda else "cpu"), []
    for dtype in (torch.bfloat16, torch.float32):
        for n_in, n_out, side in LAYERS:
            shape = (arguments.members, n_out, n_in, SIZE, SIZE)
            generator = torch.Generator().manual_seed(0)
            images = torch.randn(arguments.batch_size, arguments.members * n_in, side, side, generator=generator)
            kernels = torch.randn(shape, generator=generator) / (n_in * SIZE**2) ** 0.5
            operations = 3 * 2 * images[:, 0].numel() * kernels.numel()  # forward, and backward to both
            expected = grouped(images, kernels).to(dtype)
            for way, compute in WAYS.items():
                for name, memory_format in MEMORY_FORMATS.items():
                    # the first layer's input are images, which need no gradient
                    maps = images.to(device, dtype).contiguous(memory_format=memory_format).requires_grad_(n_in > 1)
                    weight = kernels.to(device, dtype).requires_grad_()
                    with deterministic():
                        torch.testing.assert_close(compute(maps, weight).cpu(), expected, atol=0.05, rtol=0.05)
                        found = measure(compute, maps, weight, arguments.repeats)
                    row = {
                        "layer": f"{n_in} -> {n_out}, {side} x {side}",
                        "precision": str(dtype).removeprefix("torch."),
                        "way": way,
                        "memory_format": name,
                        **found,
                        "teraflops": operations / found["milliseconds"] / 1e9,
                    }
                    rows.append(row)
                    print(
                        f"{row['precision']:8}  {row['layer']:17}  {way:25}  {name:14}  {row['milliseconds']:8.2f} ms  "
                        f"{row['teraflops']:7.2f} TFLOP/s  {' | '.join(found.get('kernels', []))}",
                        flush=True,
                    )
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        hardware = torch.cuda.get_device_name() if on_cuda else f"{torch.get_num_threads()} CPU threads"
        record = {"benchmark": "convolutions", "members": arguments.members, "batch_size": arguments.batch_size}
        write_json({**record, "hardware": hardware, "torch": torch.__version__, "rows": rows}, arguments.output)


if __name__ == "__main__":
    main()

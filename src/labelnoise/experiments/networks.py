"""Networks under label noise: accuracy over the noise rate.

A study is made of trainings that know nothing of each other. Each leaves one file with its softmax and the record of
what it was; a study that was killed goes on with the first training whose file is missing, and that one from its last
epoch.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.artifacts import StrPath, output_folder, read_arrays, write_arrays
from labelnoise.corruption import check_noise, corrupt
from labelnoise.curves import AccuracyCurve
from labelnoise.data import ImageSet
from labelnoise.noise import NoiseModel
from labelnoise.progress import track
from labelnoise.training import TrainingSpecification, predict, train
from labelnoise.validation import check_k, check_noise_rates

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SweepSpecification:
    """Trainings over noise rates and repeats.

    Parameters
    ----------
    noise : NoiseModel
        What a selected label becomes; the selected samples are randomly spread.
    noise_rates : tuple of float in [0, 1]
    training : TrainingSpecification
        The same for all but for the seed: each training has its own, which follows from this one, the noise rate and
        the repeat, and decides the noise draw as well.
    repeats : int
    """

    noise: NoiseModel
    noise_rates: tuple[float, ...]
    training: TrainingSpecification
    repeats: int = 3

    def __post_init__(self) -> None:
        check_noise(self.noise)
        check_k(self.repeats, name="repeats")
        rates = check_noise_rates(self.noise_rates)
        if len(np.unique(rates)) < len(rates):
            raise ValueError(f"`noise_rates` must be distinct; got {rates.tolist()}. Raise `repeats` instead.")

    def seed(self, noise_rate: float, repeat: int) -> int:
        """The seed of one training; it stays when noise rates or repeats are added."""
        words = np.random.SeedSequence([self.training.seed, round(noise_rate * 1e9), repeat])
        return int(words.generate_state(1)[0])

    def to_dict(self) -> dict[str, Any]:
        """Everything that determines the sweep but the data, ready for JSON."""
        return {
            "noise": self.noise.parameters(),
            "noise_rates": list(self.noise_rates),
            "repeats": self.repeats,
            "training": self.training.to_dict(),
        }


@dataclass(frozen=True, eq=False)
class NetworkSweep:
    """Measured accuracy of a network over the noise rate; `effective_k` takes it as it is.

    Attributes
    ----------
    specification : SweepSpecification
    runs : array of shape (n_rates, repeats)
        Test accuracy of every training.
    pred_probs : array of shape (n_test, n_classes)
        Softmax of the test images after the first training at the lowest noise rate: the clean distribution, where
        that rate is 0.
    records : tuple of dict
        What each training was and how it went, rate by rate.
    """

    specification: SweepSpecification
    runs: Floats
    pred_probs: Floats
    records: tuple[dict[str, Any], ...]

    @property
    def noise_rates(self) -> Floats:
        """Noise rates, (n_rates,)."""
        return np.array(self.specification.noise_rates, dtype=np.float64)

    @property
    def accuracy(self) -> Floats:
        """Mean over the repeats, (n_rates,)."""
        mean: Floats = self.runs.mean(axis=1)
        return mean

    @property
    def std(self) -> Floats:
        """Standard deviation over the repeats (n - 1 in the denominator), (n_rates,); NaN for one repeat."""
        if self.runs.shape[1] == 1:
            return np.full(len(self.runs), np.nan)
        spread: Floats = self.runs.std(axis=1, ddof=1)
        return spread

    def to_frame(self) -> pd.DataFrame:
        """One row a training."""
        import pandas as pd

        return pd.DataFrame(self.records)


def network_sweep(
    train_set: ImageSet, test_set: ImageSet, specification: SweepSpecification, folder: StrPath
) -> NetworkSweep:
    """Train a network on really corrupted labels at every noise rate, and measure it on clean test labels (Fig. 4).

    Parameters
    ----------
    train_set, test_set : ImageSet
        Clean images and labels.
    specification : SweepSpecification
    folder : path
        Keeps a file a training; those that are there already are not trained again.

    Raises
    ------
    ValueError
        `folder` holds a training of another specification or on other data, or a damaged one.
    """
    target = output_folder(folder)
    noise, rates, repeats = specification.noise, specification.noise_rates, specification.repeats
    trainings = [(rate, repeat) for rate in rates for repeat in range(repeats)]
    records, first = [], {}
    for rate, repeat in track(trainings, "networks"):
        seed = specification.seed(rate, repeat)
        noisy = corrupt(train_set.labels, noise, rate, classes=np.arange(len(train_set.classes)), random_state=seed)
        training = dataclasses.replace(specification.training, seed=seed)
        path = target / f"{noise.name}-{rate:g}-{repeat}.npz"
        record, arrays = train_once(path, train_set, test_set, noisy.labels, training)
        records.append({"noise_rate": rate, "repeat": repeat, "changed_rate": noisy.changed_rate, **record})
        if repeat == 0:
            first[rate] = arrays["pred_probs"]
    runs = np.array([record["test_accuracy"] for record in records]).reshape(len(rates), repeats)
    return NetworkSweep(specification, runs, first[min(rates)].astype(np.float64), tuple(records))


def train_once(
    path: Path,
    train_set: ImageSet,
    test_set: ImageSet,
    labels: Codes,
    training: TrainingSpecification,
    *,
    with_features: bool = False,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Record and arrays (softmax, features) of one training: from its file, or trained now and written there."""
    identity = {"training": training.to_dict(), "data": _digest(train_set.images, labels, test_set.images)}
    if path.exists():
        arrays = read_arrays(path, "this study")
        content = json.loads(arrays.pop("record").tobytes().decode()) if "record" in arrays else {}
        if content.get("identity") != identity or (with_features and "features" not in arrays):
            raise ValueError(
                f"{path} must be of the same specification and data as this study; it is of another. "
                f"Name another folder, or delete the file to train again."
            )
        record = content["result"]
    else:
        checkpoint = path.with_name(path.name + ".checkpoint")
        classes = np.arange(len(train_set.classes))
        result = train(
            train_set.images, labels, training, test_images=test_set.images, classes=classes, checkpoint=checkpoint
        )
        assert result.pred_probs is not None
        assert result.test_features is not None
        arrays = {"pred_probs": result.pred_probs}
        if with_features:
            arrays["test_features"] = result.test_features
            arrays["features"] = predict(result.network, train_set.images, device=training.device).features
        kept = ("best_epoch", "diverged_at", "device", "precision", "seconds")
        record = {"seed": training.seed, **{name: getattr(result, name) for name in kept}}
        content = json.dumps({"identity": identity, "result": record}).encode()
        write_arrays(path, record=np.frombuffer(content, dtype=np.uint8), **arrays)
        checkpoint.unlink(missing_ok=True)
    return {**record, "test_accuracy": share(arrays["pred_probs"].argmax(axis=1) == test_set.labels)}, arrays


def share(mask: Mask) -> float:
    """Mean of a mask; NaN for an empty one."""
    return float(mask.mean()) if len(mask) else math.nan


def _digest(*arrays: NDArray[Any]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def family_figure(predicted: AccuracyCurve, sweep: NetworkSweep, *, title: str = "", data: str = "") -> Figure:
    """Measured accuracy over the family of analytic curves, as in Fig. 4: mean and standard deviation over repeats."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from labelnoise.figures import INK, STYLE, draw_curves

    with rc_context(STYLE):
        figure = Figure(figsize=(6.6, 4.6), layout="constrained", dpi=160)
        ax = figure.subplots()
        draw_curves(ax, predicted, None)
        ax.errorbar(
            sweep.noise_rates,
            sweep.accuracy,
            yerr=np.nan_to_num(sweep.std),
            color=INK,
            linestyle="none",
            marker="o",
            markersize=4.2,
            markerfacecolor="white",
            capsize=2.0,
            zorder=6,
        )
        ax.set_title(title, loc="left", fontweight="bold", fontsize=11.5)
        repeats = sweep.runs.shape[1]
        caption = (
            f"{data}; {predicted.n_test:,} test samples; lines: predicted ({predicted.model}, ties: {predicted.ties}) "
            f"from the softmax of the network trained on clean labels; points: the network, mean ± standard deviation "
            f"of {repeats} training{'s' if repeats > 1 else ''}, base seed {sweep.specification.training.seed}."
        )
        figure.supxlabel(caption, fontsize=7.5, wrap=True, x=0.02, ha="left")
        figure.canvas.draw()
    return figure

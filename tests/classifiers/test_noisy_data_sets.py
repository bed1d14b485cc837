"""Noisy labels become data sets of PyTorch and Hugging Face in the two lines that the documentation shows."""

from __future__ import annotations

import numpy as np
import pytest

import labelnoise as ln

LABELS = np.arange(60) % 3
FEATURES = np.arange(120, dtype=np.float32).reshape(60, 2)


def test_a_tensor_data_set_holds_each_sample_with_its_noisy_label():
    torch = pytest.importorskip("torch")
    from torch.utils.data import TensorDataset

    noisy = ln.corrupt(torch.as_tensor(LABELS), ln.UniformNoise(), 0.5, random_state=0)
    data = TensorDataset(torch.as_tensor(FEATURES), torch.as_tensor(noisy.labels))
    assert [int(label) for _, label in data] == noisy.labels.tolist()
    assert data.tensors[1].dtype == torch.int64  # what torch's losses take
    assert noisy.changed.any()


@pytest.mark.parametrize("seen", [3, 2], ids=["all classes occur", "one class does not occur"])
def test_a_column_of_noisy_labels_keeps_the_names_of_its_classes(seen):
    datasets = pytest.importorskip("datasets")
    names = datasets.ClassLabel(names=["cat", "dog", "emu"])
    kinds = datasets.Features({"x": datasets.Value("int64"), "label": names})
    data = datasets.Dataset.from_dict({"x": range(60), "label": LABELS % seen}, features=kinds)

    noisy = ln.corrupt(data["label"], ln.UniformNoise(), 0.5, classes=range(names.num_classes), random_state=0)
    noisy_data = data.remove_columns("label").add_column("label", noisy.labels, feature=data.features["label"])
    assert noisy_data.features == kinds
    assert noisy_data["label"][:] == noisy.labels.tolist()
    assert noisy_data["x"][:] == list(range(60))
    assert set(noisy.labels.tolist()) == {0, 1, 2}

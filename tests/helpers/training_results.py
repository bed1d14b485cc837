"""Fixtures and comparisons for the tests of training."""

import contextlib
import dataclasses

import numpy as np
import pytest
import torch

from labelnoise.training.loop import Training


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Use one thread; with small images, more threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def assert_same(first, second):
    """Assert that two results are equal bit by bit, except for their times."""
    assert first.network.state_dict().keys() == second.network.state_dict().keys()
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[name]), name
    assert [dataclasses.replace(epoch, seconds=0) for epoch in first.history] == [
        dataclasses.replace(epoch, seconds=0) for epoch in second.history
    ]
    for name in ("best_epoch", "stopped_early", "diverged_at"):
        assert getattr(first, name) == getattr(second, name), name
    np.testing.assert_array_equal(first.pred_probs, second.pred_probs)
    np.testing.assert_array_equal(first.test_features, second.test_features)


def shown_by_bar(monkeypatch, module):
    """Return a list that collects the texts that a module's progress bars show from now on."""
    shown, make = [], module.bar

    def bar(*arguments, **options):
        made = make(*arguments, **options)
        monkeypatch.setattr(made, "set_postfix_str", lambda text, refresh: shown.append(text))
        return made

    monkeypatch.setattr(module, "bar", bar)
    return shown


@contextlib.contextmanager
def interrupted_at(epoch):
    """Interrupt training at the start of this epoch, as by Ctrl-C."""
    begin = Training.begin_epoch

    def interrupted(training, at):
        if at == epoch:
            raise KeyboardInterrupt
        return begin(training, at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "begin_epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            yield

"""What `labelnoise curve` does, called from Python."""

import numpy as np
import pytest

import labelnoise as ln
from labelnoise.jobs.curve import CurveJob, run_curve
from labelnoise.jobs.samples import SampleSource


def test_a_result_that_another_process_wrote_meanwhile_is_kept(tmp_path):
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 3
    np.save(tmp_path / "x.npy", rng.normal(size=(60, 4)) + 3 * np.eye(3, 4)[truth])
    np.save(tmp_path / "y.npy", truth)
    samples = SampleSource(features=str(tmp_path / "x.npy"), labels=str(tmp_path / "y.npy"))
    job = CurveJob(samples=samples, noise=ln.UniformNoise(), noise_rates=(0.0, 0.3), k=(3,))

    def search(*args, **kwargs):
        run_curve(CurveJob(samples=samples, noise=ln.UniformNoise(), noise_rates=(0.0, 0.3), k=(5,)), tmp_path / "out")
        return ln.neighbors(*args, **kwargs)

    with pytest.raises(FileExistsError, match="is not of this specification"):
        run_curve(job, tmp_path / "out", search=search)
    assert (tmp_path / "out" / "curve.csv").read_text().count(",5,") == 2
    run_curve(job, tmp_path / "out", overwrite=True)

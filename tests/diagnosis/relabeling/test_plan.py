import numpy as np
import pytest
from helpers.labeled_samples import blobs, one_hot, random_samples, samples_of

from labelnoise.diagnosis.estimate import Estimate
from labelnoise.diagnosis.estimation.posterior import combine_views
from labelnoise.diagnosis.relabeling.cost import cleaning_curve
from labelnoise.diagnosis.relabeling.orders import ORDERS, cleaning_order, predicted_curve
from labelnoise.diagnosis.relabeling.plan import relabeling_plan, where_noise_lies


def rho(value, low, high, n_checked=200):
    return Estimate(value, low, high, "interval" if n_checked else "bracket", n_checked, "pairs were drawn at random")


@pytest.fixture(scope="module")
def flipped():
    """Clouds with 40 % of the labels flipped, a posterior that knows the noise, and the true codes."""
    rng = np.random.default_rng(0)
    true, _, indices = blobs(rng, per_class=500)
    codes = np.where(rng.random(len(true)) < 0.4, (true + 1) % 3, true)
    matrix = 0.6 * np.eye(3) + 0.4 * np.roll(np.eye(3), 1, axis=1)
    data = samples_of(codes, indices, 3, classes=np.array(["ant", "bee", "cat"]), rows=2 * np.arange(len(true)))
    return data, combine_views(data, matrix, np.full((len(true), 3), 1 / 3)), true


class TestOrders:
    @pytest.mark.parametrize("by", ORDERS)
    def test_every_order_holds_every_sample_once(self, by):
        data, posterior = random_samples(np.random.default_rng(0), n=60)
        order = cleaning_order(data, posterior, by, random_state=0)
        assert sorted(order.tolist()) == list(range(60))

    def test_an_unknown_order_is_refused_with_the_known_ones(self):
        data, posterior = random_samples(np.random.default_rng(0))
        with pytest.raises(ValueError, match="'gain', 'suspicion', 'region', 'random'; got 'best'"):
            cleaning_order(data, posterior, "best")

    def test_the_first_labels_by_gain_are_worth_twice_as_many_random_ones(self, flipped):
        data, posterior, true = flipped
        n = len(true)
        gained = {}
        for by in ("gain", "random"):
            order = cleaning_order(data, posterior, by, random_state=1)
            real = cleaning_curve(data, one_hot(true, 3), order, name=by, n_cleaned=[0, n // 20], random_state=0)
            gained[by] = real.accuracy[1] - real.accuracy[0]
        assert gained["gain"] > 2 * gained["random"] > 0

    def test_a_gain_that_is_chance_is_not_promised(self):
        # Labels and neighbors are random, so new samples gain nothing, but these very samples do.
        rng = np.random.default_rng(3)
        data, _ = random_samples(rng, n=1000, k=5)
        known = one_hot(rng.integers(3, size=1000), 3)
        order = cleaning_order(data, known, "gain")
        own = cleaning_curve(data, known, order, name="gain", n_cleaned=[0, 200], random_state=0)
        new = predicted_curve(data, known, "gain", n_cleaned=[0, 200], random_state=0)
        assert own.accuracy[1] - own.accuracy[0] > 0.1
        assert abs(new.accuracy[1] - new.accuracy[0]) < 0.05


class TestPlan:
    def test_it_lists_the_users_rows_and_labels_with_reasons(self, flipped):
        data, posterior, _ = flipped
        plan = relabeling_plan(data, posterior, 50, random_state=0)
        frame = plan.samples
        assert list(frame.columns) == [
            *("index", "given_label", "suggested_label", "wrong_probability", "gain", "expected_accuracy", "region"),
        ]
        positions = frame["index"].to_numpy() // 2
        assert frame["given_label"].tolist() == data.given_labels[positions].tolist()
        assert frame["suggested_label"].tolist() == data.classes[posterior[positions].argmax(axis=1)].tolist()
        assert frame["expected_accuracy"].is_monotonic_increasing
        assert frame["gain"].is_monotonic_decreasing
        assert plan.order == "gain"

    def test_answered_samples_are_left_out(self, flipped):
        data, posterior, _ = flipped
        whole = relabeling_plan(data, posterior, 50, random_state=0).samples
        answered = np.isin(data.rows, whole["index"].to_numpy()[[0, 1, 5]])
        plan = relabeling_plan(data, posterior, 47, answered=answered, random_state=0).samples
        assert plan["index"].tolist() == whole["index"].drop([0, 1, 5]).tolist()
        assert plan["expected_accuracy"].is_monotonic_increasing
        none_left = relabeling_plan(data, posterior, 50, answered=np.ones(len(answered), dtype=bool), random_state=0)
        assert none_left.samples.empty

    def test_the_order_with_the_highest_expected_accuracy_is_taken(self, flipped):
        data, posterior, _ = flipped
        for n in (20, 600, 1400):
            plan = relabeling_plan(data, posterior, n, random_state=0)
            reached = {by: float(curve.at(n)) for by, curve in plan.curves.items()}
            assert reached[plan.order] >= max(reached.values()) - 0.005

    def test_without_an_audit_it_says_that_it_does_not_know_where_noise_lies(self, flipped):
        plan = relabeling_plan(*flipped[:2], 5, random_state=0)
        assert plan.case == "unknown"
        assert "Audit.draw" in plan.caveat

    def test_regions_go_first_where_noise_is_known_to_be_concentrated(self):
        true, _, indices = blobs(np.random.default_rng(1), spread=0.1)
        codes = true.copy()
        codes[:60] = 1  # most of one side of a cloud
        data, posterior = samples_of(codes, indices, 3), one_hot(true, 3)
        plan = relabeling_plan(data, posterior, 60, concentration=rho(0.4, 0.2, 0.6), random_state=0)
        assert plan.case == "concentrated"
        assert next(iter(plan.curves)) == plan.order == "region"
        assert plan.samples["wrong_probability"].mean() > 0.5

    def test_as_many_labels_as_there_are_samples_can_be_asked_for_and_no_more(self, flipped):
        data, posterior, _ = flipped
        assert len(relabeling_plan(data, posterior, 1500, order="suspicion", random_state=0).samples) == 1500
        with pytest.raises(ValueError, match="`n` must be at most 1500, the number of labeled samples; got 1501"):
            relabeling_plan(data, posterior, 1501)

    def test_the_same_seed_gives_the_same_plan(self, flipped):
        first, again = (relabeling_plan(*flipped[:2], 30, random_state=7) for _ in range(2))
        assert first.samples.equals(again.samples)


@pytest.mark.parametrize(
    ("concentration", "case"),
    [
        (None, "unknown"),
        (rho(0.3, 0.0, 1.0, n_checked=0), "unknown"),
        (rho(0.3, 0.1, 0.5), "concentrated"),
        (rho(0.3, -0.1, 0.7), "spread"),
        (rho(0.05, 0.01, 0.09), "spread"),
    ],
)
def test_only_checked_labels_say_where_noise_lies(concentration, case):
    assert where_noise_lies(concentration) == case


def test_wrong_rates_that_differ_by_class_are_no_concentration_within_one():
    assert where_noise_lies(rho(0.25, 0.21, 0.3), by_class=0.26) == "by class"
    assert where_noise_lies(rho(0.25, 0.21, 0.3), by_class=0.1) == "concentrated"
    assert where_noise_lies(rho(0.05, 0.01, 0.09), by_class=0.26) == "spread"

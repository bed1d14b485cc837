"""An audit keeps its draw and its answers, adds up, and knows its data."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.noisy_population import noise_of, population

from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.auditing.design import drawing_probabilities, reverse_counts
from labelnoise.diagnosis.auditing.draws import UNSURE
from labelnoise.diagnosis.auditing.updating import updated_posterior
from labelnoise.diagnosis.checklist import checkers
from labelnoise.diagnosis.estimation.label_probabilities import wrong_probability_of

PEOPLE = population(400, k=5)


def draw(n=30, seed=0, *, audit=None, **options):
    return Audit.draw(PEOPLE.diagnosis(audit), n, random_state=seed, **options)


def test_samples_hold_what_a_person_needs_and_no_answer():
    table = draw().samples
    assert list(table.columns) == ["index", "given_label", "suggested_label", "true_label"]
    assert (table.given_label == PEOPLE.data.given_labels[table["index"]]).all()
    assert table.true_label.isna().all()
    assert table["index"].is_unique


def test_samples_are_rows_of_what_the_user_passed_with_their_paths():
    rows = np.arange(400) * 3 + 1
    people = replace(PEOPLE, data=replace(PEOPLE.data, rows=rows, n_given=1300))
    diagnosis = people.diagnosis()
    diagnosis.paths = np.array([f"{row}.png" for row in rows])
    table = Audit.draw(diagnosis, 10, random_state=0).samples
    assert set(table["index"]) <= set(rows)
    assert table.path.tolist() == [f"{row}.png" for row in table["index"]]
    assert (table.given_label == PEOPLE.data.given_labels[(table["index"] - 1) // 3]).all()


def test_the_same_seed_draws_the_same_samples_and_another_seed_others():
    assert draw().samples.equals(draw().samples)
    assert draw().samples["index"].tolist() != draw(seed=1).samples["index"].tolist()


def test_pairs_come_together_and_are_left_out_on_request_or_without_neighbors():
    (drawn,) = draw().draws
    entries = np.flatnonzero(drawn.is_drawn & (drawn.partner_entries >= 0))
    assert drawn.n_partners == len(entries) >= 29
    after = drawn.partner_entries[entries] - entries
    assert (after == 1).mean() > 0.8  # A partner comes next, unless it was drawn itself.
    assert len(draw(pairs=False)) == 30
    alone = replace(PEOPLE, data=replace(PEOPLE.data, neighbors=None))
    assert len(Audit.draw(alone.diagnosis(), 30, random_state=0)) == 30


def test_more_samples_than_labels_are_refused():
    with pytest.raises(ValueError, match=r"`n` must be at most 400"):
        draw(401)


def test_answers_are_counted():
    audit = draw(pairs=False)
    first, second = audit.samples["index"][:2]
    answered = audit.with_answers({first: "cat", second: "unsure"})
    assert (answered.n_checked, answered.n_unsure, answered.n_open, len(answered)) == (1, 1, 28, 30)
    assert repr(answered) == "Audit(30 samples: 1 checked, 1 unsure, 28 open)"
    assert answered.samples.true_label[:3].tolist() == ["cat", "unsure", None]
    assert answered.with_answers([None] * 30).n_checked == 1
    assert audit.n_checked == 0


def test_answers_that_are_no_classes_or_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"must be one of the 3 classes 'cat', 'dog', '=cow'"):
        draw().with_answers({draw().samples["index"][0]: "horse"})
    with pytest.raises(ValueError, match=r"must hold one label per row of `samples`"):
        draw().with_answers(["cat"])


def test_audits_add_up_and_copies_of_one_count_once():
    one, other = PEOPLE.answered(draw()), PEOPLE.answered(draw(seed=1))
    assert len((one + other).draws) == 2
    assert len((one + one).draws) == 1
    assert (draw() + one).n_checked == one.n_checked
    assert (one + draw()).n_checked == one.n_checked


def test_contradictions_are_refused():
    one = draw(pairs=False)
    index = one.samples["index"][0]
    with pytest.raises(ValueError, match=rf"must not contradict each other; they do at index {index}\."):
        one.with_answers({index: "cat"}) + one.with_answers({index: "dog"})
    everyone, again = draw(400, pairs=False), draw(399, seed=1, pairs=False)
    both = everyone.with_answers({index: "cat"}) + again
    assert both.n_checked == 1
    with pytest.raises(
        ValueError, match=rf"one answer per sample; index {index} has two in two draws, 'cat' and unsure"
    ):
        everyone.with_answers({index: "cat"}) + again.with_answers({index: "unsure"})


def test_audits_of_other_labels_are_refused():
    other = population(400, k=5, seed=1)
    with pytest.raises(ValueError, match=r"audits that are added must be of the same labels"):
        draw() + Audit.draw(other.diagnosis(), 5, random_state=0)
    with pytest.raises(ValueError, match=r"`audit` must be drawn from these labels"):
        draw().check_data(other.data)
    draw().check_data(PEOPLE.data)


def test_a_second_audit_draws_new_samples_where_the_first_found_wrong_labels():
    people = population(2000, rate=0.3, seen=0.0, in_region=True, k=10)
    first = people.answered(Audit.draw(people.diagnosis(), 100, random_state=0))
    second = Audit.draw(people.diagnosis(first), 100, random_state=1)
    (drawn,) = second.draws
    assert drawn.round == 2
    new = drawn.index[drawn.is_drawn]
    assert not set(new) & set(first.checked_codes())
    known = [index for index in drawn.index.tolist() if index in first.checked_codes()]
    assert second.n_checked == len(known)
    errors = wrong_probability_of(updated_posterior(people.data, people.noise, first), people.data.codes)
    reverse = reverse_counts(people.data.neighbors.indices, 2000)
    expected = drawing_probabilities(
        errors, 100, reverse=reverse, known=np.isin(np.arange(2000), list(first.checked_codes()))
    )
    np.testing.assert_allclose(drawn.probability, expected[drawn.index], rtol=1e-3)
    assert [draw.round for draw in (second + first).draws] == [1, 2]


def test_an_unsure_sample_may_be_asked_for_again():
    first = draw(400, pairs=False)
    index = first.samples["index"][0]
    first = PEOPLE.answered(first).with_answers({index: "unsure"})
    second = Audit.draw(PEOPLE.diagnosis(first), 1, pairs=False, random_state=0)
    assert second.samples["index"].tolist() == [index]
    assert first.checked_codes()[index] == UNSURE


def test_samples_of_doubtful_labels_are_drawn_more_often():
    errors = np.where(np.arange(400) < 40, 0.5, 0.01)
    posterior = np.repeat(errors[:, None] / 2, 3, axis=1)
    posterior[np.arange(400), PEOPLE.data.codes] = 1 - errors
    diagnosis = PEOPLE.diagnosis()
    diagnosis.noise = noise_of(posterior, PEOPLE.data.codes)
    drawn = Audit.draw(diagnosis, 100, pairs=False, random_state=0).draws[0]
    assert 16 <= (drawn.index < 40).sum() <= 26  # A uniform draw would hold 10, and 20 are expected.


def with_second(audit, answers):
    """Return the audit, its first samples answered twice: pairs of codes."""
    (only,) = audit.draws
    first, second = (np.full(len(only.index), -1) for _ in range(2))
    for row, pair in enumerate(answers):
        first[row], second[row] = pair
    return replace(audit, draws=(replace(only, answers=first, second=second),))


def test_disagreement_is_the_share_of_answers_that_another_person_gives_differently():
    assert draw().disagreement is None
    assert with_second(draw(), [(0, -1), (-1, 1), (0, UNSURE)]).disagreement is None
    found = with_second(draw(), [(0, 0), (1, 1), (2, 1), (0, 0), (UNSURE, 1), (1, -1)]).disagreement
    assert (found.value, found.n_checked) == (0.25, 4)
    # Clopper and Pearson: at the ends, 1 of 4 or more (or fewer) has a probability of 2.5 %.
    assert 1 - (1 - found.low) ** 4 == pytest.approx(0.025, abs=1e-6)
    assert (1 - found.high) ** 4 + 4 * found.high * (1 - found.high) ** 3 == pytest.approx(0.025, abs=1e-6)


def test_copies_of_an_audit_must_agree_and_a_contradiction_may_be_a_second_opinion():
    mine, theirs = with_second(draw(), [(0, 1)]), with_second(draw(), [(0, 2)])
    with pytest.raises(ValueError, match="copy one person's into the other's column second_opinion"):
        mine + theirs


@pytest.mark.parametrize(
    ("answers", "status", "seen"),
    [
        ([], "unknown", "no checked label was checked by another person"),
        ([(0, 0)] * 10, "ok", "of 10 labels that two people checked, they see 0 % differently (0 to 31 %)"),
        ([(0, 0)] * 9 + [(0, 1)], "note", "they see 10 % differently"),
        ([(0, 0)] * 4 + [(0, 1)], "problem", "they see 20 % differently"),
    ],
)
def test_a_check_says_whether_the_checkers_agree(answers, status, seen):
    check = checkers(SimpleNamespace(audit=with_second(draw(), answers)))
    assert check.status == status
    assert seen in check.seen

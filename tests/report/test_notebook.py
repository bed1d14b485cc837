"""What notebooks show of results: their figures, with all text escaped, and valid markup."""

from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

import labelnoise as ln

NAMES = np.array(["<b>0</b>", "</table>", "a & b", "3", "4", "5", "6", "7", "8", "<script>9"], dtype=object)


class Cells(HTMLParser):
    """The cells of tables; tags must be closed in order."""

    def __init__(self, source):
        super().__init__()
        self.open, self.texts, self.names = [], [], []
        self.feed(source)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.names.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th", "strong", "p"):
            self.texts.append(data)


@pytest.fixture(scope="module")
def noisy():
    return ln.corrupt(NAMES[load_digits().target[:300]], ln.FlipNoise(), 0.2, random_state=0)


def test_noisy_labels_show_what_was_changed(noisy):
    shown = Cells(noisy._repr_html_())
    assert f"{100 * noisy.changed_rate:.1f} %" in shown.texts
    assert set(NAMES) <= set(shown.texts)
    assert not {"b", "script"} & set(shown.names)
    for value in noisy.transition_matrix.ravel():
        assert f"{100 * value:.1f} %" in shown.texts


def test_a_curve_shows_its_accuracies_and_its_figure(digits):
    _, labels, _, truth, hoods = digits
    rates = np.linspace(0, 0.9, 31)
    curve = ln.predict_knn(hoods, labels, truth, ln.UniformNoise(), rates, [5, 10])
    shown = Cells(curve._repr_html_())
    assert shown.names.count("svg") == 1
    assert shown.names.count("tr") == 1 + 12
    for place in (0, -1):
        for value in curve.accuracy[place]:
            assert f"{100 * value:.1f} %" in shown.texts


def test_the_curve_of_a_classifier_has_its_name_and_no_k():
    X, y = load_digits(return_X_y=True)
    data = X[:200], y[:200], X[200:300], y[200:300]
    about = {"repeats": 1, "name": "<i>mine</i>", "random_state": 0}
    curve = ln.measure(KNeighborsClassifier(3), *data, ln.FlipNoise(), [0.0, 0.3], **about)
    source = curve._repr_html_()
    assert "<i>" not in source
    shown = Cells(source[: source.index("</table>") + len("</table>")] + "</div>").texts
    assert shown[1:3] == ["noise rate", "<i>mine</i>"]
    assert not [text for text in shown if "K =" in text]


def test_a_diagnosis_shows_its_headline_and_every_check(noisy):
    found = ln.diagnose(noisy.labels, features=load_digits().data[:300], random_state=0)
    shown = Cells(found._repr_html_())
    assert any("labels are wrong" in text for text in shown.texts)
    assert f"{100 * found.wrong_rate.value:.1f} %" in shown.texts
    assert set(found.checks["seen"]) <= set(shown.texts)
    assert "script" not in shown.names

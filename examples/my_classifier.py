"""How much label noise does my own classifier bear? Measure it, and see how many neighbors would vote as well.

    python examples/my_classifier.py [FOLDER]

trains a random forest on digits with wrong labels, several times at each noise rate, prints its accuracy and
its effective K, and draws both over the curves of nearest neighbors in FOLDER (``labelnoise-output/examples`` unless
given). Put your own classifier and arrays in their place: any estimator of scikit-learn will do.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sklearn.ensemble import RandomForestClassifier

import labelnoise as ln
from labelnoise.data import load_digits


def main(folder: Path, n: int = 1347, repeats: int = 5) -> ln.AccuracyCurveDisplay:
    """Measure the classifier on the first `n` training digits, `repeats` times per noise rate, and draw it."""
    train, test = load_digits()
    display = ln.AccuracyCurveDisplay.from_estimator(
        RandomForestClassifier(n_estimators=50),
        train.features[:n] / 16,
        train.labels[:n],
        test.features / 16,
        test.labels,
        ln.UniformNoise(),
        [0, 0.2, 0.4, 0.6, 0.8],
        k=[1, 10, 100],
        repeats=repeats,
        random_state=0,
    )
    print(display.curve.to_frame()[["noise_rate", "accuracy", "std"]].round(3).to_string(index=False))
    print("It bears noise like a vote of", display.effective_k.value, "neighbors.")
    folder.mkdir(parents=True, exist_ok=True)
    display.figure_.savefig(folder / "my_classifier.png", dpi=150)
    return display


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "labelnoise-output/examples"))

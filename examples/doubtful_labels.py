"""How many labels are wrong, and which? Diagnose labels of unknown quality, and let a person check some of them.

    python examples/doubtful_labels.py [FOLDER]

prints how many labels are wrong and which to check first, and writes the table of labels to check to FOLDER
(``labelnoise-output/examples`` unless given). Put your own features and labels in the place of the digits, of which a
fifth is labeled wrong here. The true labels of the digits answer in the place of a person.
"""

from __future__ import annotations

import sys
from pathlib import Path

import labelnoise as ln
from labelnoise.data import load_digits


def main(folder: Path, n: int = 1347, checked: int = 100) -> ln.Diagnosis:
    """Diagnose the first `n` training digits, and again with an audit of `checked` pairs; return the second."""
    train, _ = load_digits()
    features, truth = train.features[:n], train.labels[:n]
    labels = ln.corrupt(truth, ln.FlipNoise(), 0.2, random_state=0).labels

    diagnosis = ln.diagnose(labels, features=features, random_state=0)
    print("wrong, by the labels alone:", diagnosis.wrong_rate)
    print(diagnosis.plan(10).to_string(index=False))

    # Samples are drawn in a random order, so a person may stop at any time.
    audit = ln.Audit.draw(diagnosis, checked, random_state=0)
    folder.mkdir(parents=True, exist_ok=True)
    audit.to_csv(folder / "to_check.csv")
    # A person would fill in to_check.csv, and `ln.Audit.read_csv(folder / "to_check.csv")` would read it. A page with
    # figures, and the same table, is written by `diagnosis.save(folder)`.
    answered = audit.with_answers({row: truth[row] for row in audit.samples["index"]})

    with_audit = ln.diagnose(labels, features=features, audit=answered, random_state=0)
    print("wrong, with the audit:     ", with_audit.wrong_rate)
    print("concentration:             ", with_audit.concentration)
    return with_audit


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "labelnoise-output/examples"))

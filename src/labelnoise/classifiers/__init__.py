"""A classifier of one's own, anything with scikit-learn's `fit` and `predict`, trained on noisy labels.

`training` fits clones of an estimator. `measured` does so at every noise rate and noise draw, and returns the accuracy
on clean test labels as a curve; `noisy_labels` is an estimator that corrupts the labels it is fitted on; and `display`
draws a curve, over the curves of K-NN if wanted. No name is handed on here, so that worker processes start quickly.
"""

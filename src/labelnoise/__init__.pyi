from .concentration_statistic import concentration, concentration_profile, concentration_test
from .corruption import NoisyLabels, corrupt
from .curves import AccuracyCurve
from .neighborhoods import Neighbors, clean_distribution, neighbors
from .noise import FlipNoise, MatrixNoise, UniformNoise
from .placement.clusters import KMeansCluster
from .placement.concentrated import Concentrated
from .placement.graph import ClassBoundary, HubnessProportional, Patches
from .placement.spread import Spread
from .plurality import plurality_probability
from .prediction import accuracy_curve, predict_knn
from .prediction.surface import AccuracySurface, accuracy_surface
from .sample_noise import corrupt_with_rows, noise_rows, softmax_rows
from .sample_noise.prediction import predict_with_rows, simulate_with_rows
from .simulation import simulate_knn
from .softmax.effective import effective_k

__version__: str
__all__ = [
    "AccuracyCurve",
    "AccuracySurface",
    "ClassBoundary",
    "Concentrated",
    "FlipNoise",
    "HubnessProportional",
    "KMeansCluster",
    "MatrixNoise",
    "Neighbors",
    "NoisyLabels",
    "Patches",
    "Spread",
    "UniformNoise",
    "accuracy_curve",
    "accuracy_surface",
    "clean_distribution",
    "concentration",
    "concentration_profile",
    "concentration_test",
    "corrupt",
    "corrupt_with_rows",
    "effective_k",
    "neighbors",
    "noise_rows",
    "plurality_probability",
    "predict_knn",
    "predict_with_rows",
    "simulate_knn",
    "simulate_with_rows",
    "softmax_rows",
]

from .corruption import NoisyLabels, corrupt
from .curves import AccuracyCurve
from .neighborhoods import Neighbors, clean_distribution, neighbors
from .noise import FlipNoise, MatrixNoise, UniformNoise
from .placement import KMeansCluster, Spread
from .plurality import plurality_probability
from .prediction import accuracy_curve, predict_knn
from .simulation import simulate_knn
from .surface import AccuracySurface, accuracy_surface

__version__: str
__all__ = [
    "AccuracyCurve",
    "AccuracySurface",
    "FlipNoise",
    "KMeansCluster",
    "MatrixNoise",
    "Neighbors",
    "NoisyLabels",
    "Spread",
    "UniformNoise",
    "accuracy_curve",
    "accuracy_surface",
    "clean_distribution",
    "corrupt",
    "neighbors",
    "plurality_probability",
    "predict_knn",
    "simulate_knn",
]

from .classifiers.display import AccuracyCurveDisplay
from .classifiers.measured import measure
from .classifiers.noisy_labels import NoisyLabelsClassifier
from .corruption import NoisyLabels, corrupt
from .curves.curve import AccuracyCurve
from .curves.from_rows import predict_with_rows, simulate_with_rows
from .curves.measured import simulate_knn
from .curves.predicted import accuracy_curve, predict_knn
from .curves.surface import AccuracySurface, accuracy_surface
from .diagnosis.auditing.audit import Audit
from .diagnosis.diagnose import diagnose
from .diagnosis.diagnosis import Diagnosis
from .diagnosis.estimate import Estimate
from .neighborhoods.distribution import clean_distribution
from .neighborhoods.nearest import neighbors
from .neighborhoods.neighbors import Neighbors
from .noise import FlipNoise, MatrixNoise, UniformNoise
from .placement.clusters import KMeansCluster
from .placement.concentrated import Concentrated
from .placement.concentration import concentration, concentration_profile, concentration_test
from .placement.graph import ClassBoundary, HubnessProportional, Patches
from .placement.spread import Spread
from .plurality.probability import plurality_probability
from .sample_noise import corrupt_with_rows, noise_rows, softmax_rows
from .softmax.effective import effective_k, fit_effective_k
from .softmax.fitted import EffectiveK
from .softmax.telling import most_telling_noise_rate

__version__: str
__all__ = [
    "AccuracyCurve",
    "AccuracyCurveDisplay",
    "AccuracySurface",
    "Audit",
    "ClassBoundary",
    "Concentrated",
    "Diagnosis",
    "EffectiveK",
    "Estimate",
    "FlipNoise",
    "HubnessProportional",
    "KMeansCluster",
    "MatrixNoise",
    "Neighbors",
    "NoisyLabels",
    "NoisyLabelsClassifier",
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
    "diagnose",
    "effective_k",
    "fit_effective_k",
    "measure",
    "most_telling_noise_rate",
    "neighbors",
    "noise_rows",
    "plurality_probability",
    "predict_knn",
    "predict_with_rows",
    "simulate_knn",
    "simulate_with_rows",
    "softmax_rows",
]

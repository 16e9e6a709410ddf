"""Small clips and short windows."""

from avbench.config.features import FeatureSettings

RATE, SIZE = 4.0, 16
FEATURES = FeatureSettings(frame_rate=RATE, audio_s=1.0, video_s=0.5)

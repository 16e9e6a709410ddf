"""Whether augmentation fits the windows and encoders of an experiment: found before any job."""

from avbench.config.augmentation import PICTURE, SOUND, SPECTRUM
from avbench.config.encoders import BuiltSettings
from avbench.config.features import FeatureSettings
from avbench.config.pretraining import PretrainSettings
from avbench.core.errors import UserError


def check_augmentation(settings: PretrainSettings, features: FeatureSettings) -> None:
    """Check that there is something to change, and that masks leave something.

    Args:
        settings: of pretraining.
        features: the windows.

    Raises:
        UserError: with the key, its value and what is allowed.
    """
    augmented, networks = settings.augmented, settings.networks
    if augmented is None:
        return
    where = "config: pretraining.augmentation"
    for modality, keys in (("audio", SOUND), ("video", PICTURE)):
        if modality in networks.given and (asked := augmented.asked(keys)):
            raise UserError(
                f"{where}.{asked[0]}: pretraining.model.{modality} takes features that were computed before, of which "
                "nothing is heard or seen. Leave it out."
            )
    hears = networks.audio
    if isinstance(hears, BuiltSettings) and hears.input == "wave" and (asked := augmented.asked(SPECTRUM)):
        raise UserError(f"{where}.{asked[0]}: pretraining.model.audio takes waves, and has no log-mel. Leave it out.")
    if augmented.time_mask_s is not None and augmented.time_mask_s >= features.audio_s:
        raise UserError(
            f"{where}.time_mask_s: {augmented.time_mask_s:g} s could mask the whole window; it must be shorter than "
            f"pretraining.features.audio_s, {features.audio_s:g}."
        )
    if augmented.mel_mask is not None and augmented.mel_mask >= features.n_mels:
        raise UserError(
            f"{where}.mel_mask: {augmented.mel_mask} could mask every band; it must be less than "
            f"pretraining.features.n_mels, {features.n_mels}."
        )

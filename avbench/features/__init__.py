"""What encoders take: windows, log-mel spectrograms, frames."""

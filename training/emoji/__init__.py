"""The recipe of the embedded text-to-emoji model: data, autoencoder, diffusion, distillation, export, evaluation."""
